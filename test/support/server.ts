import type { Clock } from '../../src/clock/clock.js';
import { createApp } from '../../src/app.js';
import type { SignalServer } from '../../src/app.js';
import { parseSettings } from '../../src/config/load-settings.js';
import type { SettingsInput } from '../../src/config/settings.js';
import type { Extensions } from '../../src/extensions.js';
import { Logs } from '../../src/logging/log.js';
import { LogFilter } from '../../src/logging/log-filter.js';
import { LogCheck } from './log-faults.js';
import { HeldBytes } from '../../src/metrics/held-bytes.js';
import { LimitCounts } from '../../src/metrics/limit-counts.js';
import { TrafficCounts } from '../../src/metrics/traffic-counts.js';
import { ConnectionRegistry } from '../../src/presence/connection-registry.js';
import { TopicRegistry } from '../../src/presence/topic-registry.js';

/** A running server on a free port of loopback, with its log. */
export interface RunningServer {
  readonly server: SignalServer;
  readonly port: number;
  /** ws://127.0.0.1:PORT or wss://... */
  readonly url: string;
  /** http://127.0.0.1:PORT or https://... */
  readonly http: string;
  /** http://127.0.0.1:PORT of the management address, if one was configured. */
  readonly management: string;
  readonly log: readonly LogLine[];
  /** Parts of the server that tests look into. */
  readonly counts: LimitCounts;
  readonly traffic: TrafficCounts;
  readonly held: HeldBytes;
  readonly connections: ConnectionRegistry;
  readonly topics: TopicRegistry;
  close(): Promise<void>;
}

export type LogLine = Readonly<Record<string, unknown>> & {
  readonly level: string;
  readonly target: string;
  readonly msg: string;
};

/** Number of connections that every machine has file handles for, so that no server warns. */
const FEW = 1500;

const running = new Set<RunningServer>();
const check = new LogCheck();

/** Starts a server through createApp; stopServers ends it. The log is captured at `rustLog`; everything by default. */
export async function startServer(
  input: SettingsInput = {},
  rustLog = 'trace',
  clock?: Clock,
  extensions: Extensions = {},
): Promise<RunningServer> {
  const log: LogLine[] = [];
  const logs = new Logs({
    format: 'json',
    filter: LogFilter.parse(rustLog)!,
    destination: {
      write: (text: string) => {
        const line = JSON.parse(text) as LogLine;
        log.push(line);
        check.line(line);
      },
    },
  });
  const settings = parseSettings({ listenAddr: '127.0.0.1:0', drainTimeout: '2s', maxConnections: FEW, ...input });
  const server = await createApp(settings, { logs, ...(clock && { clock }), ...extensions });
  const { port } = await server.listen();
  const secure = settings.tlsCert === undefined ? '' : 's';
  const started: RunningServer = {
    server,
    port,
    url: `ws${secure}://127.0.0.1:${port}`,
    http: `http${secure}://127.0.0.1:${port}`,
    management: `http://127.0.0.1:${server.management?.port}`,
    log,
    counts: server.app.get(LimitCounts, { strict: false }),
    held: server.app.get(HeldBytes, { strict: false }),
    traffic: server.app.get(TrafficCounts, { strict: false }),
    connections: server.app.get(ConnectionRegistry, { strict: false }),
    topics: server.app.get(TopicRegistry, { strict: false }),
    close: async () => {
      running.delete(started);
      await server.close();
    },
  };
  running.add(started);
  return started;
}

/**
 * Ends every server that startServer began and nobody closed, at once: it does not drain. Rejects where a line of their
 * logs was not as in the table of events.
 */
export async function stopServers(): Promise<void> {
  await Promise.all(
    [...running].map((server) => {
      for (const connection of server.connections) connection.terminate();
      return server.close();
    }),
  );
  check.done();
}
