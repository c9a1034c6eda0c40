import { createInbox, headers as makeHeaders } from '@nats-io/transport-node';
import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import type { Clock } from '../clock/clock.js';
import { Sweep } from '../clock/sweep.js';
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

/** Milliseconds between two looks for questions that are over. */
const LOOK_MS = 10;
/** What NATS answers where nobody offers the topic. */
const NO_RESPONDERS = 503;
/** Tells the nodes that offer a topic that one more does. Questions have no content. */
const OFFER = Buffer.from('offer');
/** Headers of answers. An older node gives none, and does not look for them. */
const ALONE = 'Cairn-Alone';

/** A question that this node asked. */
interface Open {
  readonly answers: Uint8Array[];
  /** Number of answers heard, and their bytes, whether they are taken or not. */
  heard: number;
  bytes: number;
  /** Number of looks after which it ends for lack of another answer, and after which it ends at the latest. */
  patience: number;
  left: number;
  readonly end: (answers: readonly Uint8Array[], nobody: boolean) => void;
}

/**
 * Asks the other nodes about topics, and answers their questions. Owns the bounds of both. Knows nothing of the
 * content.
 * Invariant: a question ends within about MOST_MS, whatever other nodes do; at once, if nobody offers the topic, or the
 * only one who does has answered. Beyond the bounds nothing is asked, read or answered; that is counted.
 */
export class Questions {
  respond: Respond = () => undefined;
  /** Questions that are open, by the last token of the subject that their answers come to. */
  readonly #questions = new Map<string, Open>();
  readonly #look = new Sweep(() => this.#endLate(), LOOK_MS);
  #inbox: Subscription | undefined;
  /** Beginning of the subjects that answers come to. */
  #prefix = '';
  #asked = 0;
  readonly #given: Ration;
  readonly #givenBytes: Ration;
  readonly #takenBytes: Ration;

  constructor(
    private readonly subjects: Subjects,
    clock: Clock,
    private readonly counts: BackplaneCounts,
  ) {
    this.#given = new Ration(MOST_GIVEN_A_SECOND, clock);
    this.#givenBytes = new Ration(MOST_GIVEN_BYTES_A_SECOND, clock);
    this.#takenBytes = new Ration(MOST_TAKEN_BYTES_A_SECOND, clock);
  }

  /** Listens for answers on a connection, which is new or has come back. */
  joined(connection: NatsConnection): void {
    this.lost();
    if (this.#inbox !== undefined && !this.#inbox.isClosed()) return;
    this.#prefix = `${createInbox()}.`;
    this.#inbox = connection.subscribe(`${this.#prefix}*`, {
      callback: (error, message) => {
        // The link hears that NATS refuses the inbox. Without it, no answer comes.
        if (error !== null) this.#inbox = undefined;
        else this.#hear(message);
      },
    });
  }

  /** The connection is lost, and with it the answers: ends all questions. */
  lost(): void {
    for (const token of this.#questions.keys()) this.#end(token, false);
  }

  /** Asks all nodes that offer the topic. If none does, NATS says so immediately. Never rejects. */
  ask(connection: NatsConnection, topic: string): Promise<readonly Uint8Array[]> {
    if (this.#questions.size >= MOST_OPEN) {
      this.counts.questionsDropped += 1;
      return Promise.resolve([]);
    }
    this.counts.questions += 1;
    return new Promise((resolve) => this.#send(connection, topic, undefined, resolve));
  }

  /**
   * Tells the other nodes that offer a topic that this one does too; the subscription must have been sent before.
   * Calls `heard` with whether there are none, before it takes anything that NATS sends later.
   */
  offer(connection: NatsConnection, topic: string, heard: (nobody: boolean) => void): void {
    this.#send(connection, topic, OFFER, (_answers, nobody) => heard(nobody));
  }

  #send(connection: NatsConnection, topic: string, content: Uint8Array | undefined, end: Open['end']): void {
    const token = String((this.#asked += 1));
    try {
      connection.publish(this.subjects.of(topic), content, { reply: this.#prefix + token });
    } catch {
      // The connection was closed for good a moment ago, and the link has not noticed yet.
      end([], false);
      return;
    }
    if (this.#inbox === undefined) {
      end([], false);
      return;
    }
    if (this.#questions.size === 0) this.#look.start();
    const left = MOST_MS / LOOK_MS;
    this.#questions.set(token, { answers: [], heard: 0, bytes: 0, patience: left, left, end });
  }

  /** Takes an answer, or the word of NATS that none will come. */
  #hear(message: Msg): void {
    const token = message.subject.slice(this.#prefix.length);
    const open = this.#questions.get(token);
    if (open === undefined) return;
    const { data, headers } = message;
    if (data.length === 0 && headers?.code === NO_RESPONDERS) {
      this.#end(token, true);
      return;
    }
    open.heard += 1;
    open.bytes += data.length;
    open.patience = NEXT_MS / LOOK_MS;
    const over = open.heard > MOST_ANSWERS || open.bytes > MOST_ANSWERS_BYTES;
    // No node says that much: somebody else writes to the bus.
    if (over || data.length > MOST_TOLD_BYTES) this.counts.dropped.malformed += 1;
    if (over) {
      this.#end(token, false);
    } else if (data.length <= MOST_TOLD_BYTES) {
      if (!this.#takenBytes.take(data.length)) {
        this.counts.questionsDropped += 1;
        this.#end(token, false);
        return;
      }
      // A copy: the client's bytes are part of a larger buffer, which they would keep in memory.
      open.answers.push(Buffer.from(data));
      if (headers?.has(ALONE)) this.#end(token, false);
    }
  }

  #end(token: string, nobody: boolean): void {
    const open = this.#questions.get(token)!;
    this.#questions.delete(token);
    if (this.#questions.size === 0) this.#look.stop();
    open.end(open.answers, nobody);
  }

  /** Ends the questions that have waited long enough. */
  #endLate(): false {
    for (const [token, open] of this.#questions) {
      open.patience -= 1;
      open.left -= 1;
      if (open.patience < 0 || open.left < 0) this.#end(token, false);
    }
    return false;
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

/** Whether a message to the subject of records is the word of another node that it offers the topic too. */
export function isOffer({ data }: Msg): boolean {
  return data.length === OFFER.length && OFFER.equals(data);
}

/** Sends an answer. `alone`: no other node offers the topic. */
export function give(question: Msg, answer: Uint8Array, alone: boolean): void {
  if (!alone) {
    question.respond(answer);
    return;
  }
  const headers = makeHeaders();
  headers.set(ALONE, '1');
  question.respond(answer, { headers });
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
