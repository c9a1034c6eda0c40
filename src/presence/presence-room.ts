import type { PresenceCounts } from '../metrics/presence-counts.js';

/**
 * The memory of presence that somebody else decides on (`presence-total-bytes`): data, and what is known of other
 * nodes. Owns its account, which is in the counts. Knows nothing of members.
 */
export class PresenceRoom {
  constructor(
    private readonly most: number,
    private readonly counts: PresenceCounts,
  ) {}

  /** Whether there is room for so many more bytes. That there is none is counted. */
  has(bytes: number): boolean {
    if (this.counts.bytes + bytes <= this.most) return true;
    this.counts.refused += 1;
    return false;
  }

  take(bytes: number): void {
    this.counts.bytes += bytes;
  }

  give(bytes: number): void {
    this.counts.bytes -= bytes;
  }
}
