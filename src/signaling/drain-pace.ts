/** Slices that a drain is cut into, or more where that would make one longer than LONGEST_SLICE_MS. */
const SLICES = 100;
const LONGEST_SLICE_MS = 50;
/** The most that a slice may make up for when it comes late, as a part of its planned length: a stall must not become a burst. */
const CATCHING_UP = 1.4;

/**
 * How many connections a drain has closed by when. Owns how far the drain is. Knows nothing of connections or timers.
 * Invariant: in any tenth of the spread, however late slices come, less than 1.5 times the even share is due.
 */
export class DrainPace {
  /** Milliseconds from now to the next slice, as planned: slices come at random distances, so that nodes do not close in step. */
  pause: number;
  /** How far the drain is, in milliseconds of its spread. */
  #reached = 0;
  #due = 0;

  /** `count` connections over `spread` milliseconds. */
  constructor(
    private readonly count: number,
    private readonly spread: number,
    private readonly random: () => number = Math.random,
  ) {
    this.pause = this.#plan();
  }

  /** How many to close now, when `elapsed` milliseconds have passed since the last slice. */
  slice(elapsed: number): number {
    this.#reached = Math.min(this.spread, this.#reached + Math.min(elapsed, this.pause * CATCHING_UP));
    this.pause = this.#plan();
    const before = this.#due;
    this.#due = this.#reached < this.spread ? Math.floor((this.#reached / this.spread) * this.count) : this.count;
    return this.#due - before;
  }

  #plan(): number {
    return Math.min(this.spread / SLICES, LONGEST_SLICE_MS) * (0.5 + this.random());
  }
}
