import type { CloseReason } from '../protocol/close-codes.js';
import type { Limit } from '../protocol/limits.js';

/** Bytes of memory that a waiting payload takes besides its content. */
const OVERHEAD_BYTES = 256;

/** Payloads that may have been taken before their slots are given back. */
const MOST_TAKEN = 1024;

/**
 * A limit of the server that the application reached, in the words that a peer is told (docs/protocol.md, section 4).
 */
export class SignalingError extends Error {
  override readonly name = 'SignalingError';
  /** The close code that a peer would have got. */
  readonly code: number;
  /** The setting that changes the limit. */
  readonly setting: Limit | undefined;

  constructor({ code, text, limit }: CloseReason) {
    super(text);
    this.code = code;
    this.setting = limit;
  }
}

/** The payloads that others relay to one topic, in the order they came. Each is a copy, which the reader may keep. */
export interface Subscription extends AsyncIterableIterator<Buffer> {
  readonly topic: string;
  /**
   * Fulfilled when nothing more comes: with undefined if the application unsubscribed or the node drains, otherwise
   * with the reason. Never rejected.
   */
  readonly ended: Promise<SignalingError | undefined>;
  /** Unsubscribes, and drops what waits. */
  return(): Promise<IteratorResult<Buffer, undefined>>;
}

/** What a subscription tells its owner. */
export interface SubscriptionOwner {
  /** The memory that waits for the reader changed by so many bytes. */
  waits(bytes: number): void;
  /** The subscription has ended. */
  left(subscription: PendingPayloads): void;
}

interface Reader {
  readonly resolve: (result: IteratorResult<Buffer, undefined>) => void;
  readonly reject: (error: SignalingError) => void;
}

/**
 * A subscription of the application. Owns the payloads that wait for its reader, and the readers that wait for one.
 * Knows nothing of limits.
 * Invariant: payloads are read once and in order. After its end it takes no more; after `return`, or an end with an
 * error, nothing waits. Readers learn of the error once.
 */
export class PendingPayloads implements Subscription {
  readonly ended: Promise<SignalingError | undefined>;
  #payloads: (Buffer | undefined)[] = [];
  /** Number of payloads at the front that were taken: undefined now, so that they take no memory. */
  #taken = 0;
  #bytes = 0;
  readonly #readers: Reader[] = [];
  #over = false;
  #error: SignalingError | undefined;
  #tellEnd!: (error: SignalingError | undefined) => void;

  constructor(
    readonly topic: string,
    private readonly owner: SubscriptionOwner,
  ) {
    this.ended = new Promise((resolve) => {
      this.#tellEnd = resolve;
    });
  }

  /** Bytes of memory that wait for the reader. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether nothing more comes. */
  get over(): boolean {
    return this.#over;
  }

  /** Takes a payload, which belongs to the reader from now on. */
  push(payload: Buffer): void {
    if (this.#over) return;
    const reader = this.#readers.shift();
    if (reader === undefined) {
      this.#payloads.push(payload);
      this.#note(payload.length + OVERHEAD_BYTES);
    } else reader.resolve({ value: payload, done: false });
  }

  /** Ends the subscription. What waits may still be read, unless there is an error. */
  end(error?: SignalingError): void {
    if (this.#over) return;
    this.#over = true;
    this.#error = error;
    if (error !== undefined) this.#drop();
    for (const reader of this.#readers.splice(0)) void this.next().then(reader.resolve, reader.reject);
    this.owner.left(this);
    this.#tellEnd(error);
  }

  next(): Promise<IteratorResult<Buffer, undefined>> {
    const payload = this.#payloads[this.#taken];
    if (payload !== undefined) {
      this.#take();
      this.#note(-payload.length - OVERHEAD_BYTES);
      return Promise.resolve({ value: payload, done: false });
    }
    if (!this.#over) return new Promise((resolve, reject) => this.#readers.push({ resolve, reject }));
    const error = this.#error;
    this.#error = undefined;
    return error === undefined ? Promise.resolve({ value: undefined, done: true }) : Promise.reject(error);
  }

  return(): Promise<IteratorResult<Buffer, undefined>> {
    this.#drop();
    this.#error = undefined;
    this.end();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #take(): void {
    this.#payloads[this.#taken] = undefined;
    this.#taken += 1;
    if (this.#taken < this.#payloads.length && this.#taken < MOST_TAKEN) return;
    this.#payloads = this.#payloads.slice(this.#taken);
    this.#taken = 0;
  }

  #drop(): void {
    this.#payloads = [];
    this.#taken = 0;
    this.#note(-this.#bytes);
  }

  #note(bytes: number): void {
    this.#bytes += bytes;
    if (bytes !== 0) this.owner.waits(bytes);
  }
}
