import { isOpen } from '../auth/is-open.js';
import { LOG_EVENTS } from '../logging/log-table.js';
import { loadClientTrust } from '../auth/certificates/load-client-trust.js';
import { inOneGo } from '../clock/in-turns.js';
import type { Environment } from '../config/environment.js';
import type { LoadedSettings } from '../config/load-settings.js';
import { nodeWarnings } from '../config/node-version.js';
import { fileFaults } from '../config/setting-file.js';
import { filesOf } from '../config/setting-names.js';
import type { Settings } from '../config/settings.js';
import { loadExtensions } from '../extensions.js';
import { closedWarning, isClosed } from '../ice/closed.js';
import { readLogFilter } from '../logging/log-filter.js';
import { Faults, readFiles } from '../setting-files.js';
import { addressText } from '../transport/listen-fault.js';
import { isLoopback } from '../transport/loopback.js';
import { loadTlsPair, warningsOf } from '../transport/tls.js';
import { complain, print } from './output.js';

/**
 * Checks the settings and the files that they name, and reports on standard output. Warns of what the server would warn
 * of at its start. Rejects with a StartupError that names every file at fault.
 */
export async function checkConfig({ settings, warnings }: LoadedSettings, environment: Environment): Promise<number> {
  const faults = new Faults(fileFaults(filesOf(settings)));
  const tls = await faults.of(() => loadTlsPair(settings));
  const trust = await faults.of(() => inOneGo(loadClientTrust(settings, Date.now())));
  const extensions = await faults.of(() => loadExtensions(settings));
  const found = [tls === undefined ? [] : warningsOf(tls, Date.now()), trust?.warnings(Date.now()) ?? []].flat();
  const tokens = await readFiles(settings, faults, (warning) => void found.push(warning));
  const handles = await faults.of(() => handlesWarning(settings));
  const open =
    tokens !== undefined &&
    extensions !== undefined &&
    isOpen(settings, { tokens, guards: extensions.guards!.length > 0 });
  for (const warning of [
    ...warnings,
    ...found,
    ...readLogFilter(environment).warnings,
    ...nodeWarnings(),
    ...(handles === undefined ? [] : [handles]),
    ...(open && !isLocal(settings) ? [LOG_EVENTS.server.open_to_anyone.message] : []),
    ...(isClosed(settings, settings.iceProvider !== undefined, open) ? [closedWarning(settings)] : []),
  ]) {
    await complain(`warning: ${warning}\n`);
  }
  faults.throw();
  const { listenAddr, managementAddr, jwtIssuer } = settings;
  const management = managementAddr === undefined ? '' : `, management at ${addressText(managementAddr)}`;
  await print(
    `the configuration is valid: ${addressText(listenAddr)}, ` +
      `TLS ${tls === undefined ? 'off' : 'on'}, auth ${open ? 'off' : 'on'}${jwtIssuer === undefined ? '' : ', JWT on'}${management}\n`,
  );
  return 0;
}

/** Whether only this machine reaches the server, as far as the settings tell. */
function isLocal({ listenAddr, trustedProxies }: Settings): boolean {
  if (trustedProxies !== undefined) return false;
  return 'path' in listenAddr || listenAddr.host === 'localhost' || isLoopback(listenAddr.host);
}

/** Returns the warning that max-connections is more than file handles allow. Throws a StartupError if none are left. */
async function handlesWarning({ maxConnections, managementAddr }: Settings): Promise<string | undefined> {
  const { capacity, FOR_OPERATORS, openFilesLimit } = await import('../transport/open-files.js');
  const reserved = managementAddr === undefined ? 0 : FOR_OPERATORS;
  const { connections } = capacity(maxConnections, openFilesLimit(), reserved);
  return connections < maxConnections
    ? `${LOG_EVENTS.upgrade.too_few_files.message} (to ${connections} instead of ${maxConnections})`
    : undefined;
}
