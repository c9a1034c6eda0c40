import type { Clock } from '../clock/clock.js';
import type { LogEvent, LogPart, Told } from './log-event.js';
import type { Log } from './log.js';

/** Milliseconds between two lines, where the owner does not say. */
const INTERVAL_MS = 1000;

/**
 * Writes log lines that strangers can cause, at most one in an interval. Owns the count of lines left out. Knows nothing of
 * what they say.
 * Invariant: every line is written, or counted in the next one as `unmentionedBefore`.
 */
export class ThrottledLog<Part extends LogPart> {
  #lastAt = -Infinity;
  #unmentioned = 0;

  constructor(
    private readonly log: Log<Part>,
    private readonly clock: Clock,
    /** Milliseconds between two lines. */
    private readonly interval = INTERVAL_MS,
  ) {}

  write<Event extends LogEvent<Part>>(event: Event, ...[fields, words]: Told<Part, Event>): void {
    const now = this.clock.monotonic();
    if (now - this.#lastAt < this.interval) {
      this.#unmentioned += 1;
      return;
    }
    const before = this.#unmentioned > 0 && { unmentionedBefore: this.#unmentioned };
    this.log.write(event, ...([{ ...fields, ...before }, words] as unknown as Told<Part, Event>));
    this.#lastAt = now;
    this.#unmentioned = 0;
  }
}
