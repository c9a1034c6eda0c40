import { Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap } from '@nestjs/common';
import { Audit } from '../audit/audit.js';
import { Access } from '../auth/access.js';
import { Settings } from '../config/settings.js';
import { Log, Logs } from '../logging/log.js';
import { IceCounts } from '../metrics/ice-counts.js';
import type { WayToAsk } from '../metrics/ice-counts.js';
import { ICE_CLOSED, ICE_FAILED, NO_ICE_SERVERS } from '../protocol/error-codes.js';
import type { RequestFault } from '../protocol/error-codes.js';
import { AskedProvider } from './asked-provider.js';
import { closedWarning, isClosed } from './closed.js';
import { IceProviderSource } from './ice-provider.js';
import { isIssued } from './ice-servers.js';
import type { Asker, Told } from './ice-servers.js';
import { SharedSecret } from './shared-secret.js';

/** Who was told, as the audit names it. */
export interface Receiver {
  /** Number of its connection; undefined over plain HTTP. */
  readonly id?: number | undefined;
  readonly address: string | undefined;
  readonly principal: string | undefined;
}

/**
 * Tells peers which STUN and TURN servers they may use (V11), those of the ICE provider where there is one. Owns nothing.
 * Does not know how an answer travels.
 * Invariant: where anyone may connect, nobody gets TURN credentials unless `turn-open` is on.
 */
@Injectable()
export class IceDesk implements OnApplicationBootstrap {
  readonly #log: Log<'ice'>;

  constructor(
    private readonly settings: Settings,
    private readonly secret: SharedSecret,
    private readonly provider: AskedProvider,
    private readonly source: IceProviderSource,
    private readonly access: Access,
    private readonly counts: IceCounts,
    private readonly audit: Audit,
    logs: Logs,
  ) {
    this.#log = logs.for('ice');
  }

  onApplicationBootstrap(): void {
    if (this.fault === ICE_CLOSED) this.#log.write('ice_closed', {}, { warning: closedWarning(this.settings) });
  }

  /** Why nobody gets any; undefined if those who may connect do. */
  get fault(): RequestFault | undefined {
    const { stunUrls, turnUrls } = this.settings;
    const { given } = this.source;
    if (stunUrls === undefined && turnUrls === undefined && !given) return NO_ICE_SERVERS;
    return isClosed(this.settings, given, this.access.open) ? ICE_CLOSED : undefined;
  }

  /** Returns what a peer may use, or why not; a promise, which is never rejected, if a provider takes its time. */
  ask(asker: Asker): Told | Promise<Told> {
    return this.fault ?? (this.source.given ? this.provider : this.secret).issue(asker);
  }

  /** A peer was told. */
  told(told: Told, way: WayToAsk, { id: connection, address, principal }: Receiver): void {
    const outcome = isIssued(told) ? 'issued' : told === ICE_FAILED ? 'failed' : 'unavailable';
    this.counts.outcomes[`${way}_${outcome}`] += 1;
    if (!isIssued(told)) return;
    this.audit.iceIssued({ connection, address, principal, ttl: told.ttl, pseudonym: told.pseudonym });
  }
}
