import { Injectable } from '@nestjs/common';
import { Audit } from '../audit/audit.js';
import type { Refused } from '../audit/audit.js';
import { Clock } from '../clock/clock.js';
import type { Refusal } from '../connection/refusal.js';
import type { Shown } from '../connection/shown.js';
import { Logs } from '../logging/log.js';
import { ThrottledLog } from '../logging/throttled-log.js';
import { LimitCounts } from '../metrics/limit-counts.js';
import { RefusalCounts } from '../metrics/refusal-counts.js';
import type { BrokenRequest } from './broken-requests.js';
import type { ProxyFault } from './proxy-door.js';

/** What the log says of a connection that is refused for its PROXY header, and what is to be done about it. */
const PROXIED: Record<ProxyFault | 'off' | 'management', string> = {
  management:
    'refused a connection that began with a PROXY header: management-addr takes none, whatever proxy-protocol is',
  off: 'refused a connection that began with a PROXY header: set proxy-protocol on and name the proxy in trusted-proxies, or have the proxy send none',
  unexpected:
    'refused a connection that began with a PROXY header: proxy-protocol is on, but the address is not in trusted-proxies',
  absent:
    'refused a connection of a trusted proxy without a PROXY header: have the proxy send one (send-proxy in HAProxy), or set proxy-protocol off',
  malformed: 'refused a connection of a trusted proxy: its PROXY header is malformed (proxy-protocol is on)',
};

/**
 * Reports refusals to the log, the audit and the metrics, with the same reason. The log says where a peer is, and what
 * it proved or claimed to be; never what it sent.
 * Invariant: every refusal is counted, and in the audit. It has a log line, or is counted in a later one.
 */
@Injectable()
export class RefusalLog {
  readonly #refused: ThrottledLog<'upgrade'>;
  readonly #broken: ThrottledLog<'upgrade'>;
  readonly #dropped: ThrottledLog<'upgrade'>;
  readonly #proxied: ThrottledLog<'upgrade'>;

  constructor(
    private readonly refusals: RefusalCounts,
    private readonly limits: LimitCounts,
    private readonly audit: Audit,
    clock: Clock,
    logs: Logs,
  ) {
    const log = logs.for('upgrade');
    this.#refused = new ThrottledLog(log, clock);
    this.#broken = new ThrottledLog(log, clock);
    this.#dropped = new ThrottledLog(log, clock);
    this.#proxied = new ThrottledLog(log, clock);
  }

  /** Reports a refused upgrade, and what its peer showed. */
  refused(refusal: Refusal, remote: string | undefined, shown: Shown = {}): void {
    const { reason, why } = refusal;
    const status = refusal.getStatus();
    this.#count({ reason, status, address: remote, ...shown });
    this.#refused.write('upgrade_refused', { status, reason, remote, ...shown, why });
  }

  /** What came was refused before it could be an upgrade. */
  broken({ reason, status, why, remote }: BrokenRequest): void {
    this.#count({ reason, status, address: remote });
    this.#broken.write('request_refused', { status, reason, remote, why });
  }

  /**
   * Reports a connection that began with a PROXY header that is not taken ('off': from nobody; 'management': not
   * there), or without one that is due.
   */
  proxied(fault: ProxyFault | 'off' | 'management', remote: string): void {
    this.#count({ reason: 'proxy_header', address: remote });
    this.#proxied.write('proxy_header_refused', { reason: 'proxy_header', remote }, { what: PROXIED[fault] });
  }

  /** Reports a TCP connection that was dropped because the process has no file handle for it. */
  dropped(remote: string | undefined): void {
    this.limits.reached('max-connections');
    this.#count({ reason: 'handles', address: remote });
    this.#dropped.write('connection_dropped', { reason: 'handles', remote });
  }

  #count(refused: Refused): void {
    this.refusals.refused(refused.reason);
    this.audit.refused(refused);
  }
}
