import { Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap } from '@nestjs/common';
import { StartupError } from '../config/faults.js';
import { Settings } from '../config/settings.js';
import { Logs } from '../logging/log.js';
import { ConnectionCounts } from '../metrics/connection-counts.js';

/** Handles that the process needs for itself: its event loop, its log, files that it reads again. */
const FOR_ITSELF = 64;
/** Handles kept for those that get no place: health checks, and peers that are told so. */
const FOR_REFUSALS = 32;

/**
 * Connections to `management-addr`, which have handles of their own: what happens to peers takes none from operators, and the other
 * way round. 32 status pages, and as many more.
 */
export const FOR_OPERATORS = 64;

/** What fits into the handles that the process may open. */
export interface Capacity {
  /** WebSockets; 0 for as many as come. */
  readonly connections: number;
  /** TCP connections of any kind; undefined for as many as come. */
  readonly sockets: number | undefined;
}

/**
 * How many connections may be allowed when `wanted` are asked for (0 for no limit) and the process may open `files`, of which
 * `reserved` are for other listeners. At its limit of handles the system would accept and close peers without anybody knowing. Throws a StartupError when none fit.
 */
export function capacity(wanted: number, files: number, reserved = 0): Capacity {
  if (files === Infinity) return { connections: wanted, sockets: undefined };
  const sockets = files - FOR_ITSELF - reserved;
  const connections = sockets - FOR_REFUSALS;
  if (connections < 1) {
    throw new StartupError(
      `this process may open only ${files} files, too few to serve anybody: raise "ulimit -n" to 512 or more`,
    );
  }
  return { connections: wanted === 0 ? connections : Math.min(wanted, connections), sockets };
}

/** What Node writes into a diagnostic report, as far as it is used here; its types are behind. */
interface Report {
  /** Whether addresses are left as they are; otherwise the system is asked for the name of every peer. */
  excludeNetwork: boolean;
  getReport(): { userLimits?: { open_files?: { soft: number | 'unlimited' } } };
}

/** Handles that the process may open (RLIMIT_NOFILE; Node has raised the soft limit to the hard one). */
export function mostOpenFiles(): number {
  const report = process.report as unknown as Report;
  const { excludeNetwork } = report;
  report.excludeNetwork = true;
  const { userLimits } = report.getReport();
  report.excludeNetwork = excludeNetwork;
  const soft = userLimits?.open_files?.soft ?? 'unlimited';
  return soft === 'unlimited' ? Infinity : soft;
}

/** What this process has handles for, given its settings. That is no limit for peers to run into, so it is said at the start. */
@Injectable()
export class Handles implements Capacity, OnApplicationBootstrap {
  readonly connections: number;
  readonly sockets: number | undefined;

  /** Throws a StartupError where there are too few to serve anybody. */
  constructor(
    private readonly settings: Settings,
    private readonly logs: Logs,
    counts: ConnectionCounts,
  ) {
    const { maxConnections, managementAddr } = settings;
    const reserved = managementAddr === undefined ? 0 : FOR_OPERATORS;
    ({ connections: this.connections, sockets: this.sockets } = capacity(maxConnections, mostOpenFiles(), reserved));
    counts.most = this.connections;
  }

  onApplicationBootstrap(): void {
    const { maxConnections } = this.settings;
    if (this.connections < maxConnections) {
      const message = 'max-connections is more than the files that this process may open allow: raise "ulimit -n"';
      this.logs.for('upgrade').warn(message, { maxConnections, allowed: this.connections });
    }
  }
}
