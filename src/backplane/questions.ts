import type { Msg, NatsConnection } from '@nats-io/transport-node';
import type { Clock } from '../clock/clock.js';
import type { BackplaneCounts } from '../metrics/backplane-counts.js';
import type { Respond } from './backplane.js';
import type { Subjects } from './subjects.js';

/** How long answers are waited for in all, and for the next one after one came. */
const MOST_MS = 150;
const NEXT_MS = 30;
/** Questions of this node that may be open at once. */
const MOST_OPEN = 1024;
/** Answers that this node gives in a second, to all others together, and bytes of them: a tenth of a second's work or so. */
const MOST_ANSWERED_A_SECOND = 2000;
const MOST_ANSWERED_BYTES_A_SECOND = 32 * 1024 * 1024;

/**
 * Asks the other nodes about a topic, and answers them. Owns how much of either there may be. Knows nothing of what is said.
 * Invariant: a question ends, within MOST_MS or so, whatever others do; beyond the bounds there is silence, which is counted.
 */
export class Questions {
  respond: Respond = () => undefined;
  #open = 0;
  #answered = 0;
  #answeredBytes = 0;
  #second = 0;

  constructor(
    private readonly subjects: Subjects,
    private readonly clock: Clock,
    private readonly counts: BackplaneCounts,
  ) {}

  /** Who has something to say answers; when nobody does, NATS says so at once. Never rejects. */
  async ask(connection: NatsConnection, topic: string): Promise<readonly Uint8Array[]> {
    if (this.#open >= MOST_OPEN) {
      this.counts.questionsDropped += 1;
      return [];
    }
    this.#open += 1;
    this.counts.questions += 1;
    const answers: Uint8Array[] = [];
    const until = this.clock.monotonic() + MOST_MS;
    try {
      for await (const { data } of await connection.requestMany(this.subjects.of(topic), undefined, { strategy: 'stall', stall: NEXT_MS, maxWait: MOST_MS })) {
        answers.push(data);
        if (this.clock.monotonic() > until) break;
      }
    } catch {
      // Nobody has anything to say, or the bus went.
    } finally {
      this.#open -= 1;
    }
    return answers;
  }

  /** Another node asks; the bus carries `most` bytes in a message. */
  take(topic: string, question: Msg, most: number): void {
    const second = Math.floor(this.clock.monotonic() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#answered = 0;
      this.#answeredBytes = 0;
    }
    if (this.#answered >= MOST_ANSWERED_A_SECOND || this.#answeredBytes >= MOST_ANSWERED_BYTES_A_SECOND) {
      this.counts.questionsDropped += 1;
      return;
    }
    const answer = this.respond(topic, most);
    if (answer === undefined) return;
    this.#answered += 1;
    this.#answeredBytes += answer.length;
    if (answer.length <= most) question.respond(answer);
    else this.counts.questionsDropped += 1;
  }
}
