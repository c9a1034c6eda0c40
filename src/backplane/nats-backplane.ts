import type { OnApplicationShutdown } from '@nestjs/common';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Clock } from '../clock/clock.js';
import { Sweep } from '../clock/sweep.js';
import { StartupError } from '../config/faults.js';
import type { Settings } from '../config/settings.js';
import type { Log } from '../logging/log.js';
import type { BackplaneCounts } from '../metrics/backplane-counts.js';
import type { MemberId } from '../protocol/member.js';
import { AnswerDesk, NOTHING } from './answer-desk.js';
import { Backplane } from './backplane.js';
import type { BackplaneState, Deliver, Hear, Obey, Respond } from './backplane.js';
import { Interest } from './interest.js';
import { NatsLink } from './nats-link.js';
import type { LinkListener } from './nats-link.js';
import { natsCredentialSettings } from './nats-credentials.js';
import { natsOptions, payloadFault } from './nats-options.js';
import { Orders } from './orders.js';
import { HEARD_MS, Publisher } from './publisher.js';
import { Receipt } from './receipt.js';
import { give, Questions } from './questions.js';
import { Refusals } from './refusals.js';
import { everybodyLeft, QuietTopics } from './quiet-topics.js';
import { RollCall } from './roll-call.js';
import { RoundTrips, SUSPECT_MS } from './round-trips.js';
import type { RoundTripsListener } from './round-trips.js';
import { BareSubscriptions } from './nats-internals.js';
import { Subjects } from './subjects.js';

/** Milliseconds between two attempts to make the subscriptions that NATS had no room for. */
const RETRY_MS = 10_000;

export interface NatsBackplaneParts {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly counts: BackplaneCounts;
  readonly log: Log<'backplane'>;
}

/**
 * Connects the nodes of a service over NATS. Interest owns the topics on the bus, RoundTrips what is on its way,
 * Questions what is asked. Knows nothing of subscribers.
 * Invariant: a wanted topic is on the bus whenever the bus is up. What waits for the bus is bounded.
 */
export class NatsBackplane extends Backplane implements OnApplicationShutdown, LinkListener, RoundTripsListener {
  readonly #link: NatsLink;
  readonly #subjects: Subjects;
  readonly #topics: Interest;
  /** Topics that this node has something to say about. */
  readonly #offers: Interest;
  readonly #questions: Questions;
  readonly #orders: Orders;
  readonly #rollCall: RollCall;
  readonly #refusals: Refusals;
  readonly #trips: RoundTrips;
  readonly #desk: AnswerDesk;
  readonly #alone: Subjects;
  readonly #quiet: QuietTopics;
  readonly #publisher: Publisher;
  readonly #receipt: Receipt;
  /** Whether other nodes may leave messages out, and can be asked not to. */
  #asksToBeHeard = false;
  readonly #subscriptions = new BareSubscriptions();
  readonly #retry = new Sweep(() => this.#retryRefused(), RETRY_MS);
  readonly #recovered: (() => void)[] = [];

