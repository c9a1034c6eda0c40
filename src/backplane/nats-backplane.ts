import type { OnApplicationShutdown } from '@nestjs/common';
import { errors } from '@nats-io/transport-node';
import type { Msg, NatsConnection } from '@nats-io/transport-node';
import type { Clock } from '../clock/clock.js';
import { Sweep } from '../clock/sweep.js';
import { StartupError } from '../config/faults.js';
import type { Settings } from '../config/settings.js';
import type { Log } from '../logging/log.js';
import type { BackplaneCounts, BackplaneDrop } from '../metrics/backplane-counts.js';
import { canonicalRelayTopic } from '../protocol/canonical-relay.js';
import { Backplane } from './backplane.js';
import type { BackplaneState, Deliver, Respond } from './backplane.js';
import { confirm, Interest } from './interest.js';
import { NatsLink } from './nats-link.js';
import type { LinkListener } from './nats-link.js';
import { natsOptions } from './nats-options.js';
import { Questions } from './questions.js';
import { Subjects } from './subjects.js';

/** How long a peer waits for its subscription at most, when the bus is up and does not answer. */
const CONFIRM_MS = 2000;
/** Bytes that may be on their way to the bus without its having answered since; after so many of them it is asked to. */
const MOST_UNANSWERED_BYTES = 8 * 1024 * 1024;
const ASKED_EVERY_BYTES = 256 * 1024;
/** What a message costs on the bus besides its bytes. */
const OVERHEAD_BYTES = 128;
/** What a canonical Relay may be larger than what a peer sent: the names of two fields and a map's head, which the shortest form leaves out (docs/protocol.md, section 1). */
const ROOM_BYTES = 15;
/** How often the bus is asked, to know how long it takes. */
const PROBED_MS = 10_000;

export interface NatsBackplaneParts {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly counts: BackplaneCounts;
  readonly log: Log;
}

/**
 * Several nodes as one, over NATS. Owns how much is on its way to the bus; which topics are on it is Interest's. Knows nothing
 * of subscribers. Invariant: a topic that is wanted is on the bus whenever the bus is up; what waits for the bus is bounded.
 */
export class NatsBackplane extends Backplane implements OnApplicationShutdown, LinkListener {
  readonly #link: NatsLink;
  readonly #subjects: Subjects;
  readonly #topics: Interest;
  /** Topics that this node has something to say about. */
  readonly #offers: Interest;
  readonly #questions: Questions;
  readonly #probe = new Sweep(() => this.#ask(), PROBED_MS);
  readonly #closing = new AbortController();
  #deliver: Deliver = () => undefined;
  /** Shared by all who wait for the same answer. */
  #confirming: Promise<void> | undefined;
  /** Bytes that were published since the bus last answered. */
  #unanswered = 0;
  /** The question that the bus has not answered yet. */
  #asking: symbol | undefined;
  #failed = false;

