import type { Clock } from '../clock/clock.js';
import { Seldom } from '../clock/seldom.js';
import type { Log } from '../logging/log.js';

/** Tells the log of peers that were not let in. Invariant: every refusal is in a line, or counted in a later one. */
export class RefusalLog {
  readonly #lines: Seldom;
  #unmentioned = 0;

  constructor(
    private readonly log: Log,
    clock: Clock,
    private readonly message = 'refused an upgrade',
  ) {
    this.#lines = new Seldom(clock);
  }

  /** `remote` is the address the request came from; nothing else of a request belongs in the log. */
  refused(status: number | undefined, remote: string | undefined): void {
    if (!this.#lines.due()) {
      this.#unmentioned += 1;
      return;
    }
    this.log.info(this.message, {
      status,
      remote,
      ...(this.#unmentioned > 0 && { unmentionedBefore: this.#unmentioned }),
    });
    this.#unmentioned = 0;
  }
}
