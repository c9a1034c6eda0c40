import { Clock } from '../../src/clock/clock.js';

/** Time that passes when a test says so. */
export class ManualClock extends Clock {
  #now = 1000;

  monotonic(): number {
    return this.#now;
  }

  /** Lets milliseconds pass. */
  pass(milliseconds: number): void {
    this.#now += milliseconds;
  }
}
