import { Clock, SystemClock } from '../../src/clock/clock.js';

/** Time that passes when a test says so, or somebody sleeps. */
export class ManualClock extends Clock {
  #now = 1000;

  monotonic(): number {
    return this.#now;
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
