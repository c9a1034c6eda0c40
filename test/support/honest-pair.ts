import { expect } from '@jest/globals';
import { Peer, relayMessage } from './peer.js';
import type { PeerOptions } from './peer.js';

/** A topic that no attack names. */
const TOPIC = 'of the honest pair';

/** Two well-behaved peers: what the server does for them is what an attack must not take away. */
export class HonestPair {
  #trips = 0;

  private constructor(
    readonly one: Peer,
    readonly other: Peer,
  ) {}

  static async connect(url: string, options: PeerOptions = {}): Promise<HonestPair> {
    const pair = new HonestPair(await Peer.connect(url, options), await Peer.connect(url, options));
    for (const peer of [pair.one, pair.other]) {
      peer.subscribe(TOPIC);
      await peer.sync();
    }
    return pair;
  }

  /** Checks that an offer and an answer arrive, and nothing else. */
  async isServed(): Promise<void> {
    const trip = ++this.#trips;
    this.one.relay(TOPIC, `offer ${trip}`);
    expect(await this.other.next()).toEqual(relayMessage(TOPIC, `offer ${trip}`));
    this.other.relay(TOPIC, `answer ${trip}`);
    expect(await this.one.next()).toEqual(relayMessage(TOPIC, `answer ${trip}`));
    expect([this.one, this.other].flatMap(({ received, texts }) => [...received, ...texts])).toEqual([]);
  }
}
