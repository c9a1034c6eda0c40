import type { OnApplicationShutdown } from '@nestjs/common';
import { errors } from '@nats-io/transport-node';
import type { NatsConnection, Subscription } from '@nats-io/transport-node';
import type { Clock } from '../clock/clock.js';
import { ExpiryList } from '../clock/expiry-list.js';
import type { Expiring } from '../clock/expiry-list.js';
import { Sweep } from '../clock/sweep.js';
import { StartupError } from '../config/faults.js';
import type { Settings } from '../config/settings.js';
import type { Log } from '../logging/log.js';
import type { BackplaneCounts, BackplaneDrop } from '../metrics/backplane-counts.js';
import { canonicalRelayTopic } from '../protocol/canonical-relay.js';
import { Backplane } from './backplane.js';
import type { BackplaneState, Deliver } from './backplane.js';
import { NatsLink } from './nats-link.js';
import type { LinkListener } from './nats-link.js';
import { natsOptions } from './nats-options.js';
import { Subjects } from './subjects.js';

/** How long a topic stays on the bus after its last subscriber left: peers come back, and subscriptions travel far. */
const LINGER_MS = 1000;
const LINGER_SWEPT_MS = 250;
/** How long a peer waits for its subscription at most, when the bus is up and does not answer. */
const CONFIRM_MS = 2000;
/** Bytes that may be on their way to the bus without its having answered since; after so many of them it is asked to. */
const MOST_UNANSWERED_BYTES = 8 * 1024 * 1024;
const ASKED_EVERY_BYTES = 256 * 1024;
/** What a message costs on the bus besides its bytes. */
const OVERHEAD_BYTES = 128;
/** A publication's Relay may be larger than what a peer may send: its topic, and names. */
const ROOM_BYTES = 8192;
/** How often the bus is asked, to know how long it takes. */
const PROBED_MS = 10_000;

/** A topic that this node has on the bus. */
interface BusTopic extends Expiring<BusTopic> {
  readonly topic: string;
  subscription: Subscription | undefined;
  /** Fulfilled when messages are sure to come; undefined when they are, or nobody can tell. */
  confirmed: Promise<void> | undefined;
  /** When it is given up. */
  until: number;
}

export interface NatsBackplaneParts {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly counts: BackplaneCounts;
  readonly log: Log;
}

/**
 * Several nodes as one, over NATS. Owns which topics this node has on the bus, and how much is on its way there. Knows nothing
 * of subscribers. Invariant: a topic that is wanted is on the bus whenever the bus is up; what waits for the bus is bounded.
 */
export class NatsBackplane extends Backplane implements OnApplicationShutdown, LinkListener {
  readonly #topics = new Map<string, BusTopic>();
  /** Those that nobody wants any more. */
  readonly #lingering = new ExpiryList<BusTopic>();
  readonly #link: NatsLink;
  readonly #subjects: Subjects;
  readonly #sweep = new Sweep(() => this.#giveUp(), LINGER_SWEPT_MS);
  readonly #probe = new Sweep(() => this.#ask(), PROBED_MS);
  readonly #closing = new AbortController();
  #deliver: Deliver = () => undefined;
  /** Shared by all who wait for the same answer. */
  #confirming: Promise<void> | undefined;
  #unanswered = 0;
  #asking = false;

  private constructor(private readonly parts: NatsBackplaneParts) {
    super();
    this.#subjects = new Subjects(parts.settings.natsSubjectPrefix);
    this.#link = new NatsLink(natsOptions(parts.settings), this, parts.clock, parts.log);
    this.#sweep.start();
    this.#probe.start();
  }