  private constructor(private readonly parts: NatsBackplaneParts) {
    super();
    const { settings, clock, counts, log } = parts;
    this.#link = new NatsLink(natsOptions(settings), this, clock, log);
    this.#trips = new RoundTrips(clock, counts, this);
    this.#refusals = new Refusals(settings.natsSubjectPrefix, counts, clock, log);
    this.#subjects = new Subjects(settings.natsSubjectPrefix, 'topic');
    this.#receipt = new Receipt(this.nodes, settings, counts);
    const failed = (error: Error): void => this.#refusals.count('a message from the bus could not be handled', error);
    this.#topics = new Interest(
      this.#subjects,
      this.#subscriptions,
      clock,
      ({ topic }, message) => this.#receipt.take(topic, message),
      { counted: (size) => (counts.subscriptions = size), failed },
    );
    const records = new Subjects(settings.natsSubjectPrefix, 'records');
    this.#questions = new Questions(records, clock, counts);
    this.#orders = new Orders(`${settings.natsSubjectPrefix}.orders`, clock, counts, failed);
    this.#rollCall = new RollCall(`${settings.natsSubjectPrefix}.nodes`, this, clock, counts, failed);
    this.nodes.watch({ came: () => this.#quiet.relearn() });
    this.#alone = new Subjects(settings.natsSubjectPrefix, 'alone');
    this.#quiet = new QuietTopics([this.#alone, records], this.#subscriptions, clock, ({ reply, subject }) => {
      const { connection } = this.#link;
      if (connection === undefined || !reply) return;
      const alone = subject.startsWith(`${settings.natsSubjectPrefix}.alone.`);
      // Whoever asks for records waits for those of others, too.
      give(connection, reply, NOTHING, { alone, quiet: !alone });
    });
    const connected = (): NatsConnection | undefined => this.#link.connection;
    this.#publisher = new Publisher(
      this.#subjects,
      this.#quiet,
      this.#questions,
      this.#trips,
      this.nodes,
      counts,
      connected,
    );
    this.#desk = new AnswerDesk(this.#questions, this.#trips, clock, counts, connected);
    this.#offers = new Interest(
      records,
      this.#subscriptions,
      clock,
      (offered, question) => this.#desk.answer(offered, question),
      { counted: () => undefined, failed },
    );
    this.#retry.start();
  }

  /**
   * Joins the bus. If the bus cannot be reached, or does not know this node yet, starts without it and keeps trying.
   * Rejects with a StartupError if NATS carries only smaller messages than `max-message-bytes`.
   */
  static async join(parts: NatsBackplaneParts): Promise<NatsBackplane> {
    const backplane = new NatsBackplane(parts);
    await backplane.#link.open();
    const tooSmall = payloadFault(backplane.most, parts.settings);
    if (tooSmall === undefined) return backplane;
    await backplane.onApplicationShutdown();
    throw new StartupError(tooSmall);
  }

  get state(): BackplaneState {
    if (!this.#link.up) return 'down';
    return this.trouble === undefined ? 'up' : 'degraded';
  }

  override get trouble(): string | undefined {
    if (!this.#link.up) return undefined;
    return this.#trips.suspect ? 'NATS does not answer' : this.#refusals.trouble;
  }

  override get answers(): boolean {
    return this.#link.up && !this.#trips.suspect;
  }

  listen(deliver: Deliver): void {
    this.#receipt.deliver = deliver;
  }

  onRecovery(recovered: () => void): void {
    this.#recovered.push(recovered);
  }

  respond(respond: Respond): void {
    this.#questions.respond = respond;
  }

  subscribe(topic: string): Promise<void> | undefined {
    const { wanted, news } = this.#topics.want(topic);
    if (!this.answers) return undefined;
    if (news) wanted.waitFor(this.#confirm(topic));
    return this.#topics.confirmed(wanted);
  }

  unsubscribe(topic: string): void {
    this.#topics.unwant(topic);
  }

  offer(topic: string): Promise<void> | undefined {
    const { wanted, news } = this.#offers.want(topic);
    if (!this.answers) return undefined;
    if (news) {
      this.#desk.lookAround(wanted);
      // Behind the offer: those who have the topic know of it when NATS has answered.
      wanted.waitFor(this.#trips.confirm());
    }
    return this.#offers.confirmed(wanted);
  }

  withdraw(topic: string): void {
    this.#offers.unwant(topic);
  }

  ask(topic: string): Promise<readonly Uint8Array[]> | undefined {
    return this.answers ? this.#questions.ask(topic) : undefined;
  }

  obey(obey: Obey): void {
    this.#orders.obey = obey;
  }

  async order(order: Uint8Array): Promise<readonly Uint8Array[]> {
    const { connection } = this.#link;
    return connection === undefined ? [] : this.#orders.give(connection, order);
  }

  override wantMembers(wants: boolean): void {
    this.#rollCall.wantsMembers = wants;
  }

  override leave(): void {
    this.#rollCall.leave();
  }

  publish(topic: string, message: Uint8Array, from?: MemberId): void {
    this.#publisher.publish(topic, message, from);
  }

  tell(topic: string, word: Uint8Array, heard?: (nobody: boolean) => void): boolean {
    return this.#publisher.tell(topic, word, heard);
  }

  hear(hear: Hear): void {
    this.#receipt.hear = hear;
  }

  async onApplicationShutdown(): Promise<void> {
    const { connection } = this.#link;
    this.#rollCall.stop();
    if (connection !== undefined) await this.#trips.confirm();
    this.#topics.stop();
    this.#offers.stop();
    this.#quiet.stop();
    this.#retry.stop();
    this.#trips.stop();
    this.#questions.lost();
    this.#desk.clear();
    await this.#link.close();
  }

  joined(connection: NatsConnection): void {
    const tooSmall = payloadFault(this.most, this.parts.settings);
    if (tooSmall !== undefined) this.parts.log.write('bus_too_small', {}, { fault: tooSmall });
    this.#orders.joined(connection);
    this.#rollCall.joined(connection);
    this.#begin(connection);
  }

  rejoined(): void {
    this.#begin(this.#link.connection!);
  }

  refused(): void {
    const { log, settings } = this.parts;
    log.write('bus_refuses', {}, { settings: natsCredentialSettings(settings) });
  }

  complained(error: Error): void {
    this.#refusals.heard(error);
    const denied = this.#refusals.denies('alone');
    // Without it nobody can say that it wants a topic, and nobody knows that it is alone with one.
    if (denied) this.#asksToBeHeard = false;
    // A subscription that NATS refuses hears no question.
    if (denied || this.#refusals.denies('records') || this.#refusals.full) this.#quiet.begin(false);
  }

  recovered(): void {
    for (const recovered of this.#recovered) recovered();
  }

  dead(): void {
    this.#link.cut();
  }

  lost(): void {
    this.#trips.begin(undefined);
    this.#subscriptions.use(undefined);
    this.#questions.lost();
    this.#desk.clear();
    this.#asksToBeHeard = false;
    this.#quiet.begin(false);
    this.#rollCall.lost();
  }

  override get most(): number {
    return this.#link.connection?.info?.max_payload ?? 0;
  }

  /** Fulfilled when NATS has the subscription to a topic, and no node leaves its messages out any more. */
  async #confirm(topic: string): Promise<void> {
    await Promise.all([this.#trips.confirm(), this.#asksToBeHeard ? this.#everybodyLeft(topic) : undefined]);
  }

  /** N13: asks until nobody is left who leaves out messages to a topic; at most as long as for a NATS that is frozen. */
  #everybodyLeft(topic: string): Promise<void> {
    const subject = this.#alone.of(topic);
    return everybodyLeft(this.parts.clock, SUSPECT_MS, (heard) => {
      if (!this.#asksToBeHeard || !this.answers) return false;
      return this.#questions.request(subject, undefined, HEARD_MS, heard);
    });
  }

  /** Begins on a connection that has none of our subscriptions, and none of what the client had not sent. */
  #begin(connection: NatsConnection): void {
    this.#trips.begin(connection);
    this.#refusals.forget();
    this.#subscriptions.use(connection);
    this.#questions.joined(connection);
    this.#rollCall.begin(connection);
    // Between the servers of a cluster, a subscription travels longer than it takes to be confirmed.
    this.#asksToBeHeard = connection.info?.cluster === undefined;
    // Without records, a node of an older version does not say that it wants a topic.
    this.#quiet.begin(this.#asksToBeHeard && this.parts.settings.records);
    const confirm = (): Promise<void> => this.#trips.confirm();
    const goOn = (): boolean => this.#link.connection === connection;
    const kinds = [this.#topics, this.#offers];
    let left = kinds.length;
    const sent = (): void => {
      left -= 1;
      if (left === 0) this.#rollCall.whole();
    };
    void Promise.all(kinds.map((kind) => kind.joined(confirm, goOn, sent))).then(() => goOn() && this.recovered());
  }

  /** Subscribes again if NATS had no room. It does not say for which topic, and there may be room by now. */
  #retryRefused(): false {
    const { connection } = this.#link;
    if (connection === undefined || !this.#refusals.full) return false;
    const { refused } = this.#refusals;
    // What NATS refused is heard a moment later than that it has answered.
    const confirm = (): Promise<void> =>
      this.#trips.confirm().then(() => new Promise((resolve) => void setImmediate(resolve)));
    const goOn = (): boolean => this.#link.connection === connection && this.#refusals.refused === refused;
    void this.#topics
      .subscribeAgain(confirm, goOn)
      .then((through) => through && this.#offers.subscribeAgain(confirm, goOn))
      .then((through) => through && this.#refusals.fits());
    return false;
  }
}
