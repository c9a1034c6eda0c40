import { Injectable } from '@nestjs/common';
import type { OnModuleDestroy } from '@nestjs/common';
import { Clock } from '../clock/clock.js';
import { Settings } from '../config/settings.js';
import { Lifecycle } from '../lifecycle/lifecycle.js';
import { Log, Logs } from '../logging/log.js';
import { ConnectionRegistry } from '../presence/connection-registry.js';
import { restart } from '../protocol/close-codes.js';
import { DrainPace } from './drain-pace.js';

/** Connections closed in a second, where drain-timeout leaves the time; and peers that come back in one. */
const CLOSED_A_SECOND = 100;
/** The part of drain-timeout over which connections are closed; the rest is for the last of them to answer. */
const CLOSING = 2 / 3;
/** Bounds, in seconds, of the longest delay suggested to a peer before it comes back. */
const LONGEST_RETRY_S = { least: 5, most: 60 };

/**
 * Empties the node when the application closes: first lame, then nobody new, everyone told in turn to come back, stragglers cut.
 * Runs first of all shutdown hooks, so that health and refusals are still answered meanwhile. Knows nothing of sockets.
 * Invariant: once it is over no connection is left, and it is over within drain-delay and drain-timeout.
 */
@Injectable()
export class Drain implements OnModuleDestroy {
  readonly #log: Log;

  constructor(
    private readonly lifecycle: Lifecycle,
    private readonly connections: ConnectionRegistry,
    private readonly settings: Settings,
    private readonly clock: Clock,
    logs: Logs,
  ) {
    this.#log = logs.for('drain');
  }

  /** Resolves when no connection is left, `drain-delay` and `drain-timeout` from now at the latest. */
  async onModuleDestroy(): Promise<void> {
    await this.#lookAway();
    this.lifecycle.drain();
    const over = new AbortController();
    await Promise.race([this.#dismissAll(over.signal), this.clock.sleep(this.settings.drainTimeout, over.signal)]);
    over.abort();

    if (this.connections.size > 0) {
      this.#log.warn('drain-timeout is over, cutting the connections that are left', {
        connections: this.connections.size,
      });
    }
    for (const connection of this.connections) connection.terminate();
    await this.connections.empty();
  }

  /** Gives load balancers time to see that this node is not ready, while newcomers they still send are served. */
  async #lookAway(): Promise<void> {
    const { drainDelay } = this.settings;
    if (drainDelay === 0 || this.connections.size === 0 || !this.lifecycle.leave()) return;
    this.#log.info('not ready any more, serving on for drain-delay', { connections: this.connections.size });
    await this.clock.sleep(drainDelay, this.lifecycle.draining);
  }

  /** Closes all connections in slices; resolves once all are gone. */
  async #dismissAll(over: AbortSignal): Promise<void> {
    const leaving = [...this.connections];
    const { length: count } = leaving;
    const { least, most } = LONGEST_RETRY_S;
    const longestRetry = Math.min(Math.max(Math.ceil(count / CLOSED_A_SECOND), least), most);
    const spread = Math.min(this.settings.drainTimeout * CLOSING, (count / CLOSED_A_SECOND) * 1000);
    if (count > 0) this.#log.info('draining', { connections: count, spreadMs: Math.round(spread) });

    const pace = new DrainPace(count, spread);
    let before = this.clock.monotonic();
    while (leaving.length > 0 && !over.aborted) {
      if (spread > 0) await this.clock.sleep(pace.pause, over);
      const now = this.clock.monotonic();
      for (const connection of leaving.splice(0, pace.slice(now - before))) {
        connection.close(restart(1 + Math.floor(Math.random() * longestRetry)));
      }
      before = now;
    }
    await this.connections.empty();
  }
}
