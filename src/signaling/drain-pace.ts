/** A drain is cut into this many slices, or more if a slice would be longer than MAX_SLICE_MS. */
const SLICES = 100;
const MAX_SLICE_MS = 50;
/**
 * Maximum length that a late slice may make up for, as a multiple of its planned length: a stall must not become a
 * burst.
 */
const MAX_CATCH_UP = 1.4;

/**
 * Decides how many connections a drain has closed by when. Owns how far the drain is. Knows nothing of connections or
 * timers.
 * Invariant: in any tenth of the spread, however late slices come, less than 1.5 times the even share is due.
 */
export class DrainPace {
  /**
   * Planned milliseconds until the next slice. The pauses are random, so that nodes do not close connections in step.
   */
  pause: number;
  /** How far the drain is, in milliseconds of its spread. */
  #reached = 0;
  #due = 0;

  /** Spreads `count` connections over `spread` milliseconds. */
  constructor(
    private readonly count: number,
    private readonly spread: number,
    private readonly random: () => number = Math.random,
  ) {
    this.pause = this.#plan();
  }

  /** Returns how many connections to close now. `elapsed` is the time since the last slice, in milliseconds. */
  slice(elapsed: number): number {
    this.#reached = Math.min(this.spread, this.#reached + Math.min(elapsed, this.pause * MAX_CATCH_UP));
    this.pause = this.#plan();
    const before = this.#due;
    this.#due = this.#reached < this.spread ? Math.floor((this.#reached / this.spread) * this.count) : this.count;
    return this.#due - before;
  }

  #plan(): number {
    return Math.min(this.spread / SLICES, MAX_SLICE_MS) * (0.5 + this.random());
  }
}
