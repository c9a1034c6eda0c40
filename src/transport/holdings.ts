/** Fraction of the limit down to which memory is freed, so that not every turn has to free some. */
const FREED_TO = 0.9;

/**
 * Counts the memory that connections hold for one purpose, on the whole node. Owns a count for each connection that
 * holds any. Knows nothing of what is held.
 * Invariant: after `note` no more than the limit is held, except what cannot be given up. The largest holders give up
 * first.
 */
export class Holdings<Holder> {
  readonly #of = new Map<Holder, number>();

  /**
   * `limit` is in bytes, 0 for none. `tally` is updated for others to read. `giveUp` makes a holder note less,
   * immediately or when it ends.
   */
  constructor(
    private readonly limit: number,
    private readonly tally: { total: number },
    private readonly giveUp: (holder: Holder) => void,
  ) {}

  get total(): number {
    return this.tally.total;
  }

  /** Returns the bytes that a holder has now. */
  of(holder: Holder): number {
    return this.#of.get(holder) ?? 0;
  }

  /** Sets the bytes that a holder has from now on. */
  note(holder: Holder, bytes: number): void {
    const before = this.of(holder);
    if (bytes === before) return;
    this.tally.total += bytes - before;
    if (bytes === 0) this.#of.delete(holder);
    else this.#of.set(holder, bytes);
    if (this.limit > 0 && bytes > before && this.total > this.limit) this.#relieve();
  }

  #relieve(): void {
    for (const [holder] of [...this.#of].toSorted(([, one], [, other]) => other - one)) {
      this.giveUp(holder);
      if (this.total <= this.limit * FREED_TO) return;
    }
  }
}
