import { newTopic } from '../soak-peer.mjs';
import { NumberedRelays } from './numbered-relays.mjs';

const KIND = 'fan-out';
const SUBSCRIBERS = 50;
const EVERY_MS = 20;

/** One sender and many subscribers, of both versions of the protocol: each must receive everything. */
export async function fanOut(round) {
  await round.once(KIND, async () => {
    const name = newTopic();
    const peers = await Promise.all(
      Array.from({ length: 1 + SUBSCRIBERS }, (_, i) => round.client(KIND, i % 2 === 0 ? 2 : 1)),
    );
    const [sender, ...subscribers] = await Promise.all(peers.map((peer) => peer.join(name)));
    const relays = new NumberedRelays(round, KIND, sender);
    for (const subscriber of subscribers) relays.receiveAt(subscriber);

    while (!round.isOver) {
      relays.sendNext();
      await round.after(EVERY_MS);
    }
    await relays.finish();
    await Promise.all(peers.map((peer) => peer.close()));
  });
}
