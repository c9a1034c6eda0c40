import type { Allowance } from '../connection/allowance.js';
import type { Refusal } from '../connection/refusal.js';

/** What a principal has on this node. */
export interface Share {
  readonly principal: string;
  connections: number;
  /** Subscriptions of all of its connections together. */
  topics: number;
  /** When its bucket will be full again, in milliseconds on the monotonic clock. */
  fullAt: number;
  /** Milliseconds until one token comes back, by the place that looked at it last. */
  perToken: number;
  /** Connections that may be cut for a newcomer, those spared longest first. */
  readonly spared: Set<PrincipalPlace>;
}

/** How fast all connections of a principal together may send. */
export interface PrincipalRate {
  /** Tokens that come back per second; 0 for no limit. */
  readonly rate: number;
  /** Tokens that the bucket holds. */
  readonly burst: number;
}

/** Who counts places. */
interface Registry {
  claim(place: PrincipalPlace): Refusal | undefined;
  gone(share: Share): void;
}

/** Tolerance for sums of fractions of a millisecond. */
const ROUNDING_MS = 1e-6;

/**
 * A connection as one of its principal's, from its upgrade to its end. Owns whether it still counts, and how it is cut
 * for a newcomer. Its messages take tokens out of the principal's bucket, which all places of the principal share, at
 * the rate of its own allowance.
 * Invariant: it counts once until `release`, and never after it.
 */
export class PrincipalPlace {
  /** Whether there is a rate. */
  readonly limited: boolean;
  /** Milliseconds until one token comes back, and until a whole bucket does. */
  readonly #perToken: number;
  readonly #perBucket: number;
  #released = false;
  #cut: (() => void) | undefined;

  constructor(
    readonly share: Share,
    readonly allowance: Allowance | undefined,
    { rate, burst }: PrincipalRate,
    private readonly registry: Registry,
  ) {
    this.limited = rate > 0;
    this.#perToken = rate === 0 ? 0 : 1000 / rate;
    this.#perBucket = this.#perToken * burst;
  }

  /** Whether the bucket lacks a token. `now` is in milliseconds on the monotonic clock, here and below. */
  lacks(now: number): boolean {
    return this.#fullAt(now) + this.#perToken - now > this.#perBucket + ROUNDING_MS;
  }

  /** Takes tokens even if the bucket has too few. */
  charge(now: number, tokens: number): void {
    this.share.fullAt = this.#fullAt(now) + tokens * this.#perToken;
  }

  /** Called once the newcomer is let in. Where there are too many now, another one is cut, or this one refused. */
  claim(): Refusal | undefined {
    return this.#released ? undefined : this.registry.claim(this);
  }

  /** A newcomer may have its place from now on. */
  spare(cut: () => void): void {
    if (this.#released) return;
    this.#cut = cut;
    this.share.spared.add(this);
  }

  /** Nobody else may have it any more. */
  keep(): void {
    this.#cut = undefined;
    this.share.spared.delete(this);
  }

  /** Cuts the connection, which is spared, and no longer counts it. */
  cut(): void {
    const cut = this.#cut!;
    this.release();
    cut();
  }

  /** When the bucket will be full again, where what is missing comes back at the rate of this place from now on. */
  #fullAt(now: number): number {
    const { share } = this;
    if (share.fullAt <= now) share.fullAt = now;
    else if (share.perToken !== this.#perToken) {
      share.fullAt = now + ((share.fullAt - now) / share.perToken) * this.#perToken;
    }
    share.perToken = this.#perToken;
    return share.fullAt;
  }

  /** The connection has ended. A second call does nothing. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.keep();
    this.registry.gone(this.share);
  }
}
