import { Injectable } from '@nestjs/common';
import { Clock } from '../clock/clock.js';
import { CHARGE_OF_ICE_SERVERS } from '../protocol/charges.js';
import { Throttle } from '../transport/throttle.js';
import type { Bucket } from '../transport/throttle.js';

/** Sources remembered: about 2 MB. Beyond that the one that asked the longest time ago is forgotten. */
const MOST_SOURCES = 10_000;

/**
 * Keeps each source that asks by plain HTTP to the rate of one connection (L1). Owns a token bucket for each of them.
 * Does not know what is asked for.
 * Invariant: sources are in the order in which they asked last, and there are never more than MOST_SOURCES.
 */
@Injectable()
export class IceRate {
  readonly #buckets = new Map<string, Bucket>();

  constructor(
    private readonly throttle: Throttle,
    private readonly clock: Clock,
  ) {}

  /** Charges a source. Returns the seconds until it may ask again, if it asks too often, and charges nothing then. */
  take(source: string): number | undefined {
    const now = this.clock.monotonic();
    for (const [oldest, { fullAt }] of this.#buckets) {
      if (fullAt > now) break;
      this.#buckets.delete(oldest);
    }
    const bucket = this.#buckets.get(source) ?? { fullAt: now };
    // As over a connection: one token lets it ask, and the others must come back before the next time.
    if (!this.throttle.spend(bucket)) return this.throttle.secondsToToken(bucket);
    this.throttle.charge(bucket, CHARGE_OF_ICE_SERVERS - 1);
    this.#buckets.delete(source);
    if (this.#buckets.size === MOST_SOURCES) this.#buckets.delete(this.#buckets.keys().next().value!);
    this.#buckets.set(source, bucket);
    return undefined;
  }
}
