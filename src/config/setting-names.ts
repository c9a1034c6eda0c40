import type { z } from 'zod';
import { forIssuer } from './for-issuer.js';
import { settingNames, settingsSchema } from './settings.js';
import type { SettingName, Settings } from './settings.js';
import type { SettingFile } from './setting-file.js';

/** `listenAddr` -> `listen-addr`, unless the table names another flag. */
export function flagOf(name: string): string {
  return (settingsSchema.shape as Partial<Record<string, z.ZodType>>)[name]?.meta()?.flag ?? dashed(name);
}

/** Whether a setting takes several values; its flag may then be repeated. */
export function isList(name: SettingName): boolean {
  return kindOf(name).list === true;
}

/** Whether the value of a setting is a secret. */
export function isSecret(name: SettingName): boolean {
  return kindOf(name).secret === true;
}

/**
 * Whether the value of a setting is a secret, or names a file or a server: people put the secret itself there by
 * mistake.
 */
export function mayNameSecret(name: SettingName): boolean {
  const { secret = false, value = '' } = kindOf(name);
  return secret || ['PATH', 'PATHS', 'URLS'].includes(value);
}

/** The files that the settings name, each with the name by which messages call its setting. */
export function filesOf(settings: Settings): SettingFile[] {
  return settingNames
    .filter((name) => ['PATH', 'PATHS'].includes(kindOf(name).value ?? ''))
    .flatMap((name) => {
      const paths = [(settings[name] ?? []) as string | readonly string[]].flat();
      const { byIssuer = false } = kindOf(name);
      const pathOf = (entry: string): string => (byIssuer ? forIssuer(entry, settings.jwtIssuer ?? []).value : entry);
      return paths.map((entry) => ({ name: dashed(name), path: pathOf(entry) }));
    });
}

/** What the kind of a setting's value says of it (src/config/values.ts). */
function kindOf(name: SettingName): z.GlobalMeta {
  return settingsSchema.shape[name].def.innerType.meta() ?? {};
}

function dashed(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** `listenAddr` -> `CAIRN_SIGNAL_LISTEN_ADDR` */
export function variableOf(name: string): string {
  return `${VARIABLE_PREFIX}${dashed(name).replaceAll('-', '_').toUpperCase()}`;
}

export const VARIABLE_PREFIX = 'CAIRN_SIGNAL_';

/** What the table says about one setting, for documents. */
export interface SettingFacts {
  readonly name: SettingName;
  readonly flag: string;
  readonly variable: string;
  readonly value: string;
  readonly about: string;
  /** The default as it would be written; undefined when the setting has none. */
  readonly default: string | undefined;
}

const BY_ISSUER = 'An entry may begin with its issuer and a space.';

/** The table as facts, one row per setting. */
export function describeSettings(): SettingFacts[] {
  return settingNames.map((name) => {
    const schema = settingsSchema.shape[name];
    const { about = '' } = schema.meta() ?? {};
    const { def } = schema;
    const { value = 'VALUE', description: range, byIssuer = false } = kindOf(name);
    return {
      name,
      flag: flagOf(name),
      variable: variableOf(name),
      value,
      about: [about, range, byIssuer ? BY_ISSUER : undefined].filter((sentence) => sentence !== undefined).join(' '),
      default: def.type === 'prefault' ? String(def.defaultValue) : undefined,
    };
  });
}
