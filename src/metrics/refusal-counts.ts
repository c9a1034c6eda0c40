import { Injectable } from '@nestjs/common';
import { REFUSAL_REASONS } from '../protocol/refusal-reasons.js';
import type { RefusalReason } from '../protocol/refusal-reasons.js';

const REASONS = Object.keys(REFUSAL_REASONS);

/** Counts of refused upgrades since the start, by reason. Plain numbers, read on demand. Knows nothing of the peers. */
@Injectable()
export class RefusalCounts {
  readonly #counts = Object.fromEntries(REASONS.map((reason) => [reason, 0])) as Record<RefusalReason, number>;

  refused(reason: RefusalReason): void {
    this.#counts[reason] += 1;
  }

  /** Refused upgrades for all reasons together. */
  get total(): number {
    return Object.values(this.#counts).reduce((total, count) => total + count, 0);
  }

  of(reason: RefusalReason): number {
    return this.#counts[reason];
  }
}
