import { createApp } from '../app.js';
import type { Environment } from '../config/environment.js';
import type { LoadedSettings } from '../config/load-settings.js';
import { nodeWarnings } from '../config/node-version.js';
import { Logs } from '../logging/log.js';
import type { Log } from '../logging/log.js';
import { readLogFilter } from '../logging/log-filter.js';
import type { Signals } from './signals.js';

/**
 * Serves until a signal asks for the end, or a fault of ours forces it: the first one drains, a second signal ends at once.
 * Resolves to the exit code; rejects with a StartupError.
 */
export async function serve(
  { settings, warnings }: LoadedSettings,
  environment: Environment,
  signals: Signals,
): Promise<number> {
  const { filter, warnings: logWarnings } = readLogFilter(environment);
  const format = settings.logFormat ?? (process.stdout.isTTY ? 'pretty' : 'json');
  const logs = new Logs({ format, filter });
  const log = logs.for('server');
  for (const warning of [...warnings, ...logWarnings, ...nodeWarnings()]) log.warn(warning);

  const server = await createApp(settings, { logs });
  const { port } = await server.listen();
  if (format === 'pretty') {
    log.info(
      `next: ${settings.checkPage ? `open /check on this port in a browser; ` : ''}point peers at port ${port}; Ctrl-C stops the server`,
    );
  }
  signals.onHangup(() => void server.reload());

  const faults = listenForFaults(log);
  const reason = await Promise.race([signals.first.then((signal) => ({ signal })), faults.first]);
  log.info('stopping', reason);
  // One that comes while the server serves its drain-delay ends that.
  void faults.first.then(() => server.close({ delay: false }));
  const ended = server.close({ delay: !('fault' in reason) }).then(() => 0);
  const code = (await Promise.race([ended, signals.second])) || Number(faults.any);
  log.info('stopped', { code });
  return code;
}

/** What was thrown and nobody caught. */
interface Faults {
  /** Resolves when there is a first one. */
  readonly first: Promise<{ fault: string }>;
  /** Whether there was any. */
  readonly any: boolean;
}

/** Logs the first fault, and lets none end the process before it had an orderly end; those that follow are its consequence. */
function listenForFaults(log: Log): Faults {
  let any = false;
  const first = new Promise<{ fault: string }>((resolve) => {
    // Node raises an unhandled rejection as an uncaught exception.
    process.on('uncaughtException', (error: unknown, origin) => {
      if (any) return;
      any = true;
      log.error('this is our fault, and the server ends', {
        origin,
        error: error instanceof Error ? error.stack : String(error),
      });
      resolve({ fault: origin });
    });
  });
  return {
    first,
    get any() {
      return any;
    },
  };
}
