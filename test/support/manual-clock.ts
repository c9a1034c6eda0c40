import { Clock, SystemClock } from '../../src/clock/clock.js';

/** A clock whose time passes when a test says so, or when somebody sleeps. */
export class ManualClock extends Clock {
  #now = 1000;
  /** Time of the wall clock when the monotonic clock is at 0. */
  #epoch = Date.UTC(2030, 0, 1);

  monotonic(): number {
    return this.#now;
  }

  now(): number {
    return this.#epoch + this.#now;
  }

  /** Sets the wall clock forward, or back, by milliseconds; no time passes. */
  setWallClock(by: number): void {
    this.#epoch += by;
  }

  async sleep(milliseconds: number, over?: AbortSignal): Promise<void> {
    await new SystemClock().sleep(milliseconds, over);
    if (over?.aborted !== true) this.pass(milliseconds);
  }

  /** Lets milliseconds pass. */
  pass(milliseconds: number): void {
    this.#now += milliseconds;
  }
}
