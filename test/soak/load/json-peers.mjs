import { randomBytes, randomInt } from 'node:crypto';
import { newTopic, relayMessage } from '../soak-peer.mjs';

const KIND = 'JSON peers';
const SIDE_BY_SIDE = 8;
const LONGEST_STAY_MS = 100;

/** Peers of the JSON dialect that publish, announce and query, and a CBOR peer that receives what is published. */
export async function jsonPeers(round) {
  await round.repeat(KIND, SIDE_BY_SIDE, async () => {
    const [publisher, finder, subscriber] = await Promise.all([1, 2, 3].map(() => round.honestPeer(KIND)));
    const topic = newTopic();
    const payload = randomBytes(1 + randomInt(1000));
    subscriber.subscribe(topic);
    await subscriber.sync();

    const [[acknowledged], relayed] = await Promise.all([publisher.publish(topic, payload), subscriber.next()]);
    expectType('ack', acknowledged);
    if (!relayed.equals(relayMessage(topic, payload))) throw new Error('a publication reached a subscriber mutilated');

    const peerId = randomBytes(32).toString('hex');
    const [announced] = await publisher.announce(topic, ['quic://192.0.2.7:4433'], peerId);
    expectType('ack', announced);
    const found = await finder.query(topic);
    expectType('result', found);
    // What was announced may have expired meanwhile; what was published stays as long as its publisher.
    if (!found.peers.some(({ addresses }) => addresses[0] === payload.toString('hex'))) {
      throw new Error('a query did not find what was published');
    }

    await round.after(randomInt(LONGEST_STAY_MS));
    for (const peer of [publisher, finder, subscriber]) {
      if (randomInt(2) === 0) await peer.close();
      else peer.cut();
    }
    round.count('JSON sessions');
  });
}

function expectType(type, answer) {
  if (answer?.type !== type) throw new Error(`${type} was due, and ${answer?.code ?? answer?.type} came`);
}
