import { Connection } from './connection.mjs';
import { many } from './many.mjs';
import { newTopic } from './pairs.mjs';

const SIDE = 20;

/** Connections with many topics each, which stay. Resolves when the server has handled all. */
export async function topics(target, { connections, each }) {
  await many(connections, SIDE, async () => {
    const peer = await Connection.open(target);
    for (let i = 0; i < each; i++) peer.subscribe(newTopic());
    await peer.sync();
  });
  return {};
}
