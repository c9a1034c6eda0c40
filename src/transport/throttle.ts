import type { Clock } from '../clock/clock.js';
import { Sweep } from '../clock/sweep.js';
import type { LimitCounts } from '../metrics/limit-counts.js';

/** How fast a connection may send. */
export interface Rate {
  /** Tokens that come back each second; 0 for no limit. */
  readonly maxMessagesPerSecond: number;
  /** Tokens that a bucket holds. */
  readonly messageBurst: number;
}

/** What one connection has left of its rate, and what it holds back. */
export interface Throttled {
  /** When the bucket would be full again, in milliseconds on the monotonic clock: a whole token bucket in one number. Kept by Throttle alone. */
  fullAt: number;
  /** Delivers at most `most` of the messages that are held, while there are tokens. Returns how many. */
  release(most: number): number;
}

/** How often, in milliseconds, paused connections are looked at. */
const INTERVAL_MS = 50;
/** What adding up fractions of a millisecond may be off by. */
const ROUNDING_MS = 1e-6;
/** Messages delivered, and connections looked at, in one turn of the event loop. */
const RELEASED_A_STEP = 500;

/**
 * Keeps every connection to its rate, with one timer for all, which runs only while one is paused. A token bucket (as GCRA,
 * ITU-T I.371) for each. Knows nothing of messages. Invariant: it holds exactly the inboxes that are paused.
 */
export class Throttle {
  readonly #paused = new Set<Throttled>();
  readonly #sweep = new Sweep(() => this.#step(), INTERVAL_MS);
  /** Milliseconds that one token takes to come back, and that a whole bucket does. */
  readonly #perToken: number;
  readonly #perBucket: number;
  /** Where the pass over the paused connections stands. */
  #pass: Iterator<Throttled> = this.#paused.values();

  constructor(
    rate: Rate,
    private readonly clock: Clock,
    private readonly counts: LimitCounts,
  ) {
    this.#perToken = rate.maxMessagesPerSecond === 0 ? 0 : 1000 / rate.maxMessagesPerSecond;
    this.#perBucket = this.#perToken * rate.messageBurst;
  }

  /** Takes one token; false, and none taken, when there is none. */
  spend(inbox: Throttled): boolean {
    if (this.#perToken === 0) return true;
    const now = this.clock.monotonic();
    const fullAt = Math.max(inbox.fullAt, now) + this.#perToken;
    if (fullAt - now > this.#perBucket + ROUNDING_MS) return false;
    inbox.fullAt = fullAt;
    return true;
  }

  /** Takes tokens whether they are there or not; those that are not must come back before the next is spent. */
  charge(inbox: Throttled, tokens: number): void {
    if (tokens === 0) return;
    inbox.fullAt = Math.max(inbox.fullAt, this.clock.monotonic()) + tokens * this.#perToken;
  }

  /** The bucket of an inbox is empty: it waits for tokens. */
  exceeded(inbox: Throttled): void {
    this.counts.reached('max-messages-per-second');
    this.add(inbox);
  }

  /** Releases what an inbox holds in its turn. */
  add(inbox: Throttled): void {
    if (this.#paused.size === 0) this.#sweep.start();
    this.#paused.add(inbox);
  }

  remove(inbox: Throttled): void {
    this.#paused.delete(inbox);
    if (this.#paused.size === 0) this.#sweep.stop();
  }

  /** Releases what may go of the next paused connections. True when the pass over all of them is not over. */
  #step(): boolean {
    for (let left = RELEASED_A_STEP; left > 0;) {
      const { done, value: inbox } = this.#pass.next();
      if (done === true) {
        this.#pass = this.#paused.values();
        return false;
      }
      const released = inbox.release(left);
      // One that could go on comes again in this pass, after the others.
      if (released === left && this.#paused.delete(inbox)) this.#paused.add(inbox);
      left -= 1 + released;
    }
    return true;
  }
}
