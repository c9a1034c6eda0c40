import { readConfigFile } from './config-file.js';
import type { Environment } from './environment.js';
import { ConfigurationError } from './faults.js';
import { jwtFaults } from './jwt-faults.js';
import { BY_ISSUER } from './jwt-issuers.js';
import { described, isHarmless, isRandom } from './looks-like.js';
import { suggestion } from './nearest-name.js';
import { flagOf, isSecret, mayNameSecret, VARIABLE_PREFIX, variableOf } from './setting-names.js';
import { settingNames, Settings, settingsSchema } from './settings.js';
import type { SettingName, SettingsInput } from './settings.js';
import { shownPath } from './shown-path.js';
import { isQuoted, mistakeInToken } from './token-mistakes.js';
import type { ListenAddress, TcpAddress } from './values.js';

/** Sources of settings, besides the defaults and the configuration file. */
export interface SettingSources {
  /** The value of each flag, by its name without the leading dashes, such as `listen-addr`. Only flags that exist. */
  readonly flags: ReadonlyMap<string, string>;
  readonly environment: Environment;
}

export interface LoadedSettings {
  readonly settings: Settings;
  /** Likely mistakes that are not faults, one sentence each. */
  readonly warnings: readonly string[];
}

/** Names the configuration file. It is not in the schema, because only a flag or a variable can set it. */
export const CONFIG_FLAG = 'config';

/** A value before validation, and the place where it was written. */
interface Written {
  readonly value: unknown;
  readonly source: string;
}

/**
 * Merges flags > environment > file > defaults and validates the result.
 * Throws a ConfigurationError that lists every fault with its source. The `known` faults come first.
 */
export function loadSettings(sources: SettingSources, known: readonly string[] = []): LoadedSettings {
  const faults = [...known];
  const written = new Map<string, Written>();

  const byFlag = sources.flags.get(CONFIG_FLAG);
  const path = byFlag ?? sources.environment[variableOf(CONFIG_FLAG)];
  if (path !== undefined) {
    const file = readConfigFile(path);
    if ('fault' in file) {
      faults.push(
        `${byFlag === undefined ? variableOf(CONFIG_FLAG) : `--${CONFIG_FLAG}`} ${shownPath(path)}: ${file.fault}`,
      );
    } else {
      for (const [name, value] of Object.entries(file.values)) {
        written.set(name, { value, source: `${path}: ${shownKey(name)}` });
      }
    }
  }

  for (const name of settingNames) {
    const value = sources.environment[variableOf(name)];
    if (value !== undefined) written.set(name, { value, source: variableOf(name) });
  }
  for (const name of settingNames) {
    const value = sources.flags.get(flagOf(name));
    if (value !== undefined) written.set(name, { value, source: `--${flagOf(name)}` });
  }

  const warnings = [...unknownVariables(sources.environment), ...mistakes(written)];
  const settings = validate(written, faults);
  if (settings === undefined) throw new ConfigurationError(faults, warnings);
  return { settings, warnings };
}

/** Builds the settings for a program that embeds or tests the server. Throws a ConfigurationError. */
export function parseSettings(input: SettingsInput = {}): Settings {
  const written = Object.entries(input).filter(([, value]) => value !== undefined);
  const faults: string[] = [];
  const settings = validate(new Map(written.map(([name, value]) => [name, { value, source: name }])), faults);
  if (settings === undefined) throw new ConfigurationError(faults);
  return settings;
}

function validate(written: ReadonlyMap<string, Written>, faults: string[]): Settings | undefined {
  const result = settingsSchema.safeParse(Object.fromEntries([...written].map(([name, { value }]) => [name, value])));
  for (const issue of result.error?.issues ?? []) {
    const names = issue.code === 'unrecognized_keys' ? issue.keys : [String(issue.path[0])];
    for (const name of names) {
      const source = written.get(name)?.source ?? name;
      if (issue.code === 'unrecognized_keys') {
        faults.push(`${source}: there is no such setting${suggestion(name, settingNames)}`);
      } else faults.push(`${source}${shown(name as SettingName, written.get(name)?.value)}: ${issue.message}`);
    }
  }
  for (const [one, other, why] of NEEDS) {
    if (written.has(one) && !written.has(other)) {
      faults.push(`${written.get(one)!.source} is set but ${flagOf(other)} is not: ${why}`);
    }
  }
  for (const alternatives of ONE_OF) {
    const set = alternatives.filter((name) => written.has(name)).map((name) => written.get(name)!.source);
    if (set.length < 2) continue;
    const which = `${set.slice(0, -1).join(', ')} and ${set.at(-1)} are ${set.length === 2 ? 'both' : 'all'} set`;
    faults.push(`${which}: set only one of them`);
  }
  if (written.has('natsUser') && !written.has('natsPassword') && !written.has('natsPasswordFile')) {
    faults.push(
      `${written.get('natsUser')!.source} is set but neither nats-password nor nats-password-file is: a user needs a password`,
    );
  }
  if (result.success) faults.push(...faultsTogether(result.data, (name) => written.get(name)?.source ?? name));
  return faults.length === 0 ? result.data : undefined;
}

