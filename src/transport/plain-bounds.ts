import type { Clock } from '../clock/clock.js';
import type { Settings } from '../config/settings.js';
import type { Log } from '../logging/log.js';
import { ThrottledLog } from '../logging/throttled-log.js';
import type { LimitCounts } from '../metrics/limit-counts.js';
import type { ConnectionLimits } from './connection-limits.js';
import type { PlainBounds } from './plain-connections.js';

/** Why a plain connection is closed, for the log. */
const CAUSES = {
  network: 'its address is at the limit of max-connections-per-ip',
  node: 'the node is at the limit of max-plain-connections',
  handles: 'there are not enough file handles for both',
};

export interface PlainBoundsOptions {
  /** TCP connections that the process has file handles for; undefined for no limit. */
  readonly sockets: number | undefined;
  /** Returns the number of open connections that something else in the application upgraded. */
  readonly elsewhere: () => number;
  /**
   * Whether the HTTP server serves only cairn-signal. If it does not, the application bounds its plain connections
   * itself.
   */
  readonly ownListener: boolean;
  readonly settings: Settings;
  readonly limits: ConnectionLimits;
  readonly counts: LimitCounts;
  readonly clock: Clock;
  readonly log: Log<'upgrade'>;
}

/**
 * Returns the bounds for plain connections on the public listener (L16). They may use the file handles that peers do
 * not.
 */
export function plainBounds({
  sockets = Infinity,
  elsewhere,
  ownListener,
  settings,
  limits,
  counts,
  clock,
  log,
}: PlainBoundsOptions): PlainBounds {
  const max = ownListener && settings.maxPlainConnections > 0 ? settings.maxPlainConnections : Infinity;
  const lines = {
    network: new ThrottledLog(log, clock),
    node: new ThrottledLog(log, clock),
    handles: new ThrottledLog(log, clock),
  };
  const handles = (): number => sockets - limits.taken - elsewhere();
  return {
    max: () => Math.min(max, handles()),
    maxOf: (origin, plain) => (ownListener ? limits.maxPlain(origin, plain) : Infinity),
    mayCutAnswers: ownListener,
    evicted: (cause, origin) => {
      counts.reached(cause === 'network' ? 'max-connections-per-ip' : 'max-plain-connections');
      const why = cause === 'node' && handles() < max ? 'handles' : cause;
      lines[why].write('plain_connection_closed', { remote: origin?.address }, { why: CAUSES[why] });
    },
  };
}
