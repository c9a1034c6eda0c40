import { Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap } from '@nestjs/common';
import { StartupError } from '../config/faults.js';
import { Settings } from '../config/settings.js';
import { Logs } from '../logging/log.js';
import { ConnectionCounts } from '../metrics/connection-counts.js';

/** File handles that the process needs for itself: its event loop, its log, and files that it reads again. */
const FOR_ITSELF = 64;
/** File handles kept for health checks and for peers that are refused. */
const FOR_REFUSALS = 32;

/**
 * Connections to `management-addr`. They have their own file handles, so peers and operators take none from each other.
 * Enough for 32 status pages and as many other connections.
 */
export const FOR_OPERATORS = 64;

/** What fits into the file handles of the process. */
export interface Capacity {
  /** WebSockets; 0 for no limit. */
  readonly connections: number;
  /** TCP connections of any kind; undefined for no limit. */
  readonly sockets: number | undefined;
}

/**
 * Returns how many connections fit when `wanted` are asked for (0 for no limit) and the process may open `files`, of
 * which `reserved` are for other listeners. Without this cap, a process at its limit of file handles would have new
 * connections accepted and closed by the system, and nobody would know. Throws a StartupError if no connection fits.
 */
export function capacity(wanted: number, files: number, reserved = 0): Capacity {
  if (files === Infinity) return { connections: wanted, sockets: undefined };
  const sockets = files - FOR_ITSELF - reserved;
  const connections = sockets - FOR_REFUSALS;
  if (connections < 1) {
    throw new StartupError(
      `this process may open only ${files} files, which is too few: raise "ulimit -n" to 512 or more`,
    );
  }
  return { connections: wanted === 0 ? connections : Math.min(wanted, connections), sockets };
}

/** The parts of Node's diagnostic report that are used here. Its published types lack them. */
interface Report {
  /** Whether the report omits network addresses. Otherwise Node asks the system for the name of every peer. */
  excludeNetwork: boolean;
  getReport(): { userLimits?: { open_files?: { soft: number | 'unlimited' } } };
}

let limit: number | undefined;

/**
 * Returns how many file handles the process may open (RLIMIT_NOFILE; Node has raised the soft limit to the hard one);
 * Infinity for no limit. Asks once: a report takes milliseconds.
 */
export function openFilesLimit(): number {
  return (limit ??= reportedLimit());
}

function reportedLimit(): number {
  const report = process.report as unknown as Report;
  const { excludeNetwork } = report;
  report.excludeNetwork = true;
  const { userLimits } = report.getReport();
  report.excludeNetwork = excludeNetwork;
  const soft = userLimits?.open_files?.soft ?? 'unlimited';
  return soft === 'unlimited' ? Infinity : soft;
}

/**
 * Number of connections that this process has file handles for, given its settings. Peers do not see it as a limit of
 * its own, so the log warns at the start.
 */
@Injectable()
export class Handles implements Capacity, OnApplicationBootstrap {
  readonly connections: number;
  readonly sockets: number | undefined;

  /** Throws a StartupError if there are too few file handles. */
  constructor(
    private readonly settings: Settings,
    private readonly logs: Logs,
    counts: ConnectionCounts,
  ) {
    const { maxConnections, managementAddr } = settings;
    const reserved = managementAddr === undefined ? 0 : FOR_OPERATORS;
    ({ connections: this.connections, sockets: this.sockets } = capacity(maxConnections, openFilesLimit(), reserved));
    counts.most = this.connections;
  }

  onApplicationBootstrap(): void {
    const { maxConnections } = this.settings;
    if (this.connections < maxConnections) {
      this.logs.for('upgrade').write('too_few_files', { maxConnections, allowed: this.connections });
    }
  }
}
