import { isOpen } from '../auth/is-open.js';
import { loadTokens } from '../auth/load-tokens.js';
import type { Environment } from '../config/environment.js';
import type { LoadedSettings } from '../config/load-settings.js';
import { nodeWarnings } from '../config/node-version.js';
import { loadExtensions } from '../extensions.js';
import { readLogFilter } from '../logging/log-filter.js';
import { authority } from '../transport/listen-fault.js';
import { loadTlsPair } from '../transport/tls.js';

/**
 * Checks the settings and the files that they name, and reports on standard output. Rejects with a StartupError that
 * names the file at fault.
 */
export async function checkConfig({ settings, warnings }: LoadedSettings, environment: Environment): Promise<number> {
  const tls = loadTlsPair(settings) !== undefined;
  const { guards = [] } = await loadExtensions(settings);
  const jwt = settings.jwtIssuer !== undefined;
  const open = isOpen(settings, { tokens: loadTokens(settings).length > 0, guards: guards.length > 0 });
  // Loaded only if the setting names a file.
  if (settings.jwtPublicKey !== undefined) (await import('../auth/jwt/public-keys.js')).loadPublicKeys(settings);
  // Loaded only if there is a backplane, as when serving.
  if (settings.natsUrl !== undefined) (await import('../backplane/nats-options.js')).natsOptions(settings);
  for (const warning of [...warnings, ...readLogFilter(environment).warnings, ...nodeWarnings()]) {
    process.stderr.write(`warning: ${warning}\n`);
  }
  const { listenAddr, managementAddr } = settings;
  const management =
    managementAddr === undefined ? '' : `, management at ${authority(managementAddr.host, managementAddr.port)}`;
  process.stdout.write(
    `the configuration is valid: ${authority(listenAddr.host, listenAddr.port)}, ` +
      `TLS ${tls ? 'on' : 'off'}, auth ${open ? 'off' : 'on'}${jwt ? ', JWT on' : ''}${management}\n`,
  );
  return 0;
}
