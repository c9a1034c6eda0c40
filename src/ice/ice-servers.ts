import { Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap } from '@nestjs/common';
import { Access } from '../auth/access.js';
import { Clock } from '../clock/clock.js';
import { Settings } from '../config/settings.js';
import { Log, Logs } from '../logging/log.js';
import { ICE_CLOSED, NO_ICE_SERVERS } from '../protocol/error-codes.js';
import type { RequestFault } from '../protocol/error-codes.js';
import type { IceServer } from '../protocol/response.js';
import { CLOSED, isClosed } from './closed.js';
import { TurnSecret } from './turn-secret.js';

/** What a peer is told to use, and for how many seconds. */
export interface Issued {
  readonly ttl: number;
  readonly servers: readonly IceServer[];
}

/**
 * Tells peers which STUN and TURN servers they may use (V11). Owns nothing. Does not know how it was asked.
 * Invariant: where anyone may connect, nobody gets TURN credentials unless `turn-open` is on.
 */
@Injectable()
export class IceServers implements OnApplicationBootstrap {
  readonly #log: Log;

  constructor(
    private readonly settings: Settings,
    private readonly secret: TurnSecret,
    private readonly access: Access,
    private readonly clock: Clock,
    logs: Logs,
  ) {
    this.#log = logs.for('ice');
  }

  onApplicationBootstrap(): void {
    if (this.fault === ICE_CLOSED) this.#log.warn(CLOSED);
  }

  /** Why nobody gets any; undefined if those who may connect do. */
  get fault(): RequestFault | undefined {
    const { stunUrls, turnUrls } = this.settings;
    if (stunUrls === undefined && turnUrls === undefined) return NO_ICE_SERVERS;
    return isClosed(this.settings, this.access.open) ? ICE_CLOSED : undefined;
  }

  /** Returns what a source (J8) may use. Only where there is no fault. */
  issue(source: string): Issued {
    const { stunUrls, turnUrls, turnTtl } = this.settings;
    const ttl = Math.floor(turnTtl / 1000);
    const servers: IceServer[] = [];
    if (stunUrls !== undefined) servers.push({ urls: stunUrls });
    if (turnUrls !== undefined) {
      const expiry = Math.floor(this.clock.now() / 1000) + ttl;
      servers.push({ urls: turnUrls, ...this.secret.credentials(source, expiry) });
    }
    return { ttl, servers };
  }
}
