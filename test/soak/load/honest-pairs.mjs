import { newTopic } from '../soak-peer.mjs';
import { NumberedRelays } from './numbered-relays.mjs';

const KIND = 'honest pairs';
const EVERY_MS = 40;
/** The versions of the protocol that the two peers of a pair speak. */
const PAIRS = [
  [1, 1],
  [2, 2],
  [1, 2],
].flatMap((versions) => [versions, versions, versions]);

/**
 * Pairs that exchange numbered messages both ways at a steady, moderate rate. Nothing may be lost, whatever others do.
 */
export async function honestPairs(round) {
  await Promise.all(PAIRS.map((versions) => round.once(KIND, () => pair(round, versions))));
}

async function pair(round, versions) {
  const name = newTopic();
  const peers = await Promise.all(versions.map((version) => round.client(KIND, version)));
  const topics = await Promise.all(peers.map((peer) => peer.join(name)));

  const relays = topics.map((topic) => new NumberedRelays(round, KIND, topic));
  relays[0].receiveAt(topics[1]);
  relays[1].receiveAt(topics[0]);
  while (!round.isOver) {
    for (const stream of relays) stream.sendNext();
    await round.after(EVERY_MS);
  }
  for (const stream of relays) await stream.finish();
  await Promise.all(peers.map((peer) => peer.close()));
}
