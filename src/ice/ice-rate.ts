import { Injectable } from '@nestjs/common';
import { Clock } from '../clock/clock.js';
import { Settings } from '../config/settings.js';
import { CHARGE_OF_ICE_SERVERS } from '../protocol/charges.js';

/** Sources remembered: about 2 MB. Beyond that the one that asked the longest time ago is forgotten. */
const MOST_SOURCES = 10_000;

/**
 * Keeps each source that asks by plain HTTP to the rate of one connection (L1). Owns a token bucket for each of them
 * (as GCRA, ITU-T I.371). Does not know what is asked for.
 * Invariant: sources are in the order in which they asked last, and there are never more than MOST_SOURCES.
 */
@Injectable()
export class IceRate {
  /** When the bucket of a source will be full again, in milliseconds on the monotonic clock. */
  readonly #fullAt = new Map<string, number>();

  constructor(
    private readonly settings: Settings,
    private readonly clock: Clock,
  ) {}

  /** Charges a source. Returns the seconds until it may ask again, if it asks too often, and charges nothing then. */
  take(source: string): number | undefined {
    const { maxMessagesPerSecond, messageBurst } = this.settings;
    if (maxMessagesPerSecond === 0) return undefined;
    const now = this.clock.monotonic();
    const perToken = 1000 / maxMessagesPerSecond;
    for (const [oldest, fullAt] of this.#fullAt) {
      if (fullAt > now) break;
      this.#fullAt.delete(oldest);
    }
    const fullAt = Math.max(this.#fullAt.get(source) ?? now, now);
    const lacks = fullAt + perToken - now - perToken * messageBurst;
    // As over a connection: one token lets it ask, and the others must come back before the next time.
    if (lacks > 1e-6) return Math.ceil(lacks / 1000);
    this.#fullAt.delete(source);
    if (this.#fullAt.size === MOST_SOURCES) this.#fullAt.delete(this.#fullAt.keys().next().value!);
    this.#fullAt.set(source, fullAt + perToken * CHARGE_OF_ICE_SERVERS);
    return undefined;
  }
}
