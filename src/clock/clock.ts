/** Tells the time; nothing else reads it, so that tests can hold it still. */
export abstract class Clock {
  /** Milliseconds since some moment; never goes back, whatever happens to the wall clock. */
  abstract monotonic(): number;
}

export class SystemClock extends Clock {
  monotonic(): number {
    return performance.now();
  }
}