/** Faults of settings that are valid alone but not together. */
function faultsTogether(settings: Settings, sourceOf: (name: SettingName) => string): string[] {
  const { listenAddr, managementAddr, authToken, metricsToken, managementToken } = settings;
  const faults = jwtFaults(settings, sourceOf);
  if (managementAddr !== undefined && collide(listenAddr, managementAddr)) {
    faults.push(
      `${sourceOf('managementAddr')} is the same address as ${flagOf('listenAddr')}: give it another ${'path' in managementAddr ? 'path' : 'port'}`,
    );
  }
  if (metricsToken !== undefined && metricsToken === authToken) {
    faults.push(
      `${sourceOf('metricsToken')} and ${sourceOf('authToken')} are the same: everyone who reads metrics could connect`,
    );
  }
  if (managementToken !== undefined && managementToken === authToken) {
    faults.push(
      `${sourceOf('managementToken')} and ${sourceOf('authToken')} are the same: every peer could give orders`,
    );
  }
  if (managementToken !== undefined && managementToken === metricsToken) {
    faults.push(
      `${sourceOf('managementToken')} and ${sourceOf('metricsToken')} are the same: everyone who reads metrics could give orders`,
    );
  }
  if (settings.proxyProtocol && settings.trustedProxies === undefined) {
    faults.push(
      `${sourceOf('proxyProtocol')} is on but ${flagOf('trustedProxies')} is not set: a PROXY header is believed only from a proxy named there`,
    );
  }
  return faults;
}

/** Whether the server cannot listen on both addresses. A wildcard address includes every address of the machine. */
function collide(one: ListenAddress, other: ListenAddress): boolean {
  if ('path' in one || 'path' in other) return 'path' in one && 'path' in other && one.path === other.path;
  const all = ({ host }: TcpAddress): boolean => host === '0.0.0.0' || host === '::';
  return one.port !== 0 && one.port === other.port && (one.host === other.host || all(one) || all(other));
}

const BOTH = 'TLS needs both, plaintext neither';
const NO_NATS = 'without it there is no NATS server to connect to';
const NO_JWT = 'without it no JWT opens the server';

/** Settings of which only one can be set. */
const ONE_OF: readonly (readonly SettingName[])[] = [
  ['natsCreds', 'natsToken', 'natsTokenFile', 'natsUser', 'natsNkey'],
  ['natsPassword', 'natsPasswordFile'],
  ['turnUrls', 'iceProvider'],
  ['metricsToken', 'metricsTokenFile'],
  ['managementToken', 'managementTokenFile'],
];

/** Settings of JWTs without a default. */
const JWT = [
  ...BY_ISSUER.filter((name) => name !== 'jwtAudienceClaim' && name !== 'jwtPrincipalClaim'),
  'jwtAllowHttp' as const,
];

/** Settings that need another one, and why. */
const NEEDS: readonly (readonly [SettingName, SettingName, string])[] = [
  ['tlsCert', 'tlsKey', BOTH],
  ['tlsKey', 'tlsCert', BOTH],
  ['tlsClientCa', 'tlsCert', 'peers show their certificates in the TLS handshake'],
  ['tlsClientCrl', 'tlsClientCa', 'without it no peer is asked for a certificate'],
  ['managementHosts', 'managementAddr', 'without it there is no address to ask for'],
  ['managementToken', 'managementAddr', 'without it there is no address that takes orders'],
  ['managementTokenFile', 'managementAddr', 'without it there is no address that takes orders'],
  ['turnUrls', 'turnSecretFile', 'its secret makes the credentials that TURN servers ask for'],
  ['turnSecretFile', 'turnUrls', 'without it there is no TURN server to make credentials for'],
  ['natsTlsCert', 'natsTlsKey', 'a certificate needs its key'],
  ['natsTlsKey', 'natsTlsCert', 'a key needs its certificate'],
  ['natsCreds', 'natsUrl', NO_NATS],
  ['natsToken', 'natsUrl', NO_NATS],
  ['natsTokenFile', 'natsUrl', NO_NATS],
  ['natsNkey', 'natsUrl', NO_NATS],
  ['natsUser', 'natsUrl', NO_NATS],
  ['natsPassword', 'natsUser', 'a password needs its user'],
  ['natsPasswordFile', 'natsUser', 'a password needs its user'],
  ['natsTlsCa', 'natsUrl', NO_NATS],
  ['natsTlsCert', 'natsUrl', NO_NATS],
  ...JWT.map((name) => [name, 'jwtIssuer', NO_JWT] as const),
  ['jwtIssuer', 'jwtAudience', 'tokens for other services would open this one'],
];

