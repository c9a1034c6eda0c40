import { Injectable } from '@nestjs/common';
import { Clock } from '../clock/clock.js';
import type { Refusal } from '../connection/refusal.js';
import { Logs } from '../logging/log.js';
import { ThrottledLog } from '../logging/throttled-log.js';
import { LimitCounts } from '../metrics/limit-counts.js';
import { RefusalCounts } from '../metrics/refusal-counts.js';
import type { BrokenRequest } from './broken-requests.js';

/**
 * Reports refusals to the log and the metrics, with the same reason. The log says nothing of a peer except its address.
 * Invariant: every refusal is counted. It has a log line, or is counted in a later one.
 */
@Injectable()
export class RefusalLog {
  readonly #refused: ThrottledLog;
  readonly #broken: ThrottledLog;
  readonly #dropped: ThrottledLog;

  constructor(
    private readonly refusals: RefusalCounts,
    private readonly limits: LimitCounts,
    clock: Clock,
    logs: Logs,
  ) {
    const log = logs.for('upgrade');
    this.#refused = new ThrottledLog(log, clock, 'info');
    this.#broken = new ThrottledLog(log, clock, 'info');
    this.#dropped = new ThrottledLog(log, clock, 'info');
  }

  /** Reports a refused upgrade. */
  refused(refusal: Refusal, remote: string | undefined): void {
    const { reason } = refusal;
    this.refusals.refused(reason);
    this.#refused.write('refused an upgrade', { status: refusal.getStatus(), reason, remote });
  }

  /** What came was refused before it could be an upgrade. */
  broken({ reason, status, why, remote }: BrokenRequest): void {
    this.refusals.refused(reason);
    this.#broken.write('refused a request', { ...(status !== undefined && { status }), reason, remote, why });
  }

  /** Reports a TCP connection that was dropped because the process has no file handle for it. */
  dropped(remote: string | undefined): void {
    this.limits.reached('max-connections');
    this.refusals.refused('handles');
    this.#dropped.write('dropped a connection: no file handles are left for it', { reason: 'handles', remote });
  }
}
