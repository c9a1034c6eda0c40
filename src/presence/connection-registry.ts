import { Injectable } from '@nestjs/common';
import type { Connection } from '../connection/connection.js';
import type { CloseReason } from '../protocol/close-codes.js';

/** Hears who comes and goes. Must not throw. */
export interface ConnectionWatcher {
  connected(connection: Connection): void;
  disconnected(connection: Connection): void;
}

/**
 * Owns the set of connections of this node. Knows nothing of topics.
 * Invariant: everyone who waits for it to be empty is told once it is. A watcher hears once of each connection that
 * comes, and once when it has left.
 */
@Injectable()
export class ConnectionRegistry {
  readonly #connections = new Set<Connection>();
  readonly #watchers: ConnectionWatcher[] = [];
  readonly #byProtocol = new Map<string | undefined, number>();
  #whenEmpty: (() => void)[] = [];

  get size(): number {
    return this.#connections.size;
  }

  /** Number of connections by the subprotocol that was selected; undefined for none. */
  get byProtocol(): ReadonlyMap<string | undefined, number> {
    return this.#byProtocol;
  }

  /** Returns whether what a connection sent still counts: it is here, and was not closed for a fault. */
  isLive(connection: Connection): boolean {
    return this.#connections.has(connection) && !connection.dismissed;
  }

  add(connection: Connection): void {
    this.#connections.add(connection);
    this.#count(connection, 1);
    for (const watcher of this.#watchers) watcher.connected(connection);
  }

  remove(connection: Connection): void {
    if (this.#connections.delete(connection)) this.#count(connection, -1);
    for (const watcher of this.#watchers) watcher.disconnected(connection);
    if (this.#connections.size > 0) return;
    const waiting = this.#whenEmpty;
    this.#whenEmpty = [];
    for (const resolve of waiting) resolve();
  }

  /** Tells `watcher` of every connection that comes or goes from now on. */
  watch(watcher: ConnectionWatcher): void {
    this.#watchers.push(watcher);
  }

  /** Closes the open connections of this node that `chosen` picks. Returns how many. */
  closeWhere(chosen: (connection: Connection) => boolean, reason: CloseReason): number {
    const closing = [...this.#connections].filter(
      (connection) => connection.open && !connection.dismissed && chosen(connection),
    );
    for (const connection of closing) connection.close(reason);
    return closing.length;
  }

  [Symbol.iterator](): IterableIterator<Connection> {
    return this.#connections.values();
  }

  #count({ protocol }: Connection, change: 1 | -1): void {
    this.#byProtocol.set(protocol, (this.#byProtocol.get(protocol) ?? 0) + change);
  }

  /** Resolves as soon as there is no connection; immediately if there is none now. */
  empty(): Promise<void> {
    if (this.#connections.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenEmpty.push(resolve);
    });
  }
}
