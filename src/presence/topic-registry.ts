import { Injectable } from '@nestjs/common';
import type { Connection } from './connection.js';

const NOBODY: ReadonlySet<Connection> = new Set();

/**
 * Which local connections subscribe to which topic. Knows nothing of sockets or of other nodes.
 * Invariant: a connection is in a topic's set exactly when the topic is in the connection's; no set is ever empty;
 * `subscriptions` is the sum of either kind of set.
 */
@Injectable()
export class TopicRegistry {
  readonly #subscribers = new Map<string, Set<Connection>>();
  readonly #topics = new Map<Connection, Set<string>>();
  #subscriptions = 0;

  /** How many topics have a subscriber. */
  get size(): number {
    return this.#subscribers.size;
  }

  /** How many subscriptions there are: pairs of a connection and a topic. */
  get subscriptions(): number {
    return this.#subscriptions;
  }

  /** How many topics a connection subscribes to. */
  countOf(connection: Connection): number {
    return this.#topics.get(connection)?.size ?? 0;
  }

  /** The subscribers of a topic, in the order they came. Live: it changes as they come and go. */
  subscribers(topic: string): ReadonlySet<Connection> {
    return this.#subscribers.get(topic) ?? NOBODY;
  }

  /** Whether that changed anything: a second subscription of the same connection does not. */
  subscribe(connection: Connection, topic: string): boolean {
    const changed = addTo(this.#subscribers, topic, connection) && addTo(this.#topics, connection, topic);
    if (changed) this.#subscriptions += 1;
    return changed;
  }

  /** Whether that changed anything: only a subscriber can unsubscribe. */
  unsubscribe(connection: Connection, topic: string): boolean {
    const changed = removeFrom(this.#subscribers, topic, connection) && removeFrom(this.#topics, connection, topic);
    if (changed) this.#subscriptions -= 1;
    return changed;
  }

  /** Takes a connection out of its own topics, and tells which. Costs time in their number, whatever else the node holds. */
  leave(connection: Connection): Iterable<string> {
    const topics = this.#topics.get(connection);
    if (topics === undefined) return [];
    this.#topics.delete(connection);
    this.#subscriptions -= topics.size;
    for (const topic of topics) removeFrom(this.#subscribers, topic, connection);
    return topics;
  }
}

function addTo<K, V>(sets: Map<K, Set<V>>, key: K, value: V): boolean {
  const set = sets.get(key);
  if (set === undefined) {
    sets.set(key, new Set([value]));
    return true;
  }
  const before = set.size;
  return set.add(value).size > before;
}

function removeFrom<K, V>(sets: Map<K, Set<V>>, key: K, value: V): boolean {
  const set = sets.get(key);
  if (set === undefined || !set.delete(value)) return false;
  if (set.size === 0) sets.delete(key);
  return true;
}
