import { createApp } from '../app.js';
import type { SignalServer } from '../app.js';
import type { LoadedSettings } from '../config/load-settings.js';
import { Logs } from '../logging/log.js';
import { readLogFilter } from '../logging/log-filter.js';
import type { Environment } from './environment.js';

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;
/** Exit codes of a process that a signal ended at once: 128 and the signal's number. */
const ENDED_BY = { SIGTERM: 143, SIGINT: 130 };

/**
 * Serves until a signal asks for the end: the first one drains, a second one ends at once.
 * Resolves to the exit code; rejects with a StartupError.
 */
export async function serve({ settings, warnings }: LoadedSettings, environment: Environment): Promise<number> {
  const { filter, warnings: logWarnings } = readLogFilter(environment);
  const format = settings.logFormat ?? (process.stdout.isTTY ? 'pretty' : 'json');
  const logs = new Logs({ format, filter });
  const log = logs.for('server');
  for (const warning of [...warnings, ...logWarnings]) log.warn(warning);

  const asked = signals();
  let server: SignalServer | undefined;
  try {
    server = await createApp(settings, { logs });
    const { port } = await server.listen();
    if (format === 'pretty') log.info(`next: point peers at port ${port}; in a clone, "npm run demo" shows two of them meet; Ctrl-C stops the server`);
  } catch (error) {
    await server?.close();
    throw error;
  }

  const signal = await asked.first;
  log.info('stopping', { signal });
  const ended = server.close().then(() => 0);
  const code = await Promise.race([ended, asked.second]);
  log.info('stopped', { code });
  return code;
}

/** The first signal, and the exit code for a second one. Listens from the call on, so that as process 1 it can be stopped at any time. */
function signals(): { first: Promise<string>; second: Promise<number> } {
  const { promise: first, resolve: onFirst } = withResolvers<string>();
  const { promise: second, resolve: onSecond } = withResolvers<number>();
  let count = 0;
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      count += 1;
      if (count === 1) onFirst(signal);
      else onSecond(ENDED_BY[signal]);
    });
  }
  return { first, second };
}

/** Promise.withResolvers, which Node 20 lacks. */
function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
