import type { NatsConnection } from '@nats-io/transport-node';
import type { Clock } from '../clock/clock.js';
import type { BackplaneCounts } from '../metrics/backplane-counts.js';
import { MOST_TOLD_BYTES } from '../protocol/record-answer.js';
import type { Respond } from './backplane.js';
import type { Subjects } from './subjects.js';

/** How long answers are waited for in all, and for the next one after one came. */
const MOST_MS = 150;
const NEXT_MS = 30;
/** Questions of this node that may be open at once. */
const MOST_OPEN = 1024;
/** Answers to one question that are listened to, and their bytes: more than any service has nodes, and than a topic has records. */
export const MOST_ANSWERS = 64;
export const MOST_ANSWERS_BYTES = 1024 * 1024;
/** Bytes of answers that this node takes in a second, to all its questions together: reading one costs time. */
export const MOST_TAKEN_BYTES_A_SECOND = 8 * 1024 * 1024;
/** Answers that this node gives in a second, to all others together, and their bytes. */
const MOST_GIVEN_A_SECOND = 2000;
export const MOST_GIVEN_BYTES_A_SECOND = 8 * 1024 * 1024;

/**
 * Asks the other nodes about a topic, and answers them. Owns how much of either there may be. Knows nothing of what is said.
 * Invariant: a question ends, within MOST_MS or so, whatever others do; beyond the bounds there is silence, which is counted.
 */
export class Questions {
  respond: Respond = () => undefined;
  #open = 0;
  readonly #given: Ration;
  readonly #givenBytes: Ration;
  readonly #takenBytes: Ration;

  constructor(
    private readonly subjects: Subjects,
    private readonly clock: Clock,
    private readonly counts: BackplaneCounts,
  ) {
    this.#given = new Ration(MOST_GIVEN_A_SECOND, clock);
    this.#givenBytes = new Ration(MOST_GIVEN_BYTES_A_SECOND, clock);
    this.#takenBytes = new Ration(MOST_TAKEN_BYTES_A_SECOND, clock);
  }

  /** Who has something to say answers; when nobody does, NATS says so at once. Never rejects. */
  async ask(connection: NatsConnection, topic: string): Promise<readonly Uint8Array[]> {
    if (this.#open >= MOST_OPEN) {
      this.counts.questionsDropped += 1;
      return [];
    }
    this.#open += 1;
    this.counts.questions += 1;
    const answers: Uint8Array[] = [];
    let [heard, bytes] = [0, 0];
    const until = this.clock.monotonic() + MOST_MS;
    try {
      for await (const { data } of await connection.requestMany(this.subjects.of(topic), undefined, {
        strategy: 'stall',
        stall: NEXT_MS,
        maxWait: MOST_MS,
      })) {
        heard += 1;
        bytes += data.length;
        const over = heard > MOST_ANSWERS || bytes > MOST_ANSWERS_BYTES;
        // No node says so much: somebody else writes to the bus.
        if (over || data.length > MOST_TOLD_BYTES) this.counts.dropped.malformed += 1;
        if (over) break;
        if (data.length > MOST_TOLD_BYTES) continue;
        if (!this.#takenBytes.take(data.length)) {
          this.counts.questionsDropped += 1;
          break;
        }
        // A copy: the library's is a part of all that came with it, which would stay for as long.
        answers.push(Buffer.from(data));
        if (this.clock.monotonic() > until) break;
      }
    } catch {
      // Nobody has anything to say, or the bus went.
    } finally {
      this.#open -= 1;
    }
    return answers;
  }

  /** What to tell another node that asks, in at most `most` bytes; undefined for nothing. */
  answer(topic: string, most: number): Uint8Array | undefined {
    if (this.#given.spent || this.#givenBytes.spent) {
      this.counts.questionsDropped += 1;
      return undefined;
    }
    const answer = this.respond(topic, most);
    if (answer === undefined) return undefined;
    this.#given.take(1);
    this.#givenBytes.take(answer.length);
    if (answer.length <= most) return answer;
    this.counts.questionsDropped += 1;
    return undefined;
  }
}

/** So much of something in each second. Invariant: what is taken in one is at most the ration, and one helping more. */
class Ration {
  #taken = 0;
  #second = 0;

  constructor(
    private readonly most: number,
    private readonly clock: Clock,
  ) {}

  /** Whether there is nothing left in this second. */
  get spent(): boolean {
    const second = Math.floor(this.clock.monotonic() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#taken = 0;
    }
    return this.#taken >= this.most;
  }

  /** Takes a helping; false when there is nothing left. */
  take(amount: number): boolean {
    if (this.spent) return false;
    this.#taken += amount;
    return true;
  }
}
