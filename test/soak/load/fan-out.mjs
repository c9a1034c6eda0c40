import { newTopic } from '../soak-peer.mjs';
import { NumberedRelays } from './numbered-relays.mjs';

const KIND = 'fan-out';
const SUBSCRIBERS = 50;
const EVERY_MS = 20;

/** One sender and many subscribers: each must receive everything. */
export async function fanOut(round) {
  await round.once(KIND, async () => {
    const topic = newTopic();
    const [sender, ...subscribers] = await Promise.all(
      Array.from({ length: 1 + SUBSCRIBERS }, () => round.honestPeer(KIND)),
    );
    const relays = new NumberedRelays(round, KIND, sender, topic);
    for (const subscriber of subscribers) {
      relays.receiveAt(subscriber);
      subscriber.subscribe(topic);
    }
    await Promise.all(subscribers.map((subscriber) => subscriber.sync()));

    while (!round.isOver) {
      relays.sendNext();
      await round.after(EVERY_MS);
    }
    await relays.finish();
    await Promise.all([sender, ...subscribers].map((peer) => peer.close()));
  });
}
