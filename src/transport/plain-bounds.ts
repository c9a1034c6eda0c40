import type { Clock } from '../clock/clock.js';
import type { Settings } from '../config/settings.js';
import type { Log } from '../logging/log.js';
import { ThrottledLog } from '../logging/throttled-log.js';
import type { LimitCounts } from '../metrics/limit-counts.js';
import type { ConnectionLimits } from './connection-limits.js';
import type { PlainBounds } from './plain-connections.js';

/** What the log says of a plain connection that made way. */
const MADE_WAY = {
  network: 'closed a plain connection for a newer one: its address has as many as max-connections-per-ip allows',
  node: 'closed a plain connection for a newer one: there are as many as max-plain-connections allows',
  handles: 'closed a plain connection for a newer one: no file handles are left for both',
};

export interface PlainBoundsOptions {
  /** TCP connections that the process has handles for; undefined where there is no limit. */
  readonly sockets: number | undefined;
  /** Whether the HTTP server serves nothing but what is ours; otherwise the application bounds its plain connections itself. */
  readonly ownListener: boolean;
  readonly settings: Settings;
  readonly limits: ConnectionLimits;
  readonly counts: LimitCounts;
  readonly clock: Clock;
  readonly log: Log;
}

/** How many plain connections the public listener may have (L16). They may take the handles that peers do not. */
export function plainBounds({
  sockets = Infinity,
  ownListener,
  settings,
  limits,
  counts,
  clock,
  log,
}: PlainBoundsOptions): PlainBounds {
  const most = ownListener && settings.maxPlainConnections > 0 ? settings.maxPlainConnections : Infinity;
  const lines = {
    network: new ThrottledLog(log, clock, 'info'),
    node: new ThrottledLog(log, clock, 'info'),
    handles: new ThrottledLog(log, clock, 'info'),
  };
  const handles = (): number => sockets - limits.taken;
  return {
    most: () => Math.min(most, handles()),
    mostOf: (origin, plain) => (ownListener ? limits.plainOf(origin, plain) : Infinity),
    answersMayEnd: ownListener,
    madeWay: (reason, origin) => {
      counts.reached(reason === 'network' ? 'max-connections-per-ip' : 'max-plain-connections');
      const why = reason === 'node' && handles() < most ? 'handles' : reason;
      lines[why].write(MADE_WAY[why], { remote: origin?.address });
    },
  };
}
