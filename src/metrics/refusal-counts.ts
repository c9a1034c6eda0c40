import { Injectable } from '@nestjs/common';
import { REFUSAL_REASONS } from '../protocol/refusal-reasons.js';
import type { RefusalReason } from '../protocol/refusal-reasons.js';

/** How many upgrades were refused since the start, and why. Plain numbers, read when somebody looks; knows nothing of the peers. */
@Injectable()
export class RefusalCounts {
  readonly #counts = Object.fromEntries(Object.keys(REFUSAL_REASONS).map((reason) => [reason, 0])) as Record<
    RefusalReason,
    number
  >;

  refused(reason: RefusalReason): void {
    this.#counts[reason] += 1;
  }

  /** For all reasons together. */
  get total(): number {
    return Object.values(this.#counts).reduce((total, count) => total + count, 0);
  }

  of(reason: RefusalReason): number {
    return this.#counts[reason];
  }
}
