/** Fraction of the limit down to which memory is freed, so that not every turn has to free some. */
const FREED_TO = 0.9;

/**
 * Counts the memory that connections hold for one purpose, on the whole node. Owns a count for each connection that
 * holds any. Knows nothing of what is held.
 * Invariant: after `note` no more than the limit is held, except by holders that have given up and have not ended yet.
 * The largest holders give up first, and only as many as are needed.
 */
export class Holdings<Holder> {
  readonly #of = new Map<Holder, number>();
  /** Those that gave up, and still have something. */
  readonly #leaving = new Set<Holder>();
  /** Bytes that they have. */
  #leavingBytes = 0;

  /**
   * `limit` is in bytes, 0 for none. `tally` is updated for others to read. `giveUp` makes a holder note less,
   * immediately or when it ends, and comes again if others must give up before it has ended: it must end then.
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
    if (this.#leaving.has(holder)) this.#leavingBytes += bytes - before;
    if (bytes === 0) {
      this.#of.delete(holder);
      this.#leaving.delete(holder);
    } else {
      this.#of.set(holder, bytes);
    }
    if (this.limit > 0 && bytes > before && this.#staying > this.limit) this.#relieve();
  }

  /** Bytes of the holders that did not give up. */
  get #staying(): number {
    return this.total - this.#leavingBytes;
  }

  #relieve(): void {
    for (const holder of this.#leaving) this.giveUp(holder);
    for (const [holder] of [...this.#of].toSorted(([, one], [, other]) => other - one)) {
      if (this.#leaving.has(holder) || !this.#of.has(holder)) continue;
      this.#leaving.add(holder);
      this.#leavingBytes += this.of(holder);
      this.giveUp(holder);
      if (this.#staying <= this.limit * FREED_TO) return;
    }
  }
}
