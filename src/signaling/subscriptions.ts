import { Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { Backplane } from '../backplane/backplane.js';
import { Settings } from '../config/settings.js';
import type { Connection } from '../connection/connection.js';
import { Log, Logs } from '../logging/log.js';
import { topicDigest } from '../logging/topic-digest.js';
import { TopicRegistry } from '../presence/topic-registry.js';
import { Principals } from '../principals/principals.js';
import { chargeOfSending } from '../protocol/charges.js';
import {
  permissionEnded,
  tooManySubscribers,
  tooManySubscriptions,
  tooManyTopics,
  topicTooLong,
} from '../protocol/close-codes.js';
import type { CloseReason } from '../protocol/close-codes.js';
import { PERMISSION_ENDED } from '../protocol/error-codes.js';
import { encodePublication } from '../protocol/message.js';
import { binaryFrame } from '../protocol/websocket-frame.js';
import type { SubscribeRequest } from '../protocol/request.js';
import { Answers } from './answers.js';
import { Discovery } from './discovery.js';
import type { Discovered } from './discovery.js';
import { Leases } from './leases.js';
import { Membership } from './membership.js';
import { Permissions } from './permissions.js';

/** J6: maximum bytes of earlier publications that a new subscriber is sent. */
const MAX_REPLAYED_BYTES = 65_536;
/** Number of subscriptions that are made good at a time. */
const MADE_GOOD_TOGETHER = 32;

/**
 * Who subscribes to what (docs/protocol.md, R3, R7, N2, N4, P6), within the limits, and what a new subscriber is sent of
 * what was published before (J6). Owns which subscriptions wait for the bus, and what they are owed. Knows nothing of
 * sockets, nor how messages are passed on.
 * Invariant: a topic with a subscriber here is subscribed to on the bus, and one without is not.
 */
@Injectable()
export class Subscriptions implements OnModuleInit {
  readonly #log: Log<'relay'>;
  readonly #debugging: boolean;
  /** The last of each connection's Subscribes that wait for the bus. */
  readonly #subscribing = new WeakMap<Connection, Promise<void>>();
  /** Subscriptions made while not all other nodes could be asked. */
  readonly #owed = new Map<Connection, Set<string>>();

  constructor(
    private readonly topics: TopicRegistry,
    private readonly principals: Principals,
    private readonly discovery: Discovery,
    private readonly permissions: Permissions,
    private readonly leases: Leases,
    private readonly backplane: Backplane,
    private readonly settings: Settings,
    private readonly membership: Membership,
    private readonly answers: Answers,
    logs: Logs,
  ) {
    this.#log = logs.for('relay');
    this.#debugging = this.#log.writes('debug');
  }

  onModuleInit(): void {
    this.backplane.onRecovery(() => this.#makeGood());
    const completed = (): void => {
      if (this.backplane.answers && this.backplane.nodes.complete) this.#makeGood();
    };
    this.backplane.nodes.watch({ came: completed, gone: completed });
    this.leases.onEnd('subscribe', (connection, topic) => this.#evict(connection, topic));
  }

  /** R3: idempotent. P1: not done if the connection may not. */
  subscribe(connection: Connection, request: SubscribeRequest): void {
    const allowed = this.#allows(connection, request);
    const kept = allowed instanceof Promise ? withDataOfItsOwn(request) : request;
    this.permissions.whenAllowed(
      connection,
      allowed,
      () => this.#subscribe(connection, kept),
      () => this.answers.forbidden(connection, request),
    );
  }

  /**
   * R3: adds a subscription of a connection that may have it, and has room for it: see `breach`. J6: sends the new
   * subscriber what was published before. Returns a promise to wait for until the node is sure to get other nodes'
   * messages, and has fetched what was published there (N2); undefined if there is nothing to wait for.
   */
  join(connection: Connection, topic: string): Promise<void> | undefined {
    this.topics.subscribe(connection, topic);
    this.principals.subscribed(connection);
    if (!connection.v2) this.membership.came(topic, connection);
    if (this.#debugging) this.#logTopic('subscribed', connection, topic);
    this.#replay(connection, topic, this.discovery.here(topic));
    const confirmed = this.backplane.subscribe(topic);
    if (!connection.v2) this.membership.subscribed(topic, confirmed);
    if (this.backplane.answers) return this.#inTurn(connection, topic, confirmed);
    if (this.backplane.state !== 'off') this.#owe(connection, topic);
    return undefined;
  }

  /** Returns the close reason for the limit that one more subscription would exceed; undefined if there is room. */
  breach(connection: Connection, topic: string): CloseReason | undefined {
    const { maxTopicBytes, maxTopicsPerConnection, maxSubscribersPerTopic, maxSubscriptions } = this.settings;
    if (Buffer.byteLength(topic) > maxTopicBytes) return topicTooLong(maxTopicBytes);
    if (full(this.topics.countOf(connection), maxTopicsPerConnection)) return tooManyTopics(maxTopicsPerConnection);
    const ofPrincipal = this.principals.breach(connection);
    if (ofPrincipal !== undefined) return ofPrincipal;
    if (full(this.topics.subscribers(topic).size, maxSubscribersPerTopic)) {
      return tooManySubscribers(maxSubscribersPerTopic);
    }
    if (full(this.topics.subscriptions, maxSubscriptions)) return tooManySubscriptions(maxSubscriptions);
    return undefined;
  }

  /** R3: harmless if not subscribed. */
  unsubscribe(connection: Connection, topic: string): void {
    if (!this.topics.unsubscribe(connection, topic)) return;
    this.membership.left(topic, connection);
    this.principals.unsubscribed(connection, 1);
    this.leases.end(connection, 'subscribe', topic);
    this.#owed.get(connection)?.delete(topic);
    this.#vacate(topic);
    if (this.#debugging) this.#logTopic('unsubscribed', connection, topic);
  }

  /** R7: the connection has ended. */
  disconnect(connection: Connection): void {
    this.#owed.delete(connection);
    this.principals.unsubscribed(connection, this.topics.countOf(connection));
    for (const topic of this.topics.leave(connection)) {
      this.membership.left(topic, connection);
      this.#vacate(topic);
    }
  }

  /** Whether a connection may subscribe, and be told the members if it wants that. */
  #allows(connection: Connection, { topic, presence }: SubscribeRequest): boolean | Promise<boolean> {
    const subscribes = this.permissions.allows(connection, 'subscribe', topic);
    if (presence !== true || subscribes === false) return subscribes;
    const looks = (): boolean | Promise<boolean> => this.permissions.allows(connection, 'presence', topic);
    return subscribes === true ? looks() : subscribes.then((yes) => yes && looks());
  }

  /** N2: the connection's next message waits until it is sure to receive. */
  #subscribe(connection: Connection, request: SubscribeRequest): void {
    const { topic } = request;
    const subscribes = this.topics.subscribers(topic).has(connection);
    if (subscribes && !connection.v2) return;
    // Before it subscribes: one that is refused has met nobody.
    const breach = subscribes ? undefined : this.breach(connection, topic);
    if (breach !== undefined) {
      this.answers.breached(connection, request, breach);
      return;
    }
    const fault = this.membership.breach(request);
    if (fault !== undefined) {
      this.answers.failedInOrder(connection, request, fault);
      return;
    }
    let sure: Promise<void> | undefined;
    if (!subscribes) {
      this.leases.begin(connection, 'subscribe', topic);
      sure = this.join(connection, topic);
    }
    if (connection.v2) sure = this.membership.entered(connection, request, sure);
    if (sure !== undefined) connection.hold(sure, true);
  }

  /** P6: the connection may not be subscribed any more. v1 has no other way to say so than to close it. */
  #evict(connection: Connection, topic: string): void {
    this.unsubscribe(connection, topic);
    if (connection.v2) this.answers.failed(connection, { topic }, PERMISSION_ENDED);
    else connection.close(permissionEnded);
  }

  /** Unsubscribes from the backplane if a topic has lost its last subscriber here. */
  #vacate(topic: string): void {
    if (this.topics.subscribers(topic).size === 0) this.backplane.unsubscribe(topic);
  }

  /** Replays what other nodes have, after what it was sent for its earlier Subscribes. */
  #inTurn(subscriber: Connection, topic: string, confirmed: Promise<void> | undefined): Promise<void> {
    const before = this.#subscribing.get(subscriber);
    const replayed = this.#replayElsewhere(subscriber, topic, confirmed, before).finally(() => {
      if (this.#subscribing.get(subscriber) === replayed) this.#subscribing.delete(subscriber);
    });
    this.#subscribing.set(subscriber, replayed);
    return replayed;
  }

  /**
   * Replays what other nodes have. The question is behind the subscription on the bus, so this node gets what is
   * published from the moment of the answer on, and nothing falls into a gap.
   */
  async #replayElsewhere(
    subscriber: Connection,
    topic: string,
    confirmed: Promise<void> | undefined,
    before?: Promise<void>,
  ): Promise<void> {
    const { nodes } = this.backplane;
    const complete = (): boolean => this.backplane.answers && nodes.complete;
    const wasComplete = complete();
    const asked = this.settings.records ? this.discovery.elsewhere(subscriber, topic) : undefined;
    const [found] = await Promise.all([asked, confirmed, before]);
    if (found !== undefined && this.backplane.answers) this.#replay(subscriber, topic, found);
    if (found !== undefined && wasComplete && complete()) return;
    // A node that is about to come back may have more.
    this.#owe(subscriber, topic);
    if (!wasComplete && complete()) this.#makeGood();
  }

  /** Notes that other nodes could not be asked for what was published to a topic. */
  #owe(subscriber: Connection, topic: string): void {
    // It may have left while it waited for the bus.
    if (!this.settings.records || !this.topics.subscribers(topic).has(subscriber)) return;
    const topics = this.#owed.get(subscriber);
    if (topics === undefined) this.#owed.set(subscriber, new Set([topic]));
    else topics.add(topic);
  }

  /** N4: asks for what could not be asked, or not all nodes, some at a time. */
  #makeGood(): void {
    if (this.#owed.size === 0) return;
    const owed = taken(this.#owed);
    const work = async (): Promise<void> => {
      for (const [subscriber, topic] of owed) {
        if (!this.topics.subscribers(topic).has(subscriber)) continue;
        // oxlint-disable-next-line no-await-in-loop -- so that they are not asked all at once
        await this.#replayElsewhere(subscriber, topic, undefined);
        // What is left waits for the next time.
        if (!this.backplane.answers) for (const [other, another] of owed) this.#owe(other, another);
      }
    };
    for (let i = 0; i < MADE_GOOD_TOGETHER; i++) void work();
  }

  /** Sends the newest publications that fit the bound, oldest first, without the subscriber's own. */
  #replay(subscriber: Connection, topic: string, records: readonly Discovered[]): void {
    const messages: Buffer[] = [];
    let left = MAX_REPLAYED_BYTES;
    for (const record of records) {
      if (record.content.kind !== 'published' || record.connection === subscriber.id) continue;
      // A record that cannot fit is not even decoded.
      if (Buffer.byteLength(record.content.payload, 'base64') > left) break;
      const message = encodePublication(topic, record.content.payload);
      left -= message.length;
      if (left < 0) break;
      messages.push(message);
      this.discovery.found(record);
    }
    for (const message of messages.toReversed()) subscriber.send(binaryFrame(message));
    const bytes = messages.reduce((sum, { length }) => sum + length, 0);
    subscriber.charge(messages.length + chargeOfSending(bytes, 1));
  }

  #logTopic(event: 'subscribed' | 'unsubscribed', connection: Connection, topic: string): void {
    this.#log.write(event, { connection: connection.id, topicDigest: topicDigest(topic) });
  }
}

/** The same request with data that is not only lent. */
function withDataOfItsOwn(request: SubscribeRequest): SubscribeRequest {
  return request.data === undefined ? request : { ...request, data: Buffer.from(request.data) };
}

/** Empties a map, and yields what was in it. */
function* taken(owed: Map<Connection, Set<string>>): Generator<readonly [Connection, string]> {
  const all = [...owed];
  owed.clear();
  for (const [subscriber, topics] of all) for (const topic of topics) yield [subscriber, topic];
}

/** Returns whether a count has reached a limit; 0 is no limit. */
function full(count: number, max: number): boolean {
  return max > 0 && count >= max;
}
