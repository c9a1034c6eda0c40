import type { Connection } from '../connection/connection.js';
import type { Tally } from '../connection/tally.js';
import type { TrafficCounts } from '../metrics/traffic-counts.js';
import { MOST_INTERRUPTIONS, tooManyInterruptions } from '../protocol/close-codes.js';
import type { FrameReceiver } from './frame-reader.js';
import type { PrincipalPlace } from '../principals/principal-place.js';
import { Framing } from './framing.js';
import { HeldMessages } from './held-messages.js';
import type { Incoming } from './held-messages.js';
import type { Throttle, Throttled } from './throttle.js';

/** The connection that an inbox belongs to. */
export interface Recipient extends Connection {
  /** Stops reading from the peer. What the last read brought still comes. */
  pause(): void;
  /** Resumes reading: everything that was held has been delivered. */
  resume(): void;
  /** Reports how many bytes of memory are held for what the peer has sent. May drop all of it. */
  holds(bytes: number): void;
}

/** Takes each message when its turn has come. */
export interface Delivery {
  deliver(connection: Connection, kind: Incoming, data: Buffer): void;
  /** Whether the message may be delivered while earlier Subscribes wait for the bus: it is a Subscribe itself. */
  mayPass(kind: Incoming, data: Buffer): boolean;
}

/** What all inboxes share. */
export interface InboxShare {
  readonly codec: Delivery;
  readonly throttle: Throttle;
  readonly traffic: TrafficCounts;
}

/** Whose messages these are. */
export interface InboxOwner {
  readonly tally: Tally | undefined;
  readonly place: { readonly ofPrincipal: PrincipalPlace | undefined };
}

/** Messages delivered together when a wait is over. The rest wait for their turn as throttled ones do. */
const RELEASED_TOGETHER = 100;
/** Maximum number of Subscribes of one connection that wait for the bus at the same time. */
const MOST_SUBSCRIBING = 128;

/**
 * Delivers what one peer sends, no faster than the peer may send. Owns its token bucket, and what was read but is held
 * back. Knows nothing of sockets or of what a message says.
 * Invariant: everything is delivered once and in order, and nothing is held unless the peer is paused.
 */
export class Inbox implements FrameReceiver, Throttled {
  fullAt = 0;
  readonly ofPrincipal: PrincipalPlace | undefined;
  readonly #tally: Tally | undefined;
  #held: HeldMessages | undefined;
  /** Number of promises that delivery waits for. */
  #waits = 0;
  /** Number of those that Subscribes may pass. */
  #subscribing = 0;
  /** Whether the first of the held messages is known not to pass. */
  #blocked = false;
  /** Bytes of memory for the unfinished message. */
  #unfinished = 0;
  /** Number of pings and pongs inside the message that the peer has begun. */
  #interruptions = 0;
  /** Whether the peer has sent text, and whether it has sent anything else. */
  #texts = false;
  #others = false;
  readonly #framing: Framing;

  constructor(
    private readonly recipient: Recipient,
    private readonly share: InboxShare,
    socket: { readonly bytesRead: number },
    maxMessageBytes: number,
    { tally, place: { ofPrincipal } }: InboxOwner,
  ) {
    this.#tally = tally;
    this.ofPrincipal = ofPrincipal?.limited === true ? ofPrincipal : undefined;
    this.#framing = new Framing(socket, maxMessageBytes);
  }

  get paused(): boolean {
    return this.#held !== undefined;
  }

  /** Whether the peer has sent text messages and nothing else, neither a binary message nor an answer to a ping. */
  get textOnly(): boolean {
    return this.#texts && !this.#others;
  }

  /** Delivers now if the bucket has a token; otherwise as soon as it has one. */
  take(kind: Incoming, data: Buffer): void {
    this.share.traffic.bytesIn += data.length;
    if (kind === 'text') this.#texts = true;
    else this.#others = true;
    const tally = this.#tally;
    if (tally !== undefined && (kind === 'binary' || kind === 'text')) {
      tally.messagesIn += 1;
      tally.bytesIn += data.length;
    }
    this.charge(this.#framing.count(data.length));
    if ((kind === 'ping' || kind === 'pong') && this.#interrupts()) return;
    if (this.#held !== undefined) {
      const before = this.#held.memory;
      this.#held.push(kind, data);
      if (this.#held.memory !== before) this.#note();
      if (this.#waits > 0) this.release(RELEASED_TOGETHER);
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

  /** Takes extra tokens, beyond the one for each message. */
  charge(tokens: number): void {
    if (tokens > 0) this.share.throttle.charge(this, tokens);
  }

  /**
   * Delivers nothing until `until` is fulfilled; Subscribes, if `subscribing`. The promise must not be rejected.
   */
  hold(until: Promise<void>, subscribing: boolean): void {
    this.#waits += 1;
    if (subscribing) this.#subscribing += 1;
    void until.then(() => this.#waited(subscribing));
    if (this.#held !== undefined) return;
    this.#pause();
    this.#note();
  }

  /**
   * Delivers at most `max` of the messages that are held, while there are tokens. Resumes reading once nothing is held.
   * Returns how many were delivered.
   */
  release(max: number): number {
    let released = 0;
    // A delivery may drop what is held, or make the next one wait.
    while (
      this.#held?.empty === false &&
      released < max &&
      this.#mayDeliver(this.#held) &&
      this.share.throttle.spend(this)
    ) {
      const { kind, data } = this.#held.shift();
      this.#blocked = false;
      released += 1;
      this.share.codec.deliver(this.recipient, kind, data);
    }
    if (this.#waits === 0 && this.#held?.empty) this.#resume();
    return released;
  }

  /**
   * Ends the input: nothing more comes from the peer, and no answer reaches it. Drops pings that are held, and
   * everything if nothing else waits.
   */
  end(): void {
    this.#blocked = false;
    if (this.#held?.forgetControl() && this.#waits === 0) this.#resume();
  }

  /** Drops what is held, and resumes reading. */
  drop(): void {
    if (this.#held !== undefined) this.#resume();
  }

  /**
   * Counts a ping or pong. Closes the connection and returns true if there are too many inside one message: such a peer
   * does not mean to finish it.
   */
  #interrupts(): boolean {
    this.#interruptions = this.#unfinished > 0 ? this.#interruptions + 1 : 0;
    if (this.#interruptions <= MOST_INTERRUPTIONS) return false;
    this.recipient.close(tooManyInterruptions);
    return true;
  }

  /** Whether the first of what is held need not wait any more. */
  #mayDeliver(held: HeldMessages): boolean {
    if (this.#waits === 0) return true;
    if (this.#blocked || this.#subscribing < this.#waits || this.#waits >= MOST_SUBSCRIBING) return false;
    const { kind, data } = held.first;
    this.#blocked = !this.share.codec.mayPass(kind, data);
    return !this.#blocked;
  }

  #waited(subscribing: boolean): void {
    this.#waits -= 1;
    if (subscribing) this.#subscribing -= 1;
    if (this.#held === undefined) return;
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
    this.#blocked = false;
    this.share.throttle.remove(this);
    this.#note();
    this.recipient.resume();
  }
}
