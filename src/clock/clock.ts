import { setTimeout as passed } from 'node:timers/promises';

/** Tells the time and waits. Nothing else reads the time, so tests can control it. */
export abstract class Clock {
  /** Milliseconds since an arbitrary moment. Never goes back, whatever happens to the wall clock. */
  abstract monotonic(): number;
  /** Milliseconds since the epoch on the wall clock. It may jump, so it is only for dates that others set. */
  abstract now(): number;
  /** Resolves after a number of milliseconds, or when `over` is aborted. */
  abstract sleep(milliseconds: number, over?: AbortSignal): Promise<void>;
}

export class SystemClock extends Clock {
  monotonic(): number {
    return performance.now();
  }

  now(): number {
    return Date.now();
  }

  async sleep(milliseconds: number, over?: AbortSignal): Promise<void> {
    await passed(milliseconds, undefined, { signal: over }).catch(() => undefined);
  }
}