/**
 * ` "value"`, for a fault, where the value is too simple to be a secret, and the setting neither is nor names one.
 * Otherwise its
 * length and what it looks like: a secret may stand in the wrong place.
 */
function shown(name: SettingName, value: unknown): string {
  const text = Array.isArray(value) ? value.filter((entry) => typeof entry === 'string').join(',') : value;
  if (typeof text === 'string') {
    if (text === '') return '';
    return mayNameSecret(name) || !isHarmless(text) ? ` (${described(text)})` : ` ${JSON.stringify(text)}`;
  }
  return !mayNameSecret(name) && (typeof text === 'number' || typeof text === 'boolean') ? ` ${text}` : '';
}

/** Values that are taken, but are almost surely not meant: peers would have to send the quotes, too. */
function mistakes(written: ReadonlyMap<string, Written>): string[] {
  return settingNames.flatMap((name) => {
    const { value, source } = written.get(name) ?? {};
    if (typeof value !== 'string') return [];
    const mistake = isSecret(name)
      ? mistakeInToken(value)
      : isQuoted(value) && 'the quotes are a part of the value: remove them';
    return typeof mistake === 'string' ? [`${source}: ${mistake}`] : [];
  });
}

/** A key of a configuration file, where it may be the name of a setting; otherwise its length. */
function shownKey(key: string): string {
  return /^[\w-]{0,40}$/.test(key) && !isRandom(key) ? key : `(a key of ${described(key)})`;
}

/** Variables that Kubernetes puts into every pod for each Service of the namespace, behind the Service's name. */
const OF_SERVICE = /^_(?:PORT|SERVICE_\w+|PORT_\d+_(?:TCP|UDP|SCTP)(?:_\w+)?)$/;
/** The end of a variable that every Service has. */
const SERVICE_HOST = '_SERVICE_HOST';
/** Prefix of those of a Service named cairn-signal. They need no warning: nothing is to be done about them. */
const OUR_SERVICE = VARIABLE_PREFIX.slice(0, -1);

function unknownVariables(environment: Environment): string[] {
  const known = [CONFIG_FLAG, ...settingNames].map((name) => variableOf(name));
  const unknown = Object.keys(environment).filter(
    (variable) => variable.startsWith(VARIABLE_PREFIX) && !known.includes(variable),
  );
  const services = unknown
    .filter((variable) => variable.endsWith(SERVICE_HOST))
    .map((variable) => variable.slice(0, -SERVICE_HOST.length))
    .filter((service) => service !== OUR_SERVICE);
  const isOfService = (variable: string): boolean =>
    [OUR_SERVICE, ...services].some(
      (service) => variable.startsWith(service) && OF_SERVICE.test(variable.slice(service.length)),
    );
  const names = known.map((variable) => variable.slice(VARIABLE_PREFIX.length));
  return [
    ...(services.length === 0 ? [] : [serviceWarning(services)]),
    ...unknown
      .filter((variable) => !isOfService(variable))
      .map(
        (variable) =>
          `${variable}: there is no such setting, so it is ignored${suggestion(variable.slice(VARIABLE_PREFIX.length), names, VARIABLE_PREFIX)}`,
      ),
  ];
}

/** One line for all variables of other Services, since each Service has seven of them and more. */
function serviceWarning(services: readonly string[]): string {
  const names = services.map((service) => service.toLowerCase().replaceAll('_', '-')).join(', ');
  return `the environment has what Kubernetes sets for the Services ${names}: these variables look like settings but do nothing; "enableServiceLinks: false" in the pod keeps them out`;
}
