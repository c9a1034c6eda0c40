import type { OnApplicationShutdown } from '@nestjs/common';
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
import { natsCredentialSettings } from './nats-credentials.js';
import { natsOptions } from './nats-options.js';
import { Questions } from './questions.js';
import { Refusals } from './refusals.js';
import { Subjects } from './subjects.js';

/** Milliseconds that a peer waits for its subscription, at most, when the bus is up but does not answer. */
const CONFIRM_MS = 2000;
/** Maximum number of bytes on their way to the bus that it has not acknowledged. Beyond that, messages are dropped. */
const MOST_UNANSWERED_BYTES = 8 * 1024 * 1024;
/** After this many unacknowledged bytes the bus is pinged. */
const PING_EVERY_BYTES = 256 * 1024;
/** Cost of a message on the bus besides its bytes. */
const OVERHEAD_BYTES = 128;
/**
 * Bytes by which a canonical Relay may exceed what the peer sent: the names of two fields and the head of a map, which
 * the shortest form leaves out (docs/protocol.md, section 1).
 */
const ROOM_BYTES = 15;
/** Milliseconds between two measurements of the round trip to the bus. */
const PROBE_MS = 10_000;

export interface NatsBackplaneParts {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly counts: BackplaneCounts;
  readonly log: Log;
}

/**
 * Connects the nodes of a service over NATS. Owns the amount that is on its way to the bus; Interest owns the topics on
 * it. Knows nothing of subscribers.
 * Invariant: a wanted topic is on the bus whenever the bus is up. What waits for the bus is bounded.
 */
export class NatsBackplane extends Backplane implements OnApplicationShutdown, LinkListener {
  readonly #link: NatsLink;
  readonly #subjects: Subjects;
  readonly #topics: Interest;
  /** Topics that this node has something to say about. */
  readonly #offers: Interest;
  readonly #questions: Questions;
  readonly #refusals: Refusals;
  readonly #probe = new Sweep(() => this.#ping(), PROBE_MS);
  readonly #closing = new AbortController();
  #deliver: Deliver = () => undefined;
  /** Shared by all callers that wait for the same answer. */
  #confirming: Promise<void> | undefined;
  /** Bytes sent since the bus last answered, with their overhead. */
  #unanswered = 0;
  /** The ping that the bus has not answered yet. */
  #pinging: symbol | undefined;

