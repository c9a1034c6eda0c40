import type { Clock } from './clock.js';

/** Milliseconds between two lines that strangers can bring about. */
const INTERVAL_MS = 1000;

/** Keeps what strangers bring about from becoming a flood of log lines. Invariant: at least INTERVAL_MS lie between two times that it is due. */
export class Seldom {
  #lastAt = -Infinity;

  constructor(private readonly clock: Clock) {}

  /** Whether it is time for a line again; who is told so writes it. */
  due(): boolean {
    const now = this.clock.monotonic();
    if (now - this.#lastAt < INTERVAL_MS) return false;
    this.#lastAt = now;
    return true;
  }
}
