import type { Clock } from '../clock/clock.js';
import type { Log, LogFields } from './log.js';

/** Milliseconds between two lines, where the owner does not say. */
const INTERVAL_MS = 1000;

/**
 * Writes log lines that strangers can cause, at most one in an interval. Owns the count of lines left out. Knows nothing of
 * what they say.
 * Invariant: every line is written, or counted in the next one as `unmentionedBefore`.
 */
export class ThrottledLog {
  #lastAt = -Infinity;
  #unmentioned = 0;

  constructor(
    private readonly log: Log,
    private readonly clock: Clock,
    private readonly level: 'info' | 'warn' | 'error',
    /** Milliseconds between two lines. */
    private readonly interval = INTERVAL_MS,
  ) {}

  write(message: string, fields: LogFields): void {
    const now = this.clock.monotonic();
    if (now - this.#lastAt < this.interval) {
      this.#unmentioned += 1;
      return;
    }
    this.log[this.level](message, {
      ...fields,
      ...(this.#unmentioned > 0 && { unmentionedBefore: this.#unmentioned }),
    });
    this.#lastAt = now;
    this.#unmentioned = 0;
  }
}
