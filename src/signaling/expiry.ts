import { Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import { Clock } from '../clock/clock.js';
import { Sweep } from '../clock/sweep.js';
import { Settings } from '../config/settings.js';
import { Log, Logs } from '../logging/log.js';
import type { Connection } from '../connection/connection.js';
import { tokenExpired } from '../protocol/close-codes.js';

/** Milliseconds between rounds. A connection is closed at most this late. */
const INTERVAL_MS = 1000;
/** Connections looked at, and closed, in one turn of the event loop. */
const CHECKED_PER_STEP = 5000;
const CLOSED_PER_STEP = 200;

/**
 * Closes connections whose credentials expire, if `jwt-expiry-closes` says so. Owns the list of those connections.
 * Knows nothing of tokens. Looks at all of them every second by the wall clock, which the issuers of credentials use.
 * That clock may jump, so no order by expiry would last.
 * Invariant: a connection is here from `add` to `remove` unless it was closed.
 */
@Injectable()
export class Expiry implements OnApplicationBootstrap, OnApplicationShutdown {
  /** When each connection's credential expires, in milliseconds since the epoch. */
  readonly #ends = new Map<Connection, number>();
  readonly #sweep = new Sweep(() => this.check(CHECKED_PER_STEP, CLOSED_PER_STEP), INTERVAL_MS);
  /** Position of the round over all connections. */
  #round: Iterator<[Connection, number]> | undefined;
  /** Number of connections closed since the last log line. */
  #closed = 0;
  readonly #log: Log;

  constructor(
    private readonly settings: Settings,
    private readonly clock: Clock,
    logs: Logs,
  ) {
    this.#log = logs.for('auth');
  }

  onApplicationBootstrap(): void {
    if (this.settings.jwtIssuer !== undefined && this.settings.jwtExpiryCloses) this.#sweep.start();
  }

  onApplicationShutdown(): void {
    this.#sweep.stop();
  }

  /** Adds a connection. Ignores one whose credential does not expire. */
  add(connection: Connection): void {
    const ends = connection.credential?.expiresAt;
    if (ends !== undefined && this.settings.jwtExpiryCloses) this.#ends.set(connection, ends);
  }

  /** Removes a connection. */
  remove(connection: Connection): void {
    this.#ends.delete(connection);
  }

  /**
   * Continues the round: checks at most `max` connections, and closes at most `maxClosed`. Returns false when the round
   * is over.
   */
  check(max: number, maxClosed: number): boolean {
    this.#round ??= this.#ends.entries();
    const now = this.clock.now();
    let closed = 0;
    for (let looked = 0; looked < max && closed < maxClosed; looked++) {
      const { value, done } = this.#round.next();
      if (done === true) return this.#over(closed);
      const [connection, ends] = value;
      if (ends > now) continue;
      this.#ends.delete(connection);
      connection.close(tokenExpired);
      closed += 1;
    }
    this.#closed += closed;
    return true;
  }

  #over(closed: number): false {
    this.#closed += closed;
    if (this.#closed > 0) this.#log.info('closed connections whose token has expired', { connections: this.#closed });
    this.#closed = 0;
    this.#round = undefined;
    return false;
  }
}
