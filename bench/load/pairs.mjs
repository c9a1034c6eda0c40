import { randomBytes } from 'node:crypto';
import { Connection } from './connection.mjs';
import { many } from './many.mjs';

const SIDE = 50;

/** A topic that nobody else has, as long as cairn's. */
export const newTopic = () => randomBytes(32).toString('hex');

/** Pairs of connections, subscribed to a topic each, with the frame that each of the two sends. */
export function openPairs(target, { pairs, payloadBytes }) {
  return many(pairs, SIDE, async () => {
    const topic = newTopic();
    return Promise.all([member(), member()]);

    async function member() {
      const connection = await Connection.open(target);
      connection.subscribe(topic);
      await connection.sync();
      return { connection, frame: connection.relayFrame(topic, randomBytes(payloadBytes)) };
    }
  });
}
