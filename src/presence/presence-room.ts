import type { PresenceCounts } from '../metrics/presence-counts.js';

/** The part of the room that other nodes may fill. The rest is for members here, whatever is written to the bus. */
export const SHARE_OF_OTHERS = 1 / 2;

/**
 * The memory of presence that somebody else decides on (`presence-total-bytes`): data, and what is known of other
 * nodes. Owns its account. Knows nothing of members.
 * Invariant: what is taken of a part is taken of the whole, too. What is taken of the whole is in the counts.
 */
export class PresenceRoom {
  #taken = 0;

  /** `whole` is the room that this one is a part of. */
  constructor(
    private readonly most: number,
    private readonly counts: PresenceCounts,
    private readonly whole?: PresenceRoom,
  ) {}

  /** Whether there is room for so many more bytes. That there is none is counted. */
  has(bytes: number): boolean {
    if (this.#fits(bytes)) return true;
    this.counts.refused += 1;
    return false;
  }

  take(bytes: number): void {
    this.#taken += bytes;
    if (this.whole === undefined) this.counts.bytes += bytes;
    else this.whole.take(bytes);
  }

  give(bytes: number): void {
    this.take(-bytes);
  }

  #fits(bytes: number): boolean {
    return this.#taken + bytes <= this.most && (this.whole === undefined || this.whole.#fits(bytes));
  }
}
