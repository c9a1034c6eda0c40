import { Injectable } from '@nestjs/common';
import { Clock } from '../clock/clock.js';
import { Timings } from '../metrics/timings.js';
import type { Connection } from '../connection/connection.js';

const NOBODY: ReadonlySet<Connection> = new Set();
const NOTHING: ReadonlySet<string> = new Set();

/** The topics of one connection: most have one, and a set takes 200 bytes more than its name. */
type Topics = string | Set<string>;

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
 * Invariant: a connection is in a topic's set exactly when the topic is one of the connection's. No set is ever empty.
 * `subscriptions` is the number of topics of all connections, and of connections of all topics. `lonely` counts the topics with one subscriber.
 */
@Injectable()
export class TopicRegistry {
  watcher: TopicWatcher | undefined;
  readonly #subscribers = new Map<string, Subscribers>();
  readonly #topics = new Map<Connection, Topics>();
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
    const topics = this.#topics.get(connection);
    if (topics === undefined) return 0;
    return typeof topics === 'string' ? 1 : topics.size;
  }

  /** Returns the topics of a connection. The set may be live. */
  topicsOf(connection: Connection): ReadonlySet<string> {
    const topics: string | ReadonlySet<string> = this.#topics.get(connection) ?? NOTHING;
    return typeof topics === 'string' ? new Set([topics]) : topics;
  }

  /** Returns the subscribers of a topic, in the order they came. The set is live: it changes as they come and go. */
  subscribers(topic: string): ReadonlySet<Connection> {
    return this.#subscribers.get(topic) ?? NOBODY;
  }

  /** Adds a subscription. Returns false if the connection already had it. */
  subscribe(connection: Connection, topic: string): boolean {
    const topics = this.#topics.get(connection);
    if (topics === undefined) this.#topics.set(connection, topic);
    else if (has(topics, topic)) return false;
    else if (typeof topics === 'string') this.#topics.set(connection, new Set([topics, topic]));
    else topics.add(topic);
    this.#subscriptions += 1;
    this.#join(connection, topic);
    this.watcher?.joined(topic, connection);
    return true;
  }

  /** Removes a subscription. Returns false if the connection did not have it. */
  unsubscribe(connection: Connection, topic: string): boolean {
    const topics = this.#topics.get(connection);
    if (topics === undefined || !has(topics, topic)) return false;
    if (typeof topics === 'string' || topics.size === 1) this.#topics.delete(connection);
    else topics.delete(topic);
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
    const subscribed = this.#topics.get(connection);
    if (subscribed === undefined) return [];
    this.#topics.delete(connection);
    const topics = typeof subscribed === 'string' ? [subscribed] : [...subscribed];
    this.#subscriptions -= topics.length;
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

function has(topics: Topics, topic: string): boolean {
  return typeof topics === 'string' ? topics === topic : topics.has(topic);
}
