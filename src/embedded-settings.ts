import { ConfigurationError } from './config/faults.js';
import { parseSettings } from './config/load-settings.js';
import { fileFaults } from './config/setting-file.js';
import type { SettingFile } from './config/setting-file.js';
import { filesOf } from './config/setting-names.js';
import type { SettingName, Settings, SettingsInput } from './config/settings.js';
import { isClassWith } from './exported-classes.js';
import { isMetricsRegistry } from './exposition/application-registry.js';
import type { Extensions } from './extensions.js';
import { loggerFault } from './logging/application-logger.js';
import { LogFilter } from './logging/log-filter.js';
import { MOST_HEADER_BYTES } from './config/values.js';
import { ServedPath } from './transport/served-path.js';

const GIVES_CLASSES = 'an application passes the classes themselves, next to settings';
const HAS_LISTENERS = 'an application has its own listeners';
const HAS_PATHS = 'an application answers plain HTTP itself';
/** Settings that the application decides when it embeds the server, and why. */
const OF_THE_APPLICATION: readonly (readonly [SettingName, string])[] = [
  ['guards', GIVES_CLASSES],
  ['topicPolicy', GIVES_CLASSES],
  ['iceProvider', GIVES_CLASSES],
  ['listenAddr', HAS_LISTENERS],
  ['tlsCert', HAS_LISTENERS],
  ['managementAddr', HAS_LISTENERS],
  ['managementHosts', HAS_LISTENERS],
  ['managementToken', HAS_LISTENERS],
  ['managementTokenFile', HAS_LISTENERS],
  ['metricsToken', HAS_LISTENERS],
  ['metricsTokenFile', HAS_LISTENERS],
  ['handshakeTimeout', HAS_LISTENERS],
  ['keepAliveTimeout', HAS_LISTENERS],
  ['maxHeaderBytes', HAS_LISTENERS],
  ['maxPlainConnections', HAS_LISTENERS],
  ['proxyProtocol', HAS_LISTENERS],
  ['checkPage', HAS_PATHS],
];

const BOTH_GIVE_TURN = 'iceProvider and turnUrls are both set: set only one of them';

/** What an application gives besides settings and classes. */
interface Given {
  readonly path?: string;
  readonly logs?: unknown;
  readonly logger?: unknown;
  readonly logFilter?: unknown;
  readonly register?: unknown;
}

/** An application's own server bounds its headers: whether a JWT fits is seen when the server is bound to that. */
const BOUNDED_ELSEWHERE: SettingsInput = { maxHeaderBytes: MOST_HEADER_BYTES };

/**
 * Returns the settings of an embedded server. Throws a ConfigurationError that lists every fault of the settings, the
 * classes, the path, the logger and the registry.
 */
export function embeddedSettings(input: SettingsInput, extensions: Extensions, given: Given): Settings {
  const faults = [
    ...OF_THE_APPLICATION.filter(([name]) => input[name] !== undefined).map(([name, why]) => `${name}: ${why}`),
    ...classFaults(extensions),
    ...(extensions.iceProvider !== undefined && input.turnUrls !== undefined ? [BOTH_GIVE_TURN] : []),
    ...givenFaults(given),
  ];
  try {
    const settings = parseSettings({ ...BOUNDED_ELSEWHERE, ...input });
    if (faults.length === 0) return settings;
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    faults.push(...error.faults.filter((fault) => !faults.includes(fault)));
  }
  // Files alone are no fault before the start: they may come until then.
  faults.push(...fileFaults(filesIn(input)));
  throw new ConfigurationError(faults);
}

/** The files that settings name which may be wrong in themselves. */
function filesIn(input: SettingsInput): SettingFile[] {
  const ours = Object.entries(input).filter(([name]) => !OF_THE_APPLICATION.some(([other]) => other === name));
  const texts = ours.filter(([, value]) => typeof value === 'string' && value !== '');
  return filesOf(Object.fromEntries(texts) as unknown as Settings);
}

function givenFaults({ path, logs, logger, logFilter, register }: Given): string[] {
  return [
    ServedPath.fault(path),
    logger === undefined ? undefined : loggerFault(logger),
    logs !== undefined && (logger !== undefined || logFilter !== undefined)
      ? 'logs: it has its own destination and filter, so set neither logger nor logFilter beside it'
      : undefined,
    logFilter === undefined || logFilter instanceof LogFilter
      ? undefined
      : 'logFilter: expected a LogFilter, such as LogFilter.parse("info,cairn_signal::relay=debug")',
    register === undefined || isMetricsRegistry(register) ? undefined : 'register: expected a Registry of prom-client',
  ].filter((fault) => fault !== undefined);
}

function classFaults({ guards = [], topicPolicy, iceProvider, presenceObservers = [] }: Extensions): string[] {
  const faults = guards
    .filter((guard) => !isClassWith(guard, 'canActivate'))
    .map((guard) => `guards: ${nameOf(guard)} is not a class with a method "canActivate"`);
  if (topicPolicy !== undefined && !isClassWith(topicPolicy, 'allows')) {
    faults.push(`topicPolicy: ${nameOf(topicPolicy)} is not a class with a method "allows"`);
  }
  if (iceProvider !== undefined && !isClassWith(iceProvider, 'iceServers')) {
    faults.push(`iceProvider: ${nameOf(iceProvider)} is not a class with a method "iceServers"`);
  }
  for (const observer of presenceObservers) {
    for (const method of ['joined', 'left'] as const) {
      if (isClassWith(observer, method)) continue;
      faults.push(`presenceObservers: ${nameOf(observer)} is not a class with a method "${method}"`);
    }
  }
  return faults;
}

function nameOf(type: unknown): string {
  return typeof type === 'function' && type.name !== '' ? type.name : typeof type;
}
