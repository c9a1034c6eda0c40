import { Secret } from './secret.js';
import type { ActiveTopics } from './secret.js';
import { SignalError } from './shared.js';
import type { Signal } from './signal.js';
import type { Topic } from './topic.js';

export type { ActiveTopics } from './secret.js';

/** Topics that a CairnDiscovery is on at a time. cairn needs two, for each pairing. */
const MOST_TOPICS = 64;

/**
 * The topics that cairn derives from a pairing secret, at a Unix time in seconds: the current one first, and in the
 * overlap its neighbour. Rejects with `weak_secret` below 16 bytes.
 */
export async function rendezvousTopics(secret: BufferSource, at: number = Date.now() / 1000): Promise<ActiveTopics> {
  return (await Secret.of(secret)).topics(at);
}

/** A rendezvous id, as cairn's TypeScript library has it. */
export interface RendezvousId {
  /** The id in hexadecimal digits, which is the name of a topic. */
  toHex(): string;
}

/**
 * A `DiscoveryBackend` for cairn's TypeScript library. What is published is the data of a member (V5): it is there for
 * as long as this connection is, and only who knows the topic sees it. Owns the topics that were asked for. Does not
 * know what is published. Invariant: it is on at most 64 topics, those that were used last. The connection stays open
 * after `stop`, since it may serve others.
 */
export class CairnDiscovery {
  /** What cairn calls it. */
  readonly name = 'cairn-signal';
  readonly #signal: Signal;
  /** In the order of their use. */
  readonly #topics = new Map<string, Topic>();
  /** What JSON peers have published, which the server relays to who comes (J6). */
  readonly #records = new Map<Topic, Uint8Array>();

  constructor(signal: Signal) {
    this.#signal = signal;
  }

  /** Resolves when the server has it. Rejects with a SignalError, such as `data_too_large` or `unsupported`. */
  async publish(id: RendezvousId, payload: Uint8Array): Promise<void> {
    const topic = await this.#on(id);
    await topic.update(payload);
  }

  /** Resolves to what another member has published there, or to null. */
  async query(id: RendezvousId): Promise<Uint8Array | null> {
    const topic = await this.#on(id);
    const published = [...topic.members.values()].flatMap(({ data }) => data ?? []);
    return published.at(-1) ?? this.#records.get(topic) ?? null;
  }

  /** Leaves all topics, and takes back what was published. */
  async stop(): Promise<void> {
    for (const topic of this.#topics.values()) topic.leave();
  }

  /** The topic, once it is joined. */
  async #on(id: RendezvousId): Promise<Topic> {
    const name = id.toHex();
    const topic = this.#topics.get(name) ?? this.#join(name);
    this.#topics.delete(name);
    this.#topics.set(name, topic);
    const [oldest] = this.#topics.values();
    if (this.#topics.size > MOST_TOPICS) oldest.leave();
    await topic.ready;
    if (!this.#signal.welcome) throw new SignalError('unsupported', 'A server of v1 tells nobody what is published.');
    return topic;
  }

  #join(name: string): Topic {
    const topic = this.#signal.join(name, { presence: true });
    topic.addEventListener('message', ({ payload, from }) => {
      if (from === undefined) this.#records.set(topic, payload);
    });
    topic.addEventListener('ended', () => {
      this.#topics.delete(name);
      this.#records.delete(topic);
    });
    return topic;
  }
}
