import { Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import { Clock } from '../clock/clock.js';
import { Sweep } from '../clock/sweep.js';
import { Settings } from '../config/settings.js';
import { Log, Logs } from '../logging/log.js';
import type { Connection } from '../connection/connection.js';
import { tokenExpired } from '../protocol/close-codes.js';

/** In milliseconds; a connection is closed that much late at most. */
const INTERVAL_MS = 1000;
/** Connections looked at, and closed, in one turn of the event loop. */
const LOOKED_AT_A_STEP = 5000;
const CLOSED_A_STEP = 200;

/**
 * Ends connections whose credentials end by themselves, where `jwt-expiry-closes` says so. Knows nothing of tokens. All are looked at every second, by the wall
 * clock that the issuers of credentials go by: it may jump, and no order would survive that.
 * Invariant: a connection is here from `add` to `remove` unless it was closed.
 */
@Injectable()
export class Expiry implements OnApplicationBootstrap, OnApplicationShutdown {
  /** When each one's credential ends, in milliseconds since the epoch. */
  readonly #ends = new Map<Connection, number>();
  readonly #sweep = new Sweep(() => this.check(LOOKED_AT_A_STEP, CLOSED_A_STEP), INTERVAL_MS);
  /** How far the round of all connections has come. */
  #round: Iterator<[Connection, number]> | undefined;
  /** Connections closed since the log was told. */
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

  /** A connection is here; nothing happens to one whose credential does not end. */
  add(connection: Connection): void {
    const ends = connection.credential?.expiresAt;
    if (ends !== undefined && this.settings.jwtExpiryCloses) this.#ends.set(connection, ends);
  }

  /** A connection is gone. */
  remove(connection: Connection): void {
    this.#ends.delete(connection);
  }

  /** Goes on with the round: looks at `most` connections, and closes at most `mostClosed`. False when the round is over. */
  check(most: number, mostClosed: number): boolean {
    this.#round ??= this.#ends.entries();
    const now = this.clock.now();
    let closed = 0;
    for (let looked = 0; looked < most && closed < mostClosed; looked++) {
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