  private constructor(private readonly parts: NatsBackplaneParts) {
    super();
    const { settings, clock, counts, log } = parts;
    this.#link = new NatsLink(natsOptions(settings), this, clock, log);
    this.#refusals = new Refusals(settings.natsSubjectPrefix, counts, clock, log);
    this.#subjects = new Subjects(settings.natsSubjectPrefix, 'topic');
    const failed = (error: Error): void => this.#refusals.count('a message from the bus could not be handled', error);
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

  /**
   * Joins the bus. If the bus cannot be reached, or does not know this node yet, starts without it and keeps trying.
   * Rejects
   * with a StartupError if NATS carries only smaller messages than `max-message-bytes`.
   */
  static async join(parts: NatsBackplaneParts): Promise<NatsBackplane> {
    const backplane = new NatsBackplane(parts);
    await backplane.#link.open();
    const tooSmall = backplane.#tooSmall();
    if (tooSmall === undefined) return backplane;
    await backplane.onApplicationShutdown();
    throw new StartupError(tooSmall);
  }

  get state(): BackplaneState {
    if (!this.#link.up) return 'down';
    return this.trouble === undefined ? 'up' : 'degraded';
  }

  override get trouble(): string | undefined {
    return this.#link.up ? this.#refusals.trouble : undefined;
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
      // A copy: the client sends it at the end of this turn, and the sender's buffer is reused by then.
      connection.publish(this.#subjects.of(topic), Buffer.from(message));
    } catch {
      // The connection was closed for good a moment ago, and the link has not noticed yet.
      return this.#drop('down');
    }
    this.parts.counts.messagesOut += 1;
    this.parts.counts.bytesOut += message.length;
    this.#sent(message.length);
    return undefined;
  }

  #sent(bytes: number): void {
    this.#unanswered += bytes + OVERHEAD_BYTES;
    if (this.#unanswered > PING_EVERY_BYTES) this.#ping();
  }

  async onApplicationShutdown(): Promise<void> {
    const { connection } = this.#link;
    if (connection !== undefined) await this.#confirm(connection);
    this.#topics.stop();
    this.#offers.stop();
    this.#probe.stop();
    this.#questions.lost();
    this.#closing.abort();
    await this.#link.close();
  }

  joined(connection: NatsConnection): void {
    this.#forget();
    this.#refusals.forget();
    this.#questions.joined(connection);
    const tooSmall = this.#tooSmall();
    if (tooSmall !== undefined) this.parts.log.error(tooSmall);
    const confirmed = this.#confirm(connection);
    this.#topics.joined(connection, confirmed);
    this.#offers.joined(connection, confirmed);
  }

  rejoined(): void {
    // The client discarded what it had not sent.
    this.#forget();
    this.#refusals.forget();
    const { connection } = this.#link;
    this.#questions.joined(connection!);
    const confirmed = this.#confirm(connection!);
    this.#topics.rejoined(connection!, confirmed);
    this.#offers.rejoined(connection!, confirmed);
  }

  refused(): void {
    const { log, settings } = this.parts;
    const settingsInUse = natsCredentialSettings(settings);
    log.error(`NATS refuses this node (${settingsInUse}); this node serves its own peers only, and keeps trying`);
  }

  complained(error: Error): void {
    this.#refusals.heard(error);
  }

  lost(): void {
    this.#forget();
    this.#questions.lost();
  }

  /** Resets the bytes on their way: they are sent or lost, and no answer will come. */
  #forget(): void {
    this.#unanswered = 0;
    this.#pinging = undefined;
  }

  /** Maximum number of bytes in a message on the bus; 0 without a connection. */
  #most(): number {
    return this.#link.connection?.info?.max_payload ?? 0;
  }

  /** Takes a message of another node. Trusts it no more than a peer: anyone who can reach the bus may write to it. */
  #take(topic: string, data: Uint8Array): void {
    const message = Buffer.from(data.buffer, data.byteOffset, data.length);
    if (message.length > this.parts.settings.maxMessageBytes + ROOM_BYTES || canonicalRelayTopic(message) !== topic) {
      return this.#drop('malformed');
    }
    this.parts.counts.messagesIn += 1;
    this.parts.counts.bytesIn += message.length;
    return this.#deliver(topic, message);
  }

  /** Answers the question of another node. The answer counts as bytes on their way, like a published message. */
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

  /**
   * Fulfilled when the bus has everything sent so far, or after CONFIRM_MS. One ping serves all callers of a turn.
   * Never rejects.
   */
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

  /** Pings the bus, to learn how much it has not taken yet. Returns false, as a step of a Sweep that is done. */
  #ping(): false {
    const { connection } = this.#link;
    if (connection === undefined || this.#pinging !== undefined) return false;
    const ping = Symbol('ping');
    this.#pinging = ping;
    const sent = this.#unanswered;
    void this.#roundTrip(connection).then(() => {
      if (this.#pinging !== ping) return;
      this.#pinging = undefined;
      this.#unanswered = Math.max(0, this.#unanswered - sent);
      if (this.#unanswered > PING_EVERY_BYTES) this.#ping();
    });
    return false;
  }

  /** Fulfilled when the bus has answered, or the connection is lost. */
  async #roundTrip(connection: NatsConnection): Promise<void> {
    const began = this.parts.clock.monotonic();
    try {
      await connection.flush();
      this.parts.counts.roundTripMs = this.parts.clock.monotonic() - began;
    } catch {
      // The link logs it.
    }
  }

  #tooSmall(): string | undefined {
    const most = this.#most();
    const { maxMessageBytes } = this.parts.settings;
    if (most === 0 || most >= maxMessageBytes) return undefined;
    const carried = `NATS carries at most ${most} bytes in a message (its max_payload)`;
    return `${carried}, but max-message-bytes is ${maxMessageBytes}`;
  }
}
