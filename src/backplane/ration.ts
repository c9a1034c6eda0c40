import type { Clock } from '../clock/clock.js';

/** Owns the ration of each second. Invariant: in one second at most the ration is taken, plus one helping. */
export class Ration {
  #taken = 0;
  #second = 0;

  constructor(
    private readonly most: number,
    private readonly clock: Clock,
  ) {}

  /** Whether nothing is left in this second. */
  get spent(): boolean {
    const second = Math.floor(this.clock.monotonic() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#taken = 0;
    }
    return this.#taken >= this.most;
  }

  /** Takes a helping. Returns false if nothing is left. */
  take(amount: number): boolean {
    if (this.spent) return false;
    this.#taken += amount;
    return true;
  }
}
