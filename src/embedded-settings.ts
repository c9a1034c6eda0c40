import { ConfigurationError } from './config/faults.js';
import { parseSettings } from './config/load-settings.js';
import type { SettingName, Settings, SettingsInput } from './config/settings.js';
import { isClassWith } from './extensions.js';
import type { Extensions } from './extensions.js';
import { ServedPath } from './transport/served-path.js';

const GIVES_CLASSES = 'an application passes the classes themselves, next to settings';
const HAS_LISTENERS = 'an application has its own listeners';
const HAS_PATHS = 'an application answers plain HTTP itself';
/** Settings that the application decides when it embeds the server, and why. */
const OF_THE_APPLICATION: readonly (readonly [SettingName, string])[] = [
  ['guards', GIVES_CLASSES],
  ['topicPolicy', GIVES_CLASSES],
  ['listenAddr', HAS_LISTENERS],
  ['tlsCert', HAS_LISTENERS],
  ['managementAddr', HAS_LISTENERS],
  ['managementHosts', HAS_LISTENERS],
  ['metricsToken', HAS_LISTENERS],
  ['metricsTokenFile', HAS_LISTENERS],
  ['handshakeTimeout', HAS_LISTENERS],
  ['keepAliveTimeout', HAS_LISTENERS],
  ['maxPlainConnections', HAS_LISTENERS],
  ['proxyProtocol', HAS_LISTENERS],
  ['checkPage', HAS_PATHS],
];

/**
 * Returns the settings of an embedded server. Throws a ConfigurationError that lists every fault of the settings, the
 * classes and the path.
 */
export function embeddedSettings(input: SettingsInput, extensions: Extensions, path: string | undefined): Settings {
  const pathFault = ServedPath.fault(path);
  const faults = [
    ...OF_THE_APPLICATION.filter(([name]) => input[name] !== undefined).map(([name, why]) => `${name}: ${why}`),
    ...classFaults(extensions),
    ...(pathFault === undefined ? [] : [pathFault]),
  ];
  try {
    const settings = parseSettings(input);
    if (faults.length === 0) return settings;
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    faults.push(...error.faults.filter((fault) => !faults.includes(fault)));
  }
  throw new ConfigurationError(faults);
}

function classFaults({ guards = [], topicPolicy }: Extensions): string[] {
  const faults = guards
    .filter((guard) => !isClassWith(guard, 'canActivate'))
    .map((guard) => `guards: ${nameOf(guard)} is not a class with a method "canActivate"`);
  if (topicPolicy !== undefined && !isClassWith(topicPolicy, 'allows')) {
    faults.push(`topicPolicy: ${nameOf(topicPolicy)} is not a class with a method "allows"`);
  }
  return faults;
}

function nameOf(type: unknown): string {
  return typeof type === 'function' && type.name !== '' ? type.name : typeof type;
}
