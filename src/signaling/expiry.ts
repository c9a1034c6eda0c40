import { Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import { Clock } from '../clock/clock.js';
import { Sweep } from '../clock/sweep.js';
import { Settings } from '../config/settings.js';
import { Log, Logs } from '../logging/log.js';
import { partsOf } from '../connection/connection.js';
import type { Connection } from '../connection/connection.js';
import { certificateExpired, tokenExpired } from '../protocol/close-codes.js';
import type { CloseReason } from '../protocol/close-codes.js';

/** Milliseconds between rounds. A connection is closed at most this late. */
const INTERVAL_MS = 1000;
/** Connections looked at, and closed, in one turn of the event loop. */
const CHECKED_PER_STEP = 5000;
const CLOSED_PER_STEP = 200;

/** When a connection ends, in milliseconds since the epoch, and why. */
interface End {
  readonly at: number;
  readonly reason: CloseReason;
}

/**
 * Closes connections whose credentials expire, if `jwt-expiry-closes` or `tls-client-expiry-closes` says so. Owns the
 * list of those connections. Knows nothing of tokens or certificates. Looks at all of them every second by the wall clock, which the issuers of credentials use.
 * That clock may jump, so no order by expiry would last.
 * Invariant: a connection is here from `add` to `remove` unless it was closed.
 */
@Injectable()
export class Expiry implements OnApplicationBootstrap, OnApplicationShutdown {
  /** When and why each connection ends, by the first of its credentials that expires. */
  readonly #ends = new Map<Connection, End>();
  readonly #sweep = new Sweep(() => this.check(CHECKED_PER_STEP, CLOSED_PER_STEP), INTERVAL_MS);
  /** Position of the round over all connections. */
  #round: Iterator<[Connection, End]> | undefined;
  /** Number of connections closed in this round, by the reason. */
  readonly #closed = new Map<CloseReason, number>();
  readonly #log: Log<'auth'>;

  constructor(
    private readonly settings: Settings,
    private readonly clock: Clock,
    logs: Logs,
  ) {
    this.#log = logs.for('auth');
  }

  onApplicationBootstrap(): void {
    const { jwtIssuer, jwtExpiryCloses, tlsClientCa, tlsClientExpiryCloses } = this.settings;
    const jwts = jwtIssuer !== undefined && jwtExpiryCloses;
    if (jwts || (tlsClientCa !== undefined && tlsClientExpiryCloses)) this.#sweep.start();
  }

  onApplicationShutdown(): void {
    this.#sweep.stop();
  }

  /** Adds a connection. Ignores one whose credential does not expire. */
  add(connection: Connection): void {
    const { jwtExpiryCloses, tlsClientExpiryCloses } = this.settings;
    let end: End | undefined;
    for (const { proof, expiresAt } of partsOf(connection.credential)) {
      const ofCertificate = proof.kind === 'certificate';
      const closes = ofCertificate ? tlsClientExpiryCloses : jwtExpiryCloses;
      if (!closes || expiresAt === undefined || (end !== undefined && end.at <= expiresAt)) continue;
      end = { at: expiresAt, reason: ofCertificate ? certificateExpired : tokenExpired };
    }
    if (end !== undefined) this.#ends.set(connection, end);
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
      if (done === true) return this.#over();
      const [connection, end] = value;
      if (end.at > now) continue;
      this.#ends.delete(connection);
      connection.close(end.reason);
      this.#closed.set(end.reason, (this.#closed.get(end.reason) ?? 0) + 1);
      closed += 1;
    }
    return true;
  }

  #over(): false {
    for (const [reason, connections] of this.#closed) {
      const what = reason === certificateExpired ? 'client certificate' : 'token';
      this.#log.write('credentials_expired', { connections }, { what });
    }
    this.#closed.clear();
    this.#round = undefined;
    return false;
  }
}
