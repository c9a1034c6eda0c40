import { Injectable } from '@nestjs/common';
import { Clock } from '../clock/clock.js';
import type { Refusal } from '../connection/refusal.js';
import { Logs } from '../logging/log.js';
import { ThrottledLog } from '../logging/throttled-log.js';
import { LimitCounts } from '../metrics/limit-counts.js';
import { RefusalCounts } from '../metrics/refusal-counts.js';

/**
 * Tells the log and the metrics who was not let in. An address is all that the log says of a peer.
 * Invariant: every refusal is counted, and is in a line of the log or counted in a later one.
 */
@Injectable()
export class RefusalLog {
  readonly #refused: ThrottledLog;
  readonly #dropped: ThrottledLog;

  constructor(
    private readonly refusals: RefusalCounts,
    private readonly limits: LimitCounts,
    clock: Clock,
    logs: Logs,
  ) {
    const log = logs.for('upgrade');
    this.#refused = new ThrottledLog(log, clock, 'info');
    this.#dropped = new ThrottledLog(log, clock, 'info');
  }

  /** An upgrade was refused. */
  refused(refusal: Refusal, remote: string | undefined): void {
    this.refusals.refused(refusal.reason);
    this.rehearsed(refusal, remote);
  }

  /** An upgrade would have been refused; no peer was kept out. */
  rehearsed(refusal: Refusal, remote: string | undefined): void {
    this.#refused.write('refused an upgrade', { status: refusal.getStatus(), remote });
  }

  /** The process has as many TCP connections as it has handles for. */
  dropped(remote: string | undefined): void {
    this.limits.reached('max-connections');
    this.refusals.refused('handles');
    this.#dropped.write('dropped a connection: no file handles are left for it', { remote });
  }
}
