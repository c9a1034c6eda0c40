/** What of the limit is left after some were given up, so that the next ones are not looked for in every turn. */
const RELIEVED = 0.9;

/**
 * How much memory connections hold for one purpose, on the whole node. Owns a count for each that holds any. Knows nothing of what is
 * held. Invariant: after `note` no more than the limit is held, apart from what cannot be given up; who holds most goes first.
 */
export class Holdings<Holder> {
  readonly #of = new Map<Holder, number>();

  /** `limit` in bytes, 0 for none; `tally` is kept for others to read; `giveUp` has a holder note less, at once or when it ends. */
  constructor(
    private readonly limit: number,
    private readonly tally: { total: number },
    private readonly giveUp: (holder: Holder) => void,
  ) {}

  get total(): number {
    return this.tally.total;
  }

  /** Bytes that a holder has now. */
  of(holder: Holder): number {
    return this.#of.get(holder) ?? 0;
  }

  /** A holder has so many bytes from now on. */
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
      if (this.total <= this.limit * RELIEVED) return;
    }
  }
}
