import { loadTokens } from '../auth/load-tokens.js';
import type { Environment } from '../config/environment.js';
import type { LoadedSettings } from '../config/load-settings.js';
import { readLogFilter } from '../logging/log-filter.js';
import { authority } from '../transport/listen-fault.js';
import { loadTlsPair } from '../transport/tls.js';

/** Says on standard output whether the server could start with these settings. Rejects with a StartupError that names the file at fault. */
export async function checkConfig({ settings, warnings }: LoadedSettings, environment: Environment): Promise<number> {
  const tls = loadTlsPair(settings) !== undefined;
  const auth = loadTokens(settings).length > 0;
  // Loaded only where there is a bus, as when serving.
  if (settings.natsUrl !== undefined) (await import('../backplane/nats-options.js')).natsOptions(settings);
  for (const warning of [...warnings, ...readLogFilter(environment).warnings]) process.stderr.write(`warning: ${warning}\n`);
  const { host, port } = settings.listenAddr;
  process.stdout.write(`the configuration is valid: ${authority(host, port)}, TLS ${tls ? 'on' : 'off'}, auth ${auth ? 'on' : 'off'}\n`);
  return 0;
}
