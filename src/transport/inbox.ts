import { HeldMessages } from './held-messages.js';
import type { Incoming } from './held-messages.js';
import type { Throttle } from './throttle.js';

/** Whom an inbox is for. */
export interface Recipient {
  deliver(kind: Incoming, data: Buffer): void;
  /** Reads nothing more from the peer; what the last read brought still comes. */
  pause(): void;
  /** Reads on: everything that was held has been delivered. */
  resume(): void;
  /** So many bytes of memory are held for messages that wait. May have all of them dropped. */
  keeps(bytes: number): void;
}

/** Messages delivered at once when the wait for something is over; the others wait for their turn as throttled ones do. */
const RELEASED_AT_ONCE = 100;

/**
 * What one peer says, no faster than it may. Owns its token bucket and what is held back of what was read already. Knows
 * nothing of sockets. Invariant: everything is delivered once and in order, and nothing is held unless the peer is paused.
 */
export class Inbox {
  /** When the bucket would be full again, in milliseconds on the monotonic clock: a whole token bucket in one number. Kept by Throttle alone. */
  fullAt = 0;
  #held: HeldMessages | undefined;
  /** For how many things is waited before anything is delivered. */
  #waits = 0;

  constructor(
    private readonly recipient: Recipient,
    private readonly throttle: Throttle,
  ) {}

  get paused(): boolean {
    return this.#held !== undefined;
  }

  /** Delivers at once where the bucket has a token, else as soon as it has. */
  take(kind: Incoming, data: Buffer): void {
    if (this.#held !== undefined) {
      const before = this.#held.memory;
      this.#held.push(kind, data);
      const { memory } = this.#held;
      if (memory !== before) this.recipient.keeps(memory);
    } else if (this.throttle.spend(this)) {
      this.recipient.deliver(kind, data);
    } else {
      const held = this.#pause();
      held.push(kind, data);
      this.throttle.exceeded(this);
      this.recipient.keeps(held.memory);
    }
  }

  /** Delivers nothing until `until` is fulfilled. */
  hold(until: Promise<void>): void {
    this.#waits += 1;
    void until.then(() => this.#waited());
    if (this.#held === undefined) this.recipient.keeps(this.#pause().memory);
  }

  /** Delivers at most `most` of what is held, for as long as there are tokens; once nothing is, the peer is read again. How many. */
  release(most: number): number {
    let released = 0;
    // A delivery may drop what is held, or have the next one wait.
    while (this.#waits === 0 && this.#held?.empty === false && released < most && this.throttle.spend(this)) {
      const { kind, data } = this.#held.shift();
      released += 1;
      this.recipient.deliver(kind, data);
    }
    if (this.#waits === 0 && this.#held?.empty) this.#resume();
    return released;
  }

  /** Nothing more comes from the peer, and no answer reaches it: pings that are held are forgotten, and all when nothing else is waited for. */
  end(): void {
    if (this.#held?.forgetControl() && this.#waits === 0) this.#resume();
  }

  /** Forgets what is held, and reads on. */
  drop(): void {
    if (this.#held !== undefined) this.#resume();
  }

  #waited(): void {
    this.#waits -= 1;
    if (this.#waits > 0 || this.#held === undefined) return;
    this.release(RELEASED_AT_ONCE);
    if (this.#waits === 0 && this.#held !== undefined) this.throttle.add(this);
  }

  #pause(): HeldMessages {
    this.#held = new HeldMessages();
    this.recipient.pause();
    return this.#held;
  }

  #resume(): void {
    this.#held = undefined;
    this.throttle.remove(this);
    this.recipient.keeps(0);
    this.recipient.resume();
  }
}
