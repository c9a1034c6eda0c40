import type { Clock } from '../clock/clock.js';
import { Sweep } from '../clock/sweep.js';

/** Milliseconds that an answer waits at most. The node that asked does not wait longer either. */
export const LATE_MS = 10_000;
/** Maximum number of answers that wait, for all other nodes together. */
const MOST_WAITING = 16_384;
/** Milliseconds between two looks for answers whose turn has come. */
const LOOK_MS = 50;

/** An answer that waits: for a topic, to a subject. */
interface Waiting<Topic> {
  readonly topic: Topic;
  readonly reply: string;
  /** When it is not worth giving any more, in milliseconds on the monotonic clock. */
  readonly until: number;
}

/**
 * Owns the line of the answers that were too many for their second. Knows nothing of topics or of the bus.
 * Invariant: at most MOST_WAITING wait, for LATE_MS at most, and they are given in the order of the questions.
 */
export class AnswerLine<Topic> {
  readonly #waiting = new Set<Waiting<Topic>>();
  readonly #look = new Sweep(() => this.#step(), LOOK_MS);

  /** `give` gives an answer. `mayGive` says whether one may be given now. `drop` is called for each that came too late. */
  constructor(
    private readonly clock: Clock,
    private readonly mayGive: () => boolean,
    private readonly give: (topic: Topic, reply: string) => void,
    private readonly drop: () => void,
  ) {}

  get empty(): boolean {
    return this.#waiting.size === 0;
  }

  /** Lets an answer wait. Returns false if there is no room. */
  push(topic: Topic, reply: string): boolean {
    if (this.#waiting.size >= MOST_WAITING) return false;
    if (this.empty) this.#look.start();
    this.#waiting.add({ topic, reply, until: this.clock.monotonic() + LATE_MS });
    return true;
  }

  /** Forgets all: nobody waits for them any more. */
  clear(): void {
    this.#waiting.clear();
    this.#look.stop();
  }

  #step(): false {
    const now = this.clock.monotonic();
    for (const waiting of this.#waiting) {
      const late = waiting.until <= now;
      if (!late && !this.mayGive()) break;
      this.#waiting.delete(waiting);
      if (late) this.drop();
      else this.give(waiting.topic, waiting.reply);
    }
    if (this.empty) this.#look.stop();
    return false;
  }
}
