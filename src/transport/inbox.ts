import type { Connection } from '../connection/connection.js';
import type { TrafficCounts } from '../metrics/traffic-counts.js';
import { MOST_INTERRUPTIONS, tooManyInterruptions } from '../protocol/close-codes.js';
import type { FrameReceiver } from './frame-reader.js';
import { Framing } from './framing.js';
import { HeldMessages } from './held-messages.js';
import type { Incoming } from './held-messages.js';
import type { Throttle, Throttled } from './throttle.js';

/** The connection that an inbox belongs to. */
export interface Recipient extends Connection {
  /** Stops reading from the peer; what the last read brought still comes. */
  pause(): void;
  /** Reads on: everything that was held has been delivered. */
  resume(): void;
  /** Bytes of memory are held for what the peer has sent. May drop all of it. */
  holds(bytes: number): void;
}

/** Takes each frame when its turn has come. */
export interface Delivery {
  deliver(connection: Connection, kind: Incoming, data: Buffer): void;
}

/** What all inboxes share. */
export interface InboxShare {
  readonly codec: Delivery;
  readonly throttle: Throttle;
  readonly traffic: TrafficCounts;
}

/** Messages delivered together when a wait is over; the rest wait for their turn as throttled ones do. */
const RELEASED_TOGETHER = 100;

/**
 * What one peer says, no faster than it may. Owns its token bucket, and what is held back of what was read already. Knows nothing
 * of sockets or of what a message says.
 * Invariant: everything is delivered once and in order, and nothing is held unless the peer is paused.
 */
export class Inbox implements FrameReceiver, Throttled {
  fullAt = 0;
  #held: HeldMessages | undefined;
  /** Number of promises that delivery waits for. */
  #waits = 0;
  /** Bytes of memory for the message that is not finished. */
  #unfinished = 0;
  /** Pings and pongs in the middle of the message that the peer has begun. */
  #interruptions = 0;
  readonly #framing: Framing;

  constructor(
    private readonly recipient: Recipient,
    private readonly share: InboxShare,
    socket: { readonly bytesRead: number },
    maxMessageBytes: number,
  ) {
    this.#framing = new Framing(socket, maxMessageBytes);
  }

  get paused(): boolean {
    return this.#held !== undefined;
  }

  /** Delivers now where the bucket has a token; otherwise as soon as it has one. */
  take(kind: Incoming, data: Buffer): void {
    this.share.traffic.bytesIn += data.length;
    this.charge(this.#framing.count(data.length));
    if ((kind === 'ping' || kind === 'pong') && this.#interrupts()) return;
    if (this.#held !== undefined) {
      const before = this.#held.memory;
      this.#held.push(kind, data);
      if (this.#held.memory !== before) this.#note();
    } else if (this.share.throttle.spend(this)) {
      this.share.codec.deliver(this.recipient, kind, data);
    } else {
      this.#pause().push(kind, data);
      this.share.throttle.exceeded(this);
      this.#note();
    }
  }

  holds(bytes: number): void {
    this.#unfinished = bytes;
    this.#note();
  }

  /** Takes tokens for more than a message each. */
  charge(tokens: number): void {
    if (tokens > 0) this.share.throttle.charge(this, tokens);
  }

  /** Delivers nothing until `until` is fulfilled; it must not be rejected. */
  hold(until: Promise<void>): void {
    this.#waits += 1;
    void until.then(() => this.#waited());
    if (this.#held !== undefined) return;
    this.#pause();
    this.#note();
  }

  /** Delivers at most `most` of what is held, while there are tokens; once nothing is held, the peer is read again. Returns how many. */
  release(most: number): number {
    let released = 0;
    // A delivery may drop what is held, or make the next one wait.
    while (this.#waits === 0 && this.#held?.empty === false && released < most && this.share.throttle.spend(this)) {
      const { kind, data } = this.#held.shift();
      released += 1;
      this.share.codec.deliver(this.recipient, kind, data);
    }
    if (this.#waits === 0 && this.#held?.empty) this.#resume();
    return released;
  }

  /** Nothing more comes from the peer, and no answer reaches it: forgets pings that are held, and everything when nothing else waits. */
  end(): void {
    if (this.#held?.forgetControl() && this.#waits === 0) this.#resume();
  }

  /** Forgets what is held, and reads on. */
  drop(): void {
    if (this.#held !== undefined) this.#resume();
  }

  /** Whether a ping or pong is one too many in the middle of a message: a peer that sends so many does not mean to finish it. */
  #interrupts(): boolean {
    this.#interruptions = this.#unfinished > 0 ? this.#interruptions + 1 : 0;
    if (this.#interruptions <= MOST_INTERRUPTIONS) return false;
    this.recipient.close(tooManyInterruptions);
    return true;
  }

  #waited(): void {
    this.#waits -= 1;
    if (this.#waits > 0 || this.#held === undefined) return;
    this.release(RELEASED_TOGETHER);
    if (this.#waits === 0 && this.#held !== undefined) this.share.throttle.add(this);
  }

  #note(): void {
    this.recipient.holds(this.#unfinished + (this.#held?.memory ?? 0));
  }

  #pause(): HeldMessages {
    this.#held = new HeldMessages();
    this.recipient.pause();
    return this.#held;
  }

  #resume(): void {
    this.#held = undefined;
    this.share.throttle.remove(this);
    this.#note();
    this.recipient.resume();
  }
}
