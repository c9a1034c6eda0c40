import { Injectable } from '@nestjs/common';
import type { Connection } from '../connection/connection.js';

/** Which connections this node has. Knows nothing of topics. Invariant: whoever waits for it to be empty is told once it is. */
@Injectable()
export class ConnectionRegistry {
  readonly #connections = new Set<Connection>();
  #whenEmpty: (() => void)[] = [];

  get size(): number {
    return this.#connections.size;
  }

  /** Whether what a connection said still counts: it is here, and was not closed for a fault. */
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

  /** Resolves as soon as there is no connection, at once if there is none now. */
  empty(): Promise<void> {
    if (this.#connections.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenEmpty.push(resolve);
    });
  }
}