  private constructor(private readonly parts: NatsBackplaneParts) {
    super();
    const { settings, clock, counts, log } = parts;
    this.#link = new NatsLink(natsOptions(settings), this, clock, log);
    this.#subjects = new Subjects(settings.natsSubjectPrefix, 'topic');
    const failed = (error: Error): void => this.#fail(error);
    this.#topics = new Interest(this.#subjects, clock, (topic, { data }) => this.#take(topic, data), {
      counted: (size) => (counts.subscriptions = size),
      failed,
    });
    const records = new Subjects(settings.natsSubjectPrefix, 'records');
    this.#questions = new Questions(records, clock, counts);
    this.#offers = new Interest(records, clock, (topic, question: Msg) => this.#answer(topic, question), {
      counted: () => undefined,
      failed,
    });
    this.#probe.start();
  }

  /** Joins the bus, or goes on without where it is not there. Throws a StartupError for settings that it does not take. */
  static async join(parts: NatsBackplaneParts): Promise<NatsBackplane> {
    const backplane = new NatsBackplane(parts);
    const fault = await backplane.#link.open();
    const refused =
      fault instanceof errors.AuthorizationError ? 'NATS refuses nats-creds or nats-token' : backplane.#tooSmall();
    if (refused === undefined) return backplane;
    await backplane.onApplicationShutdown();
    throw new StartupError(refused);
  }

  get state(): BackplaneState {
    return this.#link.up ? 'up' : 'down';
  }

  listen(deliver: Deliver): void {
    this.#deliver = deliver;
  }

  respond(respond: Respond): void {
    this.#questions.respond = respond;
  }

  subscribe(topic: string): Promise<void> | undefined {
    const { connection } = this.#link;
    const { wanted, news } = this.#topics.want(topic, connection);
    if (news && connection !== undefined) confirm(wanted, this.#confirm(connection));
    return wanted.confirmed;
  }

  unsubscribe(topic: string): void {
    this.#topics.unwant(topic);
  }

  offer(topic: string): void {
    this.#offers.want(topic, this.#link.connection);
  }

  withdraw(topic: string): void {
    this.#offers.unwant(topic);
  }

  ask(topic: string): Promise<readonly Uint8Array[]> | undefined {
    const { connection } = this.#link;
    return connection === undefined ? undefined : this.#questions.ask(connection, topic);
  }

  publish(topic: string, message: Uint8Array): void {
    const { connection } = this.#link;
    if (connection === undefined) return this.#drop('down');
    if (message.length > this.#most()) return this.#drop('too_large');
    if (this.#unanswered > MOST_UNANSWERED_BYTES) return this.#drop('slow');
    try {
      // A copy: the library sends it when this turn's work is done, and by then the sender's memory has other things in it.
      connection.publish(this.#subjects.of(topic), Buffer.from(message));
    } catch {
      // Closed for good a moment ago; the link has not heard of it yet.
      return this.#drop('down');
    }
    this.parts.counts.messagesOut += 1;
    this.parts.counts.bytesOut += message.length;
    this.#sent(message.length);
    return undefined;
  }

  #sent(bytes: number): void {
    this.#unanswered += bytes + OVERHEAD_BYTES;
    if (this.#unanswered > ASKED_EVERY_BYTES) this.#ask();
  }

  async onApplicationShutdown(): Promise<void> {
    const { connection } = this.#link;
    if (connection !== undefined) await this.#confirm(connection);
    this.#topics.stop();
    this.#offers.stop();
    this.#probe.stop();
    this.#closing.abort();
    await this.#link.close();
  }

  joined(connection: NatsConnection): void {
    this.#forget();
    const tooSmall = this.#tooSmall();
    if (tooSmall !== undefined) this.parts.log.error(tooSmall);
    const confirmed = this.#confirm(connection);
    this.#topics.joined(connection, confirmed);
    this.#offers.joined(connection, confirmed);
  }

  rejoined(): void {
    // The library gave up what it had not sent.
    this.#forget();
    const { connection } = this.#link;
    const confirmed = this.#confirm(connection!);
    this.#topics.rejoined(connection!, confirmed);
    this.#offers.rejoined(connection!, confirmed);
  }

  lost(): void {
    this.#forget();
  }

  /** Nothing is on its way any more, and no answer will come. */
  #forget(): void {
    this.#unanswered = 0;
    this.#asking = undefined;
  }

  /** The most bytes that the bus carries in a message; 0 while there is none. */
  #most(): number {
    return this.#link.connection?.info?.max_payload ?? 0;
  }

  /** One line, however often: the reason may be the same for each of a hundred thousand topics. NATS's own names the subject. */
  #fail(error: Error): void {
    this.parts.counts.failed += 1;
    if (this.#failed) return;
    this.#failed = true;
    const why =
      error instanceof errors.PermissionViolationError
        ? `NATS does not permit a ${error.operation} of this node`
        : 'what came over the bus could not be handled';
    this.parts.log.error(`${why}; further failures are counted, not logged`, { error: error.name });
  }

  /** What another node published: believed no more than a peer, since whoever reaches the bus may write to it. */
  #take(topic: string, data: Uint8Array): void {
    const message = Buffer.from(data.buffer, data.byteOffset, data.length);
    if (message.length > this.parts.settings.maxMessageBytes + ROOM_BYTES || canonicalRelayTopic(message) !== topic) {
      return this.#drop('malformed');
    }
    this.parts.counts.messagesIn += 1;
    this.parts.counts.bytesIn += message.length;
    return this.#deliver(topic, message);
  }

  /** Another node asks. What it is told waits for the bus like what is published. */
  #answer(topic: string, question: Msg): void {
    if (question.reply === undefined || question.reply === '') return this.#drop('malformed');
    if (this.#unanswered > MOST_UNANSWERED_BYTES) return this.#drop('slow');
    const answer = this.#questions.answer(topic, this.#most());
    if (answer === undefined) return undefined;
    question.respond(answer);
    this.#sent(answer.length);
    return undefined;
  }

  #drop(why: BackplaneDrop): void {
    this.parts.counts.dropped[why] += 1;
  }

  /** Fulfilled when the bus has all that was sent until now; one question for all who ask in this turn. Never rejects. */
  #confirm(connection: NatsConnection): Promise<void> {
    this.#confirming ??= new Promise<void>((resolve) => setImmediate(resolve)).then(async () => {
      this.#confirming = undefined;
      const answered = new AbortController();
      const over = AbortSignal.any([answered.signal, this.#closing.signal]);
      await Promise.race([this.#roundTrip(connection), this.parts.clock.sleep(CONFIRM_MS, over)]);
      answered.abort();
    });
    return this.#confirming;
  }

  /** Asks the bus for an answer, so that what it has not swallowed is known. There is never more work. */
  #ask(): false {
    const { connection } = this.#link;
    if (connection === undefined || this.#asking !== undefined) return false;
    const asking = Symbol('asking');
    this.#asking = asking;
    const sent = this.#unanswered;
    void this.#roundTrip(connection).then(() => {
      if (this.#asking !== asking) return;
      this.#asking = undefined;
      this.#unanswered = Math.max(0, this.#unanswered - sent);
      if (this.#unanswered > ASKED_EVERY_BYTES) this.#ask();
    });
    return false;
  }

  /** Fulfilled when the bus has answered, or the connection went. */
  async #roundTrip(connection: NatsConnection): Promise<void> {
    const began = this.parts.clock.monotonic();
    try {
      await connection.flush();
      this.parts.counts.roundTripMs = this.parts.clock.monotonic() - began;
    } catch {
      // The link tells.
    }
  }

  #tooSmall(): string | undefined {
    const most = this.#most();
    const { maxMessageBytes } = this.parts.settings;
    if (most === 0 || most >= maxMessageBytes) return undefined;
    return `NATS carries at most ${most} bytes in a message (its max_payload), and max-message-bytes is ${maxMessageBytes}`;
  }
}
