import { relayMessage } from '../support/peer.js';

/** One thing that a peer does, or that happens. A peer that is not connected connects first. */
export type Step =
  | { readonly act: 'connect' | 'close' | 'cut' | 'talk nonsense'; readonly who: number }
  | { readonly act: 'subscribe' | 'unsubscribe' | 'query'; readonly who: number; readonly topic: string }
  /** `size`: bytes of payload. */
  | {
      readonly act: 'relay' | 'relay leniently' | 'publish';
      readonly who: number;
      readonly topic: string;
      readonly size: number;
    }
  | {
      readonly act: 'announce';
      readonly who: number;
      readonly topic: string;
      readonly peerId: string;
      readonly addresses: readonly string[];
    }
  /** Time passes. */
  | { readonly act: 'wait'; readonly milliseconds: number };

/** Settings of the server under test, which the model follows; pinned sequences are made for these. */
export const BOUNDS = { ttl: 1000, perTopic: 3, recordBytes: 40_000, replayedBytes: 65_536, answerBytes: 4092 };

interface Left {
  readonly topic: string;
  readonly connection: number;
  readonly source: string;
  readonly announcer: string;
  readonly published: boolean;
  readonly bytes: Buffer | undefined;
  readonly peer: { readonly peer_id: string; readonly addresses: readonly string[] };
  orphan: boolean;
  expiresAt: number;
}

/**
 * What every connection receives, by docs/protocol.md (R1-R7, J1-J8): lists that are searched from end to end, slow and
 * simple. A binary message is its bytes in latin1, a JSON message is its value, and an error has no sentence.
 */
export class Model {
  /** By connection, in the order of their numbers. */
  readonly heard: unknown[][] = [];
  readonly #sources: string[] = [];
  #subscriptions: { topic: string; connection: number }[] = [];
  /** Oldest first. */
  #records: Left[] = [];
  #now = 0;

  connect(source: string): void {
    this.heard.push([]);
    this.#sources.push(source);
  }

  disconnect(connection: number): void {
    this.#subscriptions = this.#subscriptions.filter((subscription) => subscription.connection !== connection);
    for (const record of this.#records) {
      if (!record.published || record.connection !== connection) continue;
      record.orphan = true;
      record.expiresAt = this.#now + BOUNDS.ttl;
    }
  }

  subscribe(connection: number, topic: string): void {
    if (this.#subscribers(topic).includes(connection)) return;
    this.#subscriptions.push({ topic, connection });
    const messages = this.#found(connection, topic)
      .filter(({ published }) => published)
      .map(({ bytes }) => relayMessage(topic, bytes!));
    let left = BOUNDS.replayedBytes;
    const fitting = messages.findIndex((message) => (left -= message.length) < 0);
    for (const message of messages.slice(0, fitting < 0 ? undefined : fitting).toReversed()) {
      this.#hear(connection, message.toString('latin1'));
    }
  }

  unsubscribe(connection: number, topic: string): void {
    this.#subscriptions = this.#subscriptions.filter(
      (subscription) => subscription.connection !== connection || subscription.topic !== topic,
    );
  }

  relay(sender: number, topic: string, payload: Buffer): void {
    for (const subscriber of this.#subscribers(topic)) {
      if (subscriber !== sender) this.#hear(subscriber, relayMessage(topic, payload).toString('latin1'));
    }
  }

  publish(connection: number, topic: string, payload: Buffer): void {
    const left = {
      published: true,
      announcer: `connection ${connection}`,
      bytes: payload,
      peer: { peer_id: '', addresses: [payload.toString('hex')] },
      expiresAt: Infinity,
    };
    if (this.#leave(connection, topic, payload.length, left)) this.relay(connection, topic, payload);
  }

  announce(connection: number, topic: string, peerId: string, addresses: readonly string[]): void {
    const announcer = JSON.stringify([
      this.#sources[connection],
      peerId,
      ...(peerId === '' ? [...new Set(addresses)].toSorted() : []),
    ]);
    const isHex = addresses.length === 1 && /^([0-9a-f]{2})+$/i.test(addresses[0]);
    const bytes =
      addresses.length === 0 ? undefined : isHex ? Buffer.from(addresses[0], 'hex') : Buffer.from(addresses.join('\n'));
    this.#leave(connection, topic, peerId.length + addresses.join('').length, {
      published: false,
      announcer,
      bytes,
      peer: { peer_id: peerId, addresses },
      expiresAt: this.#now + BOUNDS.ttl,
    });
  }

  query(connection: number, topic: string): void {
    const found = this.#found(connection, topic);
    const answer = {
      type: 'result',
      topic,
      payload: found.find(({ bytes }) => bytes !== undefined)?.bytes?.toString('base64') ?? null,
      peers: [] as Left['peer'][],
    };
    for (const { peer } of found) {
      answer.peers.push(peer);
      if (Buffer.byteLength(JSON.stringify(answer)) > BOUNDS.answerBytes) answer.peers.pop();
    }
    this.#hear(connection, answer);
  }

  wait(milliseconds: number): void {
    this.#now += milliseconds;
  }

  #hear(connection: number, what: unknown): void {
    this.heard[connection].push(what);
  }

  #subscribers(topic: string): number[] {
    return this.#subscriptions
      .filter((subscription) => subscription.topic === topic)
      .map(({ connection }) => connection);
  }

  #on(topic: string): Left[] {
    return this.#records.filter((record) => record.topic === topic && record.expiresAt > this.#now);
  }

  /** Records of other peers, newest first. */
  #found(connection: number, topic: string): Left[] {
    return this.#on(topic)
      .filter((record) => record.connection !== connection)
      .toReversed();
  }

  #leave(
    connection: number,
    topic: string,
    size: number,
    what: Omit<Left, 'topic' | 'connection' | 'source' | 'orphan'>,
  ): boolean {
    const source = this.#sources[connection];
    const there = this.#on(topic);
    const same = there.find(({ announcer }) => announcer === what.announcer);
    const isFull = there.length >= BOUNDS.perTopic;
    const makesRoom =
      same ??
      (isFull ? (there.find(({ orphan }) => orphan) ?? there.find((record) => record.source === source)) : undefined);
    const refusal =
      size > BOUNDS.recordBytes ? 'record_too_large' : isFull && makesRoom === undefined ? 'topic_full' : undefined;
    this.#hear(connection, refusal === undefined ? { type: 'ack', topic } : { type: 'error', topic, code: refusal });
    if (refusal === undefined) {
      this.#records = [
        ...this.#records.filter((record) => record !== makesRoom),
        { ...what, topic, connection, source, orphan: false },
      ];
    }
    return refusal === undefined;
  }
}
