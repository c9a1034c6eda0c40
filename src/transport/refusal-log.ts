import type { Clock } from '../clock/clock.js';
import type { Log } from '../logging/log.js';

/** At most one line in this many milliseconds: a flood of refusals must not become a flood of writes. */
const INTERVAL_MS = 1000;

/** Tells the log of peers that were not let in. Invariant: every refusal is in a line, or counted in a later one. */
export class RefusalLog {
  #lastAt = -Infinity;
  #unmentioned = 0;

  constructor(
    private readonly log: Log,
    private readonly clock: Clock,
    private readonly message = 'refused an upgrade',
  ) {}

  /** `remote` is the address the request came from; nothing else of a request belongs in the log. */
  refused(status: number | undefined, remote: string | undefined): void {
    const now = this.clock.monotonic();
    if (now - this.#lastAt < INTERVAL_MS) {
      this.#unmentioned += 1;
      return;
    }
    this.log.info(this.message, { status, remote, ...(this.#unmentioned > 0 && { unmentionedBefore: this.#unmentioned }) });
    this.#lastAt = now;
    this.#unmentioned = 0;
  }
}
