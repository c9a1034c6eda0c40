import { Injectable } from '@nestjs/common';
import type { OnModuleDestroy } from '@nestjs/common';
import { Settings } from '../config/settings.js';
import { Lifecycle } from '../lifecycle/lifecycle.js';
import { Log, Logs } from '../logging/log.js';
import { ConnectionRegistry } from '../presence/connection-registry.js';
import { restart } from '../protocol/close-codes.js';

/** Longest delay, in seconds, suggested to a peer before it comes back: spreads the comers over the start of the next process. */
const LONGEST_RETRY_S = 5;

/**
 * Empties the node when the application closes: nobody new, everyone told to come back, stragglers cut.
 * Runs first of all shutdown hooks, so that health and refusals are still answered meanwhile. Knows nothing of sockets.
 * Invariant: once it is over no connection is left, and it is over within drain-timeout.
 */
@Injectable()
export class Drain implements OnModuleDestroy {
  readonly #log: Log;

  constructor(
    private readonly lifecycle: Lifecycle,
    private readonly connections: ConnectionRegistry,
    private readonly settings: Settings,
    logs: Logs,
  ) {
    this.#log = logs.for('drain');
  }

  /** Resolves when no connection is left, `drain-timeout` from now at the latest. */
  async onModuleDestroy(): Promise<void> {
    this.lifecycle.drain();
    if (this.connections.size > 0) this.#log.info('draining', { connections: this.connections.size });
    for (const connection of this.connections) connection.close(restart(1 + Math.floor(Math.random() * LONGEST_RETRY_S)));

    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.settings.drainTimeout);
    });
    await Promise.race([this.connections.empty(), timeout]);
    clearTimeout(timer);

    if (this.connections.size > 0) {
      this.#log.warn('drain-timeout is over, cutting the connections that are left', { connections: this.connections.size });
    }
    for (const connection of this.connections) connection.terminate();
    await this.connections.empty();
  }
}
