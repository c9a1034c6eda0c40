import type { Clock } from '../clock/clock.js';
import { Sweep } from '../clock/sweep.js';
import type { LimitCounts } from '../metrics/limit-counts.js';
import type { PrincipalPlace } from '../principals/principal-place.js';

/** How fast a connection may send. */
export interface Rate {
  /** Tokens that come back per second; 0 for no limit. */
  readonly maxMessagesPerSecond: number;
  /** Tokens that a bucket holds. */
  readonly messageBurst: number;
}

/** A token bucket. */
export interface Bucket {
  /**
   * When the bucket will be full again, in milliseconds on the monotonic clock. This one number is the whole token
   * bucket. Only Throttle sets it.
   */
  fullAt: number;
  /** The peer as one of a principal whose peers have a rate together. */
  readonly ofPrincipal?: PrincipalPlace | undefined;
}

/** The token bucket of one connection, and what it holds back. */
export interface Throttled extends Bucket {
  /** Delivers at most `max` of the messages that are held, while there are tokens. Returns how many were delivered. */
  release(max: number): number;
}

/** Milliseconds between two looks at the paused connections. */
const INTERVAL_MS = 50;
/** Tolerance for sums of fractions of a millisecond. */
const ROUNDING_MS = 1e-6;
/** Messages delivered, plus connections looked at, in one turn of the event loop. */
const RELEASED_PER_STEP = 500;

/**
 * Keeps every connection to its rate. Owns the set of paused connections, and one timer for all of them, which runs
 * only while there are any. Each connection has a token bucket (as GCRA, ITU-T I.371). Knows nothing of messages.
 * Invariant: it holds exactly the inboxes that are paused.
 */
export class Throttle {
  readonly #paused = new Set<Throttled>();
  readonly #sweep = new Sweep(() => this.#step(), INTERVAL_MS);
  /** Milliseconds until one token comes back, and until a whole bucket does. */
  readonly #perToken: number;
  readonly #perBucket: number;
  /** Those of this pass that took tokens out of a bucket which others share. */
  #served: Throttled[] = [];
  /** Position of the pass over the paused connections. */
  #pass: Iterator<Throttled> = this.#paused.values();

  constructor(
    rate: Rate,
    private readonly clock: Clock,
    private readonly counts: LimitCounts,
  ) {
    this.#perToken = rate.maxMessagesPerSecond === 0 ? 0 : 1000 / rate.maxMessagesPerSecond;
    this.#perBucket = this.#perToken * rate.messageBurst;
  }

  /** Takes one token, and one of the principal's where it has a rate. Returns false, and takes none, if one lacks. */
  spend(bucket: Bucket): boolean {
    const { ofPrincipal } = bucket;
    if (this.#perToken === 0 && ofPrincipal === undefined) return true;
    const now = this.clock.monotonic();
    const fullAt = Math.max(bucket.fullAt, now) + this.#perToken;
    if (fullAt - now > this.#perBucket + ROUNDING_MS) return false;
    if (ofPrincipal !== undefined) {
      if (ofPrincipal.lacks(now)) return false;
      ofPrincipal.charge(now, 1);
    }
    bucket.fullAt = fullAt;
    return true;
  }

  /** Returns the seconds until a bucket of no principal, which lacks a token, has one again. */
  secondsToToken({ fullAt }: Bucket): number {
    return Math.ceil((fullAt + this.#perToken - this.#perBucket - this.clock.monotonic()) / 1000);
  }

  /** Takes tokens even if the bucket has too few. The missing ones must come back before the next token is spent. */
  charge(bucket: Bucket, tokens: number): void {
    if (tokens === 0) return;
    const now = this.clock.monotonic();
    bucket.fullAt = Math.max(bucket.fullAt, now) + tokens * this.#perToken;
    bucket.ofPrincipal?.charge(now, tokens);
  }

  /** Counts an inbox whose bucket is empty, and lets it wait for tokens. */
  exceeded(inbox: Throttled): void {
    const ofPrincipal = inbox.ofPrincipal?.lacks(this.clock.monotonic()) === true;
    this.counts.reached(ofPrincipal ? 'max-messages-per-second-per-principal' : 'max-messages-per-second');
    this.add(inbox);
  }

  /** Releases what an inbox holds when its turn comes. */
  add(inbox: Throttled): void {
    if (this.#paused.size === 0) this.#sweep.start();
    this.#paused.add(inbox);
  }

  remove(inbox: Throttled): void {
    this.#paused.delete(inbox);
    if (this.#paused.size === 0) this.#sweep.stop();
  }

  /** Releases messages of the next paused connections. Returns whether the pass over all of them is unfinished. */
  #step(): boolean {
    for (let left = RELEASED_PER_STEP; left > 0;) {
      const { done, value: inbox } = this.#pass.next();
      if (done === true) {
        this.#takeTurns();
        this.#pass = this.#paused.values();
        return false;
      }
      const released = inbox.release(left);
      // An inbox that may have more comes again in this pass, after the others.
      if (released === left && this.#paused.delete(inbox)) this.#paused.add(inbox);
      else if (released > 0 && inbox.ofPrincipal !== undefined) this.#served.push(inbox);
      left -= 1 + released;
    }
    return true;
  }

  /** Lets those come last in the next pass that took from a shared bucket in this one: it may have been all there was. */
  #takeTurns(): void {
    for (const inbox of this.#served) if (this.#paused.delete(inbox)) this.#paused.add(inbox);
    this.#served = [];
  }
}
