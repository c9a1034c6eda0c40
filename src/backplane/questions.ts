import type { NatsConnection } from '@nats-io/transport-node';
import type { Clock } from '../clock/clock.js';
import type { BackplaneCounts } from '../metrics/backplane-counts.js';
import { MOST_TOLD_BYTES } from '../protocol/record-answer.js';
import type { Respond } from './backplane.js';
import type { Subjects } from './subjects.js';

/** Milliseconds to wait for all answers to a question. */
const MOST_MS = 150;
/** Milliseconds to wait for the next answer after one arrived. */
const NEXT_MS = 30;
/** Maximum number of open questions of this node. */
const MOST_OPEN = 1024;
/** Maximum number of answers to one question: more than any service has nodes. */
export const MOST_ANSWERS = 64;
/** Maximum number of bytes in the answers to one question: more than the records of a topic need. */
export const MOST_ANSWERS_BYTES = 1024 * 1024;
/** Bytes of answers that this node reads per second, for all its questions together. Reading one costs time. */
export const MOST_TAKEN_BYTES_A_SECOND = 8 * 1024 * 1024;
/** Answers that this node gives per second, to all other nodes together, and their bytes. */
const MOST_GIVEN_A_SECOND = 2000;
export const MOST_GIVEN_BYTES_A_SECOND = 8 * 1024 * 1024;

/** Ends a request when no answer follows the last one in time. */
const WAIT = { strategy: 'stall', stall: NEXT_MS, maxWait: MOST_MS } as const;

/**
 * Asks the other nodes about topics, and answers their questions. Owns the bounds of both. Knows nothing of the
 * content.
 * Invariant: a question ends within about MOST_MS, whatever other nodes do. Beyond the bounds nothing is asked, read or
 * answered; that is counted.
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

  /** Asks all nodes that offer the topic. If none does, NATS says so immediately. Never rejects. */
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
      const coming = await connection.requestMany(this.subjects.of(topic), undefined, WAIT);
      for await (const { data } of coming) {
        heard += 1;
        bytes += data.length;
        const over = heard > MOST_ANSWERS || bytes > MOST_ANSWERS_BYTES;
        // No node says that much: somebody else writes to the bus.
        if (over || data.length > MOST_TOLD_BYTES) this.counts.dropped.malformed += 1;
        if (over) break;
        if (data.length > MOST_TOLD_BYTES) continue;
        if (!this.#takenBytes.take(data.length)) {
          this.counts.questionsDropped += 1;
          break;
        }
        // A copy: the client's bytes are part of a larger buffer, which they would keep in memory.
        answers.push(Buffer.from(data));
        if (this.clock.monotonic() > until) break;
      }
    } catch {
      // No node offers the topic, or the connection is lost.
    } finally {
      this.#open -= 1;
    }
    return answers;
  }

  /** Returns the answer to a question of another node, in at most `most` bytes; undefined for none. */
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

/** Owns the ration of each second. Invariant: in one second at most the ration is taken, plus one helping. */
class Ration {
  #taken = 0;
  #second = 0;

  constructor(
    private readonly most: number,
    private readonly clock: Clock,
  ) {}

  /** Whether nothing is left in this second. */
  get spent(): boolean {
    const second = Math.floor(this.clock.monotonic() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#taken = 0;
    }
    return this.#taken >= this.most;
  }

  /** Takes a helping. Returns false if nothing is left. */
  take(amount: number): boolean {
    if (this.spent) return false;
    this.#taken += amount;
    return true;
  }
}
