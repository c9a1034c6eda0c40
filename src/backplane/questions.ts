import { createInbox, headers as makeHeaders } from '@nats-io/transport-node';
import type { Msg, MsgHdrs, NatsConnection, Subscription } from '@nats-io/transport-node';
import type { Clock } from '../clock/clock.js';
import { Sweep } from '../clock/sweep.js';
import type { BackplaneCounts } from '../metrics/backplane-counts.js';
import { MOST_TOLD_BYTES } from '../protocol/record-answer.js';
import { LATE_MS } from './answer-line.js';
import type { Respond } from './backplane.js';
import { Ration } from './ration.js';
import type { Subjects } from './subjects.js';

/** Milliseconds to wait for all answers to a question. */
const MOST_MS = 150;
/** Milliseconds to wait for the next answer after one arrived. */
const NEXT_MS = 30;
/** Maximum number of open questions of this node. The next ones wait in line. */
const MOST_OPEN = 1024;
/** Maximum number of questions and offers that answers are heard to. */
const MOST_HEARD = 8192;
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
const OFFER = new TextEncoder().encode('offer');
/** Headers of answers. An older node gives none, and does not look for them. */
const ALONE = 'Cairn-Alone';
const LATE = 'Cairn-Late';
/** Of a node that listened only because it was alone with the topic (N13), and does not any more. */
const QUIET = 'Cairn-Quiet';
const PROMISED = 'promised';
const GIVEN = 'given';
/** Number of times that a question is asked again. Each time, nodes that were alone with the topic have left. */
const MOST_AGAIN = 2;
/** Begins the last token of the subject that answers come to, where a late one is waited for. */
const PATIENT = 'patient-';
/** Maximum number of questions that wait until others have ended. Each waits for LATE_MS at most. */
const MOST_WAITING = 32_768;

/** A question that this node asked. */
interface Open {
  readonly answers: Uint8Array[];
  /** Number of answers heard, and their bytes, whether they are taken or not. */
  heard: number;
  bytes: number;
  /** The look at which it ends for lack of another answer; at which it ends; and at which a promised one is too late. */
  patience: number;
  until: number;
  readonly latest: number;
  /** Number of answers that were promised for later. */
  promised: number;
  readonly end: (answers: readonly Uint8Array[], nobody: boolean) => void;
  /** Asks the same again; undefined where that was done often enough. */
  readonly again: (() => void) | undefined;
}

/** A question that waits until others have ended. */
interface Waiting {
  readonly topic: string;
  /** The look at which it is not asked any more. */
  readonly latest: number;
  readonly end: Open['end'];
}

/**
 * Asks the other nodes about topics, and answers their questions. Owns the bounds of both. Knows nothing of the
 * content.
 * Invariant: a question ends within about MOST_MS, or LATE_MS if another node promised a late answer; at once, if nobody
 * offers the topic, or the only one who does has answered. Beyond the bounds questions wait in line, for LATE_MS at most.
 * Beyond that, nothing is asked, read or answered; that is counted.
 */
