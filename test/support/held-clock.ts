import { Clock } from '../../src/clock/clock.js';

/** A clock that stands still: nobody who sleeps wakes before a test says so. */
export class HeldClock extends Clock {
  #now = 1000;
  readonly #sleepers = new Set<() => void>();
  readonly #awaited = new Map<number, () => void>();

  monotonic(): number {
    return this.#now;
  }

  now(): number {
    return this.#now;
  }

  sleep(milliseconds: number, over?: AbortSignal): Promise<void> {
    const wakesAt = this.#now + milliseconds;
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#sleepers.delete(check);
        resolve();
      };
      const check = (): void => {
        if (this.#now >= wakesAt) wake();
      };
      this.#sleepers.add(check);
      over?.addEventListener('abort', wake, { once: true });
      this.#awaited.get(milliseconds)?.();
    });
  }

  /** A barrier: resolves when somebody begins to sleep for exactly that long. */
  begunToSleep(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      this.#awaited.set(milliseconds, resolve);
    });
  }

  /** Number of sleepers. */
  get sleeping(): number {
    return this.#sleepers.size;
  }

  /** Lets milliseconds pass, and wakes the sleepers that are due. */
  pass(milliseconds: number): void {
    this.#now += milliseconds;
    for (const check of this.#sleepers) check();
  }
}
