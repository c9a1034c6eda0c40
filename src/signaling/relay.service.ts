import { Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { Backplane } from '../backplane/backplane.js';
import { Settings } from '../config/settings.js';
import { Log, Logs } from '../logging/log.js';
import { topicDigest } from '../logging/topic-digest.js';
import { TrafficCounts } from '../metrics/traffic-counts.js';
import type { Connection } from '../connection/connection.js';
import { TopicRegistry } from '../presence/topic-registry.js';
import { tooManySubscribers, tooManySubscriptions, tooManyTopics, topicTooLong } from '../protocol/close-codes.js';
import type { CloseReason } from '../protocol/close-codes.js';
import { encodeMessage } from '../protocol/message.js';
import { binaryFrame } from '../protocol/websocket-frame.js';
import { chargeOfSending } from '../protocol/charges.js';
import { Discovery } from './discovery.js';
import type { Discovered } from './discovery.js';
import { Permissions } from './permissions.js';

/** J6: the most that a new subscriber is sent of what was published before, in bytes of messages. */
const MOST_REPLAYED_BYTES = 65_536;

/**
 * The rules of the relay (docs/protocol.md, R1-R9): who receives what, from CBOR peers and, bridged, from JSON peers (J6).
 * Knows neither sockets nor how messages are encoded beyond that they are canonical, and never looks into a payload.
 * Invariant: a message goes to every other subscriber of its topic once, and never back to its sender.
 */
@Injectable()
export class RelayService implements OnModuleInit {
  readonly #log: Log;
  readonly #debugging: boolean;

  constructor(
    private readonly topics: TopicRegistry,
    private readonly discovery: Discovery,
    private readonly permissions: Permissions,
    private readonly backplane: Backplane,
    private readonly settings: Settings,
    private readonly traffic: TrafficCounts,
    logs: Logs,
  ) {
    this.#log = logs.for('relay');
    this.#debugging = this.#log.writes('debug');
  }

  onModuleInit(): void {
    this.backplane.listen((topic, message) => this.deliver(topic, message));
  }

  /** R3: idempotent. P1: ignored where the connection may not. */
  subscribe(connection: Connection, topic: string): void {
    this.permissions.whenAllowed(
      connection,
      this.permissions.allows(connection, 'subscribe', topic),
      () => this.#subscribe(connection, topic),
      this.#drop,
    );
  }

  /** R3: harmless when not subscribed. */
  unsubscribe(connection: Connection, topic: string): void {
    const changed = this.topics.unsubscribe(connection, topic);
    if (changed) this.#vacate(topic);
    if (changed && this.#debugging) this.#logTopic('unsubscribed', connection, topic);
  }

  /**
   * R1, R2: `message` is the canonical encoding (R4) of a Relay to `topic`, and only lent; the sender need not be subscribed. P1:
   * dropped where the sender may not.
   */
  relay(sender: Connection, topic: string, message: Uint8Array): void {
    const allowed = this.permissions.allows(sender, 'relay', topic);
    if (allowed === true) {
      this.#relay(sender, topic, message);
      return;
    }
    const kept = allowed instanceof Promise ? Buffer.from(message) : message;
    this.permissions.whenAllowed(sender, allowed, () => this.#relay(sender, topic, kept), this.#drop);
  }

  /** N1: what came to another node reaches every subscriber of this one. */
  deliver(topic: string, message: Uint8Array): void {
    this.#send(topic, message, undefined);
  }

  /** J6: what a JSON peer publishes, in base64, reaches the topic's CBOR subscribers as a Relay. The publisher was allowed to. */
  publish(publisher: Connection, topic: string, payload: string): void {
    if (this.topics.subscribers(topic).size > 0 || this.backplane.state === 'up') {
      this.#relay(publisher, topic, relayOf(topic, payload));
    }
  }

  /** R7: the connection is gone. */
  disconnect(connection: Connection): void {
    for (const topic of this.topics.leave(connection)) this.#vacate(topic);
  }

  /** P1: nobody is told. */
  readonly #drop = (): void => {
    this.traffic.dropped.forbidden += 1;
  };

  /**
   * J6: a new subscriber is sent what was published before. N2: what it says next waits until other nodes' messages are sure to
   * come, and what was published there is here. Closes the connection at a limit.
   */
  #subscribe(connection: Connection, topic: string): void {
    if (!this.topics.subscribe(connection, topic)) return;
    const breach = this.#breach(connection, topic);
    if (breach === undefined) {
      if (this.#debugging) this.#logTopic('subscribed', connection, topic);
      this.#replay(connection, topic, this.discovery.here(topic));
      const confirmed = this.backplane.subscribe(topic);
      if (this.backplane.state === 'up') connection.hold(this.#replayElsewhere(connection, topic, confirmed));
    } else {
      this.topics.unsubscribe(connection, topic);
      connection.close(breach);
    }
  }

  /** L1: the sender pays for what is sent. */
  #relay(sender: Connection, topic: string, message: Uint8Array): void {
    const deliveries = this.#send(topic, message, sender);
    if (deliveries === 0) this.traffic.unheard += 1;
    this.backplane.publish(topic, message);
    sender.charge(chargeOfSending(message.length, deliveries + (this.backplane.state === 'up' ? 1 : 0)));
  }

  /** To every subscriber on this node but the sender, in one frame, which is built for the first of them. How many there are. */
  #send(topic: string, message: Uint8Array, sender: Connection | undefined): number {
    let frame: Buffer | undefined;
    let deliveries = 0;
    for (const subscriber of this.topics.subscribers(topic)) {
      if (subscriber === sender || !subscriber.open) continue;
      subscriber.send((frame ??= binaryFrame(message)));
      deliveries += 1;
    }
    this.traffic.deliveries += deliveries;
    return deliveries;
  }

  /** A topic lost a subscriber here, maybe its last. */
  #vacate(topic: string): void {
    if (this.topics.subscribers(topic).size === 0) this.backplane.unsubscribe(topic);
  }

  /** The limit that a subscription just made goes beyond. */
  #breach(connection: Connection, topic: string): CloseReason | undefined {
    const { maxTopicBytes, maxTopicsPerConnection, maxSubscribersPerTopic, maxSubscriptions } = this.settings;
    if (Buffer.byteLength(topic) > maxTopicBytes) return topicTooLong(maxTopicBytes);
    if (exceeds(this.topics.countOf(connection), maxTopicsPerConnection)) return tooManyTopics(maxTopicsPerConnection);
    if (exceeds(this.topics.subscribers(topic).size, maxSubscribersPerTopic)) {
      return tooManySubscribers(maxSubscribersPerTopic);
    }
    if (exceeds(this.topics.subscriptions, maxSubscriptions)) return tooManySubscriptions(maxSubscriptions);
    return undefined;
  }

  /** Asked only once what is published from now on is sure to come, so that nothing falls between the two. */
  async #replayElsewhere(subscriber: Connection, topic: string, confirmed: Promise<void> | undefined): Promise<void> {
    await confirmed;
    if (this.settings.records) {
      this.#replay(subscriber, topic, (await this.discovery.elsewhere(subscriber, topic)) ?? []);
    }
  }

  /** Oldest first, of the newest as many as the bound allows; never the subscriber's own. */
  #replay(subscriber: Connection, topic: string, records: readonly Discovered[]): void {
    const messages: Buffer[] = [];
    let left = MOST_REPLAYED_BYTES;
    for (const record of records) {
      if (record.content.kind !== 'published' || record.connection === subscriber.id) continue;
      // Nothing is made of one that does not fit.
      if (Buffer.byteLength(record.content.payload, 'base64') > left) break;
      const message = relayOf(topic, record.content.payload);
      left -= message.length;
      if (left < 0) break;
      messages.push(message);
      this.discovery.found(record);
    }
    for (const message of messages.toReversed()) subscriber.send(binaryFrame(message));
    subscriber.charge(
      messages.length +
        chargeOfSending(
          messages.reduce((bytes, { length }) => bytes + length, 0),
          1,
        ),
    );
  }

  #logTopic(message: string, connection: Connection, topic: string): void {
    this.#log.debug(message, { connection: connection.id, topicDigest: topicDigest(topic) });
  }
}

/** Whether there are more than `most`; 0 is no limit. */
function exceeds(count: number, most: number): boolean {
  return most > 0 && count > most;
}

/** The Relay that a publication is to CBOR subscribers; `payload` is base64. */
function relayOf(topic: string, payload: string): Buffer {
  return encodeMessage({ kind: 'Relay', topic, payload: Buffer.from(payload, 'base64') });
}