export class Questions {
  respond: Respond = () => undefined;
  /** Questions that are open, by the last token of the subject that their answers come to. */
  readonly #questions = new Map<string, Open>();
  readonly #look = new Sweep(() => this.#endLate(), LOOK_MS);
  /** In the order in which they came. */
  readonly #line = new Set<Waiting>();
  #connection: NatsConnection | undefined;
  #inbox: Subscription | undefined;
  /** Beginning of the subjects that answers come to. */
  #prefix = '';
  #asked = 0;
  /** Number of looks so far: the time, in steps of LOOK_MS. */
  #looks = 0;
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
    this.#connection = connection;
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
    this.#connection = undefined;
    const waiting = [...this.#line];
    this.#line.clear();
    for (const token of this.#questions.keys()) this.#end(token, false);
    for (const { end } of waiting) end([], false);
  }

  /** Asks all nodes that offer the topic. If none does, NATS says so immediately. Never rejects. */
  ask(topic: string): Promise<readonly Uint8Array[]> {
    if (this.#line.size >= MOST_WAITING) {
      this.counts.questionsDropped += 1;
      return Promise.resolve([]);
    }
    this.counts.questions += 1;
    return new Promise((end) => {
      if (this.#questions.size < MOST_OPEN && this.#line.size === 0) this.#send(topic, undefined, end);
      else this.#line.add({ topic, latest: this.#looks + LATE_MS / LOOK_MS, end });
    });
  }

  /**
   * Tells the other nodes that offer a topic that this one does too; the subscription must have been sent before.
   * Calls `heard` with whether there are none, before it takes anything that NATS sends later.
   */
  offer(topic: string, heard: (nobody: boolean) => void): void {
    this.#send(topic, OFFER, (_answers, nobody) => heard(nobody));
  }

  /**
   * Sends a message so that NATS says at once if nobody gets it. Calls `heard` with that, before it takes anything that
   * NATS sends later; or after an answer, or `patience` milliseconds. Returns false where nothing will be heard.
   */
  request(
    subject: string,
    content: Uint8Array | undefined,
    patience: number,
    heard: (nobody: boolean) => void,
    headers?: MsgHdrs,
  ): boolean {
    return this.#request(subject, content, patience, (_answers, nobody) => heard(nobody), { headers });
  }

  #send(topic: string, content: Uint8Array | undefined, end: Open['end'], left = MOST_AGAIN): void {
    // Of too many nobody hears whether there are answers, as if there were.
    const patience = this.#questions.size < MOST_HEARD ? MOST_MS : 0;
    const again = left > 0 ? (): void => this.#send(topic, content, end, left - 1) : undefined;
    if (!this.#request(this.subjects.of(topic), content, patience, end, { again })) end([], false);
  }

  #request(
    subject: string,
    content: Uint8Array | undefined,
    patience: number,
    end: Open['end'],
    { again, headers }: { readonly again?: (() => void) | undefined; readonly headers?: MsgHdrs | undefined } = {},
  ): boolean {
    this.#asked += 1;
    const token = `${PATIENT}${this.#asked}`;
    try {
      this.#connection?.publish(subject, content, { reply: this.#prefix + token, ...(headers && { headers }) });
    } catch {
      // The connection was closed for good a moment ago, and the link has not noticed yet.
      return false;
    }
    if (this.#connection === undefined || this.#inbox === undefined || patience === 0) return false;
    if (this.#questions.size === 0) this.#look.start();
    const until = this.#looks + patience / LOOK_MS;
    const latest = this.#looks + LATE_MS / LOOK_MS;
    const waits = { patience: until, until, latest };
    this.#questions.set(token, { answers: [], heard: 0, bytes: 0, promised: 0, end, again, ...waits });
    return true;
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
    if (open.again !== undefined && headers?.has(QUIET)) {
      // Whoever has records answers again, and NATS says at once if nobody does.
      this.#questions.delete(token);
      open.again();
      return;
    }
    open.heard += 1;
    open.bytes += data.length;
    const late = headers?.get(LATE);
    if (late === PROMISED && open.heard <= MOST_ANSWERS) {
      open.until = open.latest;
      open.promised += 1;
      return;
    }
    if (late === GIVEN) open.promised -= 1;
    open.patience = this.#looks + NEXT_MS / LOOK_MS;
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
    this.#askNext();
  }

  /** Asks those that wait, as far as there is room. */
  #askNext(): void {
    for (const waiting of this.#line) {
      if (this.#questions.size >= MOST_OPEN) return;
      this.#line.delete(waiting);
      this.#send(waiting.topic, undefined, waiting.end);
    }
  }

  /** Ends the questions that have waited long enough. */
  #endLate(): false {
    this.#looks += 1;
    for (const waiting of this.#line) {
      if (waiting.latest >= this.#looks) break;
      this.#line.delete(waiting);
      this.counts.questionsDropped += 1;
      waiting.end([], false);
    }
    for (const [token, { patience, promised, until }] of this.#questions) {
      if (until < this.#looks || (promised <= 0 && patience < this.#looks)) this.#end(token, false);
    }
    return false;
  }

  /** Whether no more answers may be given in this second. */
  get spent(): boolean {
    return this.#given.spent || this.#givenBytes.spent;
  }

  /** Returns the answer to a question of another node, in at most `most` bytes; undefined for none. */
  answer(topic: string, most: number): Uint8Array | undefined {
    if (this.spent) {
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
  return data.length === OFFER.length && Buffer.compare(OFFER, data) === 0;
}

/** Whether whoever asked knows that an answer may come late, and waits for it. Others wait as long as always. */
export function canWait(reply: string): boolean {
  return reply.includes(PATIENT, reply.lastIndexOf('.'));
}

/**
 * Sends an answer. `alone`: no other node offers the topic. `late`: it was promised before. `quiet`: this node does not
 * offer it either, and has stopped listening. Without content, it is the promise.
 */
export function give(
  connection: NatsConnection,
  reply: string,
  answer: Uint8Array | undefined,
  { alone = false, late = false, quiet = false },
): void {
  if (answer !== undefined && !alone && !late && !quiet) {
    connection.publish(reply, answer);
    return;
  }
  const headers = makeHeaders();
  if (alone) headers.set(ALONE, '1');
  if (quiet) headers.set(QUIET, '1');
  if (late || answer === undefined) headers.set(LATE, answer === undefined ? PROMISED : GIVEN);
  connection.publish(reply, answer, { headers });
}
