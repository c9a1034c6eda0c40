import { Injectable } from '@nestjs/common';
import { LIMITS } from '../protocol/limits.js';
import type { Limit } from '../protocol/limits.js';

/** How often peers reached each limit since the start. Plain numbers, read on demand. Knows nothing of the peers. */
@Injectable()
export class LimitCounts {
  readonly #counts = Object.fromEntries(LIMITS.map((limit) => [limit, 0])) as Record<Limit, number>;

  /** Counts a peer that reached `limit`. */
  reached(limit: Limit): void {
    this.#counts[limit] += 1;
  }

  of(limit: Limit): number {
    return this.#counts[limit];
  }
}
