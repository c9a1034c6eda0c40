import { randomBytes } from 'node:crypto';
import { Connection } from './connection.mjs';
import { many } from './many.mjs';

const SIDE = 50;

/** A random topic, as long as cairn's. */
export const newTopic = () => randomBytes(32).toString('hex');

/**
 * Opens pairs of connections. Each pair subscribes to its own topic, and each connection has a frame to send. The
 * second connection goes to the node `far`, if given.
 */
export function openPairs(target, { pairs, payloadBytes, far = target }) {
  return many(pairs, SIDE, async () => {
    const topic = newTopic();
    return Promise.all([member(target), member({ ...target, port: far.port })]);

    async function member(at) {
      const connection = await Connection.open(at);
      connection.subscribe(topic);
      await connection.sync();
      return { connection, frame: connection.relayFrame(topic, randomBytes(payloadBytes)) };
    }
  });
}
