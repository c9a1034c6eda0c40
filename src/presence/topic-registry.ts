import { Injectable } from '@nestjs/common';
import { Clock } from '../clock/clock.js';
import { Timings } from '../metrics/timings.js';
import type { Connection } from '../connection/connection.js';

const NOBODY: ReadonlySet<Connection> = new Set();
const NOTHING: ReadonlySet<string> = new Set();

/** Sees each subscription begin and end. Must not throw. */
export interface TopicWatcher {
  joined(topic: string, connection: Connection): void;
  left(topic: string, connection: Connection): void;
}

/** Used instead of a time once the topic has had two subscribers. */
const MET = -1;

/** The subscribers of one topic. */
class Subscribers extends Set<Connection> {
  /** When the first subscriber came, in milliseconds on the monotonic clock; MET once there was a second one. */
  waitingSince: number;

  constructor(now: number) {
    super();
    // Whole milliseconds: a small integer takes no extra memory.
    this.waitingSince = Math.round(now);
  }
}

/**
 * Owns which local connections subscribe to which topic, and how long topics wait for their second subscriber. Knows
 * nothing of sockets or of other nodes.
 * Invariant: a connection is in a topic's set exactly when the topic is in the connection's set. No set is ever empty.
 * `subscriptions` is the sum of the sizes of either kind of set. `lonely` counts the topics with one subscriber.
 */
@Injectable()
export class TopicRegistry {
  watcher: TopicWatcher | undefined;
  readonly #subscribers = new Map<string, Subscribers>();
  readonly #topics = new Map<Connection, Set<string>>();
  #subscriptions = 0;
  #lonely = 0;

  constructor(
    private readonly clock: Clock,
    private readonly timings: Timings,
  ) {}

  /** Number of topics with a subscriber. */
  get size(): number {
    return this.#subscribers.size;
  }

  /** Number of topics with exactly one subscriber. */
  get lonely(): number {
    return this.#lonely;
  }

  /** Number of subscriptions: pairs of a connection and a topic. */
  get subscriptions(): number {
    return this.#subscriptions;
  }

  /** Returns how many topics a connection subscribes to. */
  countOf(connection: Connection): number {
    return this.#topics.get(connection)?.size ?? 0;
  }

  /** Returns the topics of a connection. The set is live. */
  topicsOf(connection: Connection): ReadonlySet<string> {
    return this.#topics.get(connection) ?? NOTHING;
  }

  /** Returns the subscribers of a topic, in the order they came. The set is live: it changes as they come and go. */
  subscribers(topic: string): ReadonlySet<Connection> {
    return this.#subscribers.get(topic) ?? NOBODY;
  }

  /** Adds a subscription. Returns false if the connection already had it. */
  subscribe(connection: Connection, topic: string): boolean {
    const topics = this.#topics.get(connection);
    if (topics === undefined) this.#topics.set(connection, new Set([topic]));
    else if (topics.has(topic)) return false;
    else topics.add(topic);
    this.#subscriptions += 1;
    this.#join(connection, topic);
    this.watcher?.joined(topic, connection);
    return true;
  }

  /** Removes a subscription. Returns false if the connection did not have it. */
  unsubscribe(connection: Connection, topic: string): boolean {
    const topics = this.#topics.get(connection);
    if (topics === undefined || !topics.delete(topic)) return false;
    if (topics.size === 0) this.#topics.delete(connection);
    this.#subscriptions -= 1;
    this.#leave(connection, topic);
    this.watcher?.left(topic, connection);
    return true;
  }

  /**
   * Removes all subscriptions of a connection, and returns its topics. Takes time in their number, whatever else the
   * node holds.
   */
  leave(connection: Connection): Iterable<string> {
    const topics = this.#topics.get(connection);
    if (topics === undefined) return [];
    this.#topics.delete(connection);
    this.#subscriptions -= topics.size;
    for (const topic of topics) {
      this.#leave(connection, topic);
      this.watcher?.left(topic, connection);
    }
    return topics;
  }

  #join(connection: Connection, topic: string): void {
    const present = this.#subscribers.get(topic);
    const subscribers = present ?? new Subscribers(this.clock.monotonic());
    if (present === undefined) this.#subscribers.set(topic, subscribers);
    subscribers.add(connection);
    if (subscribers.size === 1) this.#lonely += 1;
    if (subscribers.size !== 2) return;
    this.#lonely -= 1;
    if (subscribers.waitingSince === MET) return;
    this.timings.met(Math.max(0, this.clock.monotonic() - subscribers.waitingSince));
    subscribers.waitingSince = MET;
  }

  #leave(connection: Connection, topic: string): void {
    const subscribers = this.#subscribers.get(topic)!;
    subscribers.delete(connection);
    if (subscribers.size === 1) this.#lonely += 1;
    if (subscribers.size > 0) return;
    this.#lonely -= 1;
    this.#subscribers.delete(topic);
  }
}
