/** Something whose frames may wait for a peer that reads slowly. */
export interface Waiter {
  readonly socket: { readonly writableLength: number };
  /** Whether anything more is written to it; what waits for one that is closing is on its way out. */
  readonly open: boolean;
  /** Bytes counted for it; kept by Backlog alone. */
  waiting: number;
  /** Gives up what waits for it: too much waits in all. */
  overflow(): void;
}

/** What of the limit is left after some were given up, so that the next ones are not looked for in every turn. */
const RELIEVED = 0.9;

/**
 * How much waits for slow peers on the whole node. Owns a count for each that something waits for; what its socket has got
 * rid of since is seen only when that matters. Knows nothing of sockets beyond how much waits in them.
 * Invariant: after `note` no more than the limit waits, apart from what was given up; the largest goes first.
 */
export class Backlog {
  readonly #waiters = new Set<Waiter>();
  #total = 0;

  /** `limit` in bytes, 0 for none. */
  constructor(private readonly limit: number) {}

  /** Bytes that wait, at most: some of them may have left since they were counted. */
  get total(): number {
    return this.#total;
  }

  /** What waits for one may have changed. */
  note(waiter: Waiter): void {
    const before = this.#total;
    this.#count(waiter);
    if (this.limit > 0 && this.#total > this.limit && this.#total > before) this.#relieve();
  }

  /** Nothing waits for it any more, or what does is given up. */
  forget(waiter: Waiter): void {
    this.#total -= waiter.waiting;
    waiter.waiting = 0;
    this.#waiters.delete(waiter);
  }

  #count(waiter: Waiter): void {
    const writableLength = waiter.open ? waiter.socket.writableLength : 0;
    this.#total += writableLength - waiter.waiting;
    waiter.waiting = writableLength;
    if (writableLength === 0) this.#waiters.delete(waiter);
    else this.#waiters.add(waiter);
  }

  #relieve(): void {
    for (const waiter of this.#waiters) this.#count(waiter);
    if (this.#total <= this.limit) return;
    for (const waiter of [...this.#waiters].toSorted((a, b) => b.waiting - a.waiting)) {
      this.forget(waiter);
      waiter.overflow();
      if (this.#total <= this.limit * RELIEVED) return;
    }
  }
}
