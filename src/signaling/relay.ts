import { Injectable } from '@nestjs/common';
import { Log, Logs } from '../logging/log.js';
import { topicDigest } from '../logging/topic-digest.js';
import type { Connection } from '../presence/connection.js';
import { TopicRegistry } from '../presence/topic-registry.js';
import { binaryFrame } from '../protocol/websocket-frame.js';

/**
 * The rules of the relay (docs/protocol.md, R1-R9): who receives what. Knows neither sockets nor how messages are encoded
 * beyond that they are canonical, and never looks into a payload.
 * Invariant: a message goes to every other subscriber of its topic once, and never back to its sender.
 */
@Injectable()
export class Relay {
  readonly #log: Log;
  readonly #debugging: boolean;

  constructor(
    private readonly topics: TopicRegistry,
    logs: Logs,
  ) {
    this.#log = logs.for('relay');
    this.#debugging = this.#log.writes('debug');
  }

  /** R3: idempotent. */
  subscribe(connection: Connection, topic: string): void {
    const changed = this.topics.subscribe(connection, topic);
    if (changed && this.#debugging) this.#logTopic('subscribed', connection, topic);
  }

  /** R3: harmless when not subscribed. */
  unsubscribe(connection: Connection, topic: string): void {
    const changed = this.topics.unsubscribe(connection, topic);
    if (changed && this.#debugging) this.#logTopic('unsubscribed', connection, topic);
  }

  /** R1, R2: `message` is the canonical encoding (R4) of a Relay to `topic`; the sender need not be subscribed. */
  relay(sender: Connection, topic: string, message: Uint8Array): void {
    let frame: Buffer | undefined;
    for (const subscriber of this.topics.subscribers(topic)) {
      if (subscriber !== sender) subscriber.send((frame ??= binaryFrame(message)));
    }
  }

  /** R7: the connection is gone. */
  leave(connection: Connection): void {
    this.topics.leave(connection);
  }

  #logTopic(message: string, connection: Connection, topic: string): void {
    this.#log.debug(message, { connection: connection.id, topicDigest: topicDigest(topic) });
  }
}
