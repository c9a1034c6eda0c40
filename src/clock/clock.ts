import { setTimeout as passed } from 'node:timers/promises';

/** Tells the time and waits; nothing else reads it, so that tests can hold it still. */
export abstract class Clock {
  /** Milliseconds since some moment; never goes back, whatever happens to the wall clock. */
  abstract monotonic(): number;
  /** Milliseconds since the epoch, as the wall clock has it: only for what others date, since it may jump. */
  abstract now(): number;
  /** Resolves after some milliseconds, or as soon as `over` says that nobody waits for it any more. */
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