  /** Joins the bus, or goes on without where it is not there. Throws a StartupError for settings that it does not take. */
  static async join(parts: NatsBackplaneParts): Promise<NatsBackplane> {
    const backplane = new NatsBackplane(parts);
    const fault = await backplane.#link.open();
    const refused = fault instanceof errors.AuthorizationError ? 'NATS refuses nats-creds or nats-token' : backplane.#tooSmall();
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

  subscribe(topic: string): Promise<void> | undefined {
    const known = this.#topics.get(topic);
    if (known !== undefined) {
      known.list?.remove(known);
      return known.confirmed;
    }
    const added: BusTopic = { topic, subscription: undefined, confirmed: undefined, until: 0, previous: undefined, next: undefined, list: undefined };
    this.#topics.set(topic, added);
    this.parts.counts.subscriptions = this.#topics.size;
    const { connection } = this.#link;
    if (connection === undefined) return undefined;
    this.#add(connection, added);
    added.confirmed = this.#confirm(connection).then(() => {
      added.confirmed = undefined;
    });
    return added.confirmed;
  }

  unsubscribe(topic: string): void {
    const known = this.#topics.get(topic);
    if (known === undefined || known.list !== undefined) return;
    known.until = this.parts.clock.monotonic() + LINGER_MS;
    this.#lingering.append(known);
  }

  publish(topic: string, message: Uint8Array): void {
    const { connection } = this.#link;
    if (connection === undefined) return this.#drop('down');
    if (message.length > connection.info!.max_payload) return this.#drop('too_large');
    if (this.#unanswered > MOST_UNANSWERED_BYTES) return this.#drop('slow');
    // A copy: the library sends it when this turn's work is done, and by then the sender's memory has other things in it.
    connection.publish(this.#subjects.of(topic), Buffer.from(message));
    this.parts.counts.messagesOut += 1;
    this.parts.counts.bytesOut += message.length;
    this.#unanswered += message.length + OVERHEAD_BYTES;
    if (this.#unanswered > ASKED_EVERY_BYTES) this.#ask();
    return undefined;
  }

  async onApplicationShutdown(): Promise<void> {
    this.#sweep.stop();
    this.#probe.stop();
    this.#closing.abort();
    await this.#link.close();
  }

  joined(connection: NatsConnection): void {
    this.#unanswered = 0;
    const tooSmall = this.#tooSmall();
    if (tooSmall !== undefined) this.parts.log.error(tooSmall);
    for (const known of this.#topics.values()) this.#add(connection, known);
  }

  rejoined(): void {
    // The library gives up what it had not sent, and subscribes anew by itself; what came meanwhile has none yet.
    this.#unanswered = 0;
    const { connection } = this.#link;
    for (const known of this.#topics.values()) if (known.subscription === undefined) this.#add(connection!, known);
  }

  lost(): void {
    this.#unanswered = 0;
  }

  #add(connection: NatsConnection, known: BusTopic): void {
    known.subscription = connection.subscribe(this.#subjects.of(known.topic), { callback: (_error, { data }) => this.#take(known.topic, data) });
  }

  /** What another node published: believed no more than a peer, since whoever reaches the bus may write to it. */
  #take(topic: string, data: Uint8Array): void {
    const message = Buffer.from(data.buffer, data.byteOffset, data.length);
    const { maxMessageBytes, recordMaxBytes } = this.parts.settings;
    if (message.length > Math.max(maxMessageBytes, recordMaxBytes) + ROOM_BYTES || canonicalRelayTopic(message) !== topic) return this.#drop('malformed');
    this.parts.counts.messagesIn += 1;
    this.parts.counts.bytesIn += message.length;
    return this.#deliver(topic, message);
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
    if (connection === undefined || this.#asking) return false;
    this.#asking = true;
    const sent = this.#unanswered;
    void this.#roundTrip(connection).then((answered) => {
      this.#asking = false;
      if (!answered) return;
      this.#unanswered = Math.max(0, this.#unanswered - sent);
      if (this.#unanswered > ASKED_EVERY_BYTES) this.#ask();
    });
    return false;
  }

  /** Whether the bus answered; it did not when the connection went meanwhile. */
  async #roundTrip(connection: NatsConnection): Promise<boolean> {
    const began = this.parts.clock.monotonic();
    try {
      await connection.flush();
    } catch {
      return false;
    }
    this.parts.counts.roundTripMs = this.parts.clock.monotonic() - began;
    return true;
  }

  /** Takes those topics off the bus that nobody came back for. There is never more work. */
  #giveUp(): false {
    const now = this.parts.clock.monotonic();
    for (let first = this.#lingering.first; first !== undefined && first.until <= now; first = this.#lingering.first) {
      this.#lingering.remove(first);
      first.subscription?.unsubscribe();
      this.#topics.delete(first.topic);
    }
    this.parts.counts.subscriptions = this.#topics.size;
    return false;
  }

  #tooSmall(): string | undefined {
    const most = this.#link.connection?.info?.max_payload;
    const { maxMessageBytes } = this.parts.settings;
    if (most === undefined || most >= maxMessageBytes) return undefined;
    return `NATS carries at most ${most} bytes in a message (its max_payload), and max-message-bytes is ${maxMessageBytes}`;
  }
}
