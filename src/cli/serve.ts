import { createApp } from '../app.js';
import type { Environment } from '../config/environment.js';
import type { LoadedSettings } from '../config/load-settings.js';
import { Logs } from '../logging/log.js';
import { readLogFilter } from '../logging/log-filter.js';
import type { StopSignals } from './signals.js';

/**
 * Serves until a signal asks for the end: the first one drains, a second one ends at once.
 * Resolves to the exit code; rejects with a StartupError.
 */
export async function serve({ settings, warnings }: LoadedSettings, environment: Environment, signals: StopSignals): Promise<number> {
  const { filter, warnings: logWarnings } = readLogFilter(environment);
  const format = settings.logFormat ?? (process.stdout.isTTY ? 'pretty' : 'json');
  const logs = new Logs({ format, filter });
  const log = logs.for('server');
  for (const warning of [...warnings, ...logWarnings]) log.warn(warning);

  const server = await createApp(settings, { logs });
  const { port } = await server.listen();
  if (format === 'pretty') log.info(`next: point peers at port ${port}; in a clone, "npm run demo" shows two of them meet; Ctrl-C stops the server`);

  const signal = await signals.first;
  log.info('stopping', { signal });
  const code = await Promise.race([server.close().then(() => 0), signals.second]);
  log.info('stopped', { code });
  return code;
}
