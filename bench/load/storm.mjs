import { setTimeout as pause } from 'node:timers/promises';
import { Connection } from './connection.mjs';
import { clientFrame, TEXT } from './frame.mjs';
import { many } from './many.mjs';
import { newTopic } from './pairs.mjs';

const SIDE = 500;
/** Publications at a time, so that no receive buffer is the bottleneck. */
const PUBLISHED_TOGETHER = 500;

/**
 * Peers that come back and subscribe all at once, each to a topic to which a JSON peer of the node `far` has published.
 * The figures are how many of them were sent the publication, when all were connected, and when the last was sent it.
 */
export async function storm(target, { far, peers, patienceMs }) {
  const topics = Array.from({ length: peers }, newTopic);
  const publisher = await Connection.open({ ...target, port: far.port });
  for (let i = 0; i < peers; i += PUBLISHED_TOGETHER) {
    for (const topic of topics.slice(i, i + PUBLISHED_TOGETHER)) {
      publisher.send(clientFrame(TEXT, Buffer.from(JSON.stringify({ type: 'publish', topic, payload: 'eA==' }))));
    }
    await publisher.sync();
  }
  const began = performance.now();
  const back = await many(peers, SIDE, () => Connection.open(target));
  const connectedMs = performance.now() - began;
  let sent = 0;
  let lastMs = connectedMs;
  const all = new Promise((resolve) => {
    for (const peer of back) {
      peer.onMessage = () => {
        sent += 1;
        lastMs = performance.now() - began;
        if (sent === peers) resolve();
      };
    }
  });
  for (const [i, peer] of back.entries()) peer.subscribe(topics[i]);
  await Promise.race([all, pause(patienceMs)]);
  return { sent, connectedMs, lastMs };
}
