import { Injectable } from '@nestjs/common';
import type { OnModuleDestroy } from '@nestjs/common';
import { Backplane } from '../backplane/backplane.js';
import { Clock } from '../clock/clock.js';
import { Settings } from '../config/settings.js';
import { Lifecycle } from '../lifecycle/lifecycle.js';
import { Log, Logs } from '../logging/log.js';
import { ConnectionRegistry } from '../presence/connection-registry.js';
import type { Connection } from '../connection/connection.js';
import { restart } from '../protocol/close-codes.js';
import { drain } from '../protocol/response.js';
import { binaryFrame } from '../protocol/websocket-frame.js';
import { InProcessConnection } from './in-process-connection.js';
import { DrainPace } from './drain-pace.js';

/** Connections closed per second, if drain-timeout is long enough. Peers come back at the same rate. */
const CLOSED_PER_SECOND = 100;
/** Fraction of drain-timeout over which connections are closed. The rest is for the last of them to answer. */
const CLOSING_SHARE = 2 / 3;
/** V10: milliseconds between what a peer is told and its close. */
const TOLD_AHEAD_MS = 2000;
/** Bounds, in seconds, of the maximum delay that is suggested to a peer before it comes back. */
const MAX_RETRY_S = { least: 5, most: 60 };

/**
 * Empties the node when the application closes. Reports not ready, then refuses newcomers, tells each peer in turn to
 * come back, and cuts what is left. Owns nothing. Runs before all other shutdown hooks, so that health checks and
 * upgrades are still answered meanwhile. Knows nothing of sockets.
 * Invariant: afterwards no connection and no subscription of the application is left, and it takes at most drain-delay
 * and drain-timeout.
 */
@Injectable()
export class Drain implements OnModuleDestroy {
  readonly #log: Log<'drain'>;

  constructor(
    private readonly lifecycle: Lifecycle,
    private readonly connections: ConnectionRegistry,
    private readonly application: InProcessConnection,
    private readonly backplane: Backplane,
    private readonly settings: Settings,
    private readonly clock: Clock,
    logs: Logs,
  ) {
    this.#log = logs.for('drain');
  }

  /** Resolves when no connection is left, after `drain-delay` and `drain-timeout` at the latest. */
  async onModuleDestroy(): Promise<void> {
    this.backplane.leave();
    await this.#delay();
    this.lifecycle.drain();
    const over = new AbortController();
    await Promise.race([
      this.#dismissAll(over.signal),
      // Peers that were told leave before they are closed.
      this.connections.empty(),
      this.clock.sleep(this.settings.drainTimeout, over.signal),
    ]);
    over.abort();

    if (this.connections.size > 0) {
      this.#log.write('drain_cut', {
        connections: this.connections.size,
      });
    }
    for (const connection of this.connections) connection.terminate();
    await this.connections.empty();
    // Last: the application may serve the peers until they have left.
    this.application.terminate();
  }

  /**
   * Gives load balancers time to see that this node is not ready, while it serves the newcomers that they still send,
   * whether or not anybody is connected.
   */
  async #delay(): Promise<void> {
    const { drainDelay } = this.settings;
    if (drainDelay === 0 || !this.lifecycle.leave()) return;
    this.#log.write('unready', { connections: this.connections.size });
    await this.clock.sleep(drainDelay, this.lifecycle.draining);
  }

  /** Closes all connections, V10: and tells those that are told of it a while before. Resolves once all have ended. */
  async #dismissAll(over: AbortSignal): Promise<void> {
    const leaving = [...this.connections];
    const { length: count } = leaving;
    const evenly = count * (1000 / CLOSED_PER_SECOND);
    const spread = Math.min(this.settings.drainTimeout * CLOSING_SHARE, evenly);
    if (count > 0) this.#log.write('draining', { connections: count, spreadMs: Math.round(spread) });

    const retry = (): number => this.#retry(evenly, spread);
    const told = new Set<Connection>();
    const tell = (connection: Connection): void => {
      if (!connection.v2 || told.has(connection)) return;
      told.add(connection);
      connection.send(binaryFrame(drain(retry() * 1000)));
    };
    const close = (connection: Connection): void => {
      // A peer whose turn to be told was late.
      tell(connection);
      connection.close(restart(retry()));
    };
    if (leaving.some(({ v2 }) => v2)) {
      // All peers are closed later by that, so that the pace of the closes is what it is without.
      void this.#inTurn(leaving, spread, over, tell);
      await this.clock.sleep(Math.min(TOLD_AHEAD_MS, (this.settings.drainTimeout - spread) / 2), over);
    }
    await this.#inTurn(leaving, spread, over, close);
    await this.connections.empty();
  }

  /** Does something with each connection, in slices that are spread over so many milliseconds. */
  async #inTurn(
    connections: readonly Connection[],
    spread: number,
    over: AbortSignal,
    act: (connection: Connection) => void,
  ): Promise<void> {
    const pace = new DrainPace(connections.length, spread);
    let before = this.clock.monotonic();
    let done = 0;
    while (done < connections.length && !over.aborted) {
      // oxlint-disable-next-line no-await-in-loop -- that is the pace
      if (spread > 0) await this.clock.sleep(pace.pause, over);
      const now = this.clock.monotonic();
      const due = done + pace.slice(now - before);
      for (; done < due; done++) act(connections[done]);
      before = now;
    }
  }

  /**
   * Returns a random delay for a peer, in whole seconds. Another node takes peers at once: there the delay only adds what
   * `spread`, over which they are closed, lacks of `evenly`. Otherwise they come back to this node, which must start first.
   * Both are in milliseconds.
   */
  #retry(evenly: number, spread: number): number {
    const { least, most } = MAX_RETRY_S;
    const seconds = (longest: number): number => Math.floor(Math.random() * longest);
    if (this.backplane.othersWelcome) return seconds(Math.min(Math.ceil((evenly - spread) / 1000), most) + 1);
    return 1 + seconds(Math.min(Math.max(Math.ceil(evenly / 1000), least), most));
  }
}
