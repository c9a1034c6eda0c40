import { newTopic } from '../soak-peer.mjs';
import { NumberedRelays } from './numbered-relays.mjs';

const KIND = 'honest pairs';
const PAIRS = 10;
const EVERY_MS = 40;

/**
 * Pairs that exchange numbered messages both ways at a steady, moderate rate. Nothing may be lost, whatever others do.
 */
export async function honestPairs(round) {
  await Promise.all(Array.from({ length: PAIRS }, () => round.once(KIND, () => pair(round))));
}

async function pair(round) {
  const topic = newTopic();
  const peers = await Promise.all([round.honestPeer(KIND), round.honestPeer(KIND)]);
  for (const peer of peers) peer.subscribe(topic);
  await Promise.all(peers.map((peer) => peer.sync()));

  const relays = peers.map((peer) => new NumberedRelays(round, KIND, peer, topic));
  relays[0].receiveAt(peers[1]);
  relays[1].receiveAt(peers[0]);
  while (!round.isOver) {
    for (const stream of relays) stream.sendNext();
    await round.after(EVERY_MS);
  }
  for (const stream of relays) await stream.finish();
  await Promise.all(peers.map((peer) => peer.close()));
}
