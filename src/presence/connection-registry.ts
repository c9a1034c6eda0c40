import { Injectable } from '@nestjs/common';
import type { Connection } from '../connection/connection.js';

/**
 * Owns the set of connections of this node. Knows nothing of topics.
 * Invariant: everyone who waits for it to be empty is told once it is.
 */
@Injectable()
export class ConnectionRegistry {
  readonly #connections = new Set<Connection>();
  #whenEmpty: (() => void)[] = [];

  get size(): number {
    return this.#connections.size;
  }

  /** Returns whether what a connection sent still counts: it is here, and was not closed for a fault. */
  isLive(connection: Connection): boolean {
    return this.#connections.has(connection) && !connection.dismissed;
  }

  add(connection: Connection): void {
    this.#connections.add(connection);
  }

  remove(connection: Connection): void {
    this.#connections.delete(connection);
    if (this.#connections.size > 0) return;
    const waiting = this.#whenEmpty;
    this.#whenEmpty = [];
    for (const resolve of waiting) resolve();
  }

  [Symbol.iterator](): IterableIterator<Connection> {
    return this.#connections.values();
  }

  /** Resolves as soon as there is no connection; immediately if there is none now. */
  empty(): Promise<void> {
    if (this.#connections.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenEmpty.push(resolve);
    });
  }
}
