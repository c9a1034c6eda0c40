import type { z } from 'zod';
import { settingNames, settingsSchema } from './settings.js';
import type { SettingName } from './settings.js';

/** `listenAddr` -> `listen-addr`, unless its flag has a name of its own. */
export function flagOf(name: string): string {
  return (settingsSchema.shape as Partial<Record<string, z.ZodType>>)[name]?.meta()?.flag ?? dashed(name);
}

function dashed(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** `listenAddr` -> `CAIRN_SIGNAL_LISTEN_ADDR` */
export function variableOf(name: string): string {
  return `${VARIABLE_PREFIX}${dashed(name).replaceAll('-', '_').toUpperCase()}`;
}

export const VARIABLE_PREFIX = 'CAIRN_SIGNAL_';

/** What the table says of one setting, for documents. */
export interface SettingFacts {
  readonly name: SettingName;
  readonly flag: string;
  readonly variable: string;
  readonly value: string;
  readonly about: string;
  /** As it would be written; undefined when the setting has none. */
  readonly default: string | undefined;
}

/** The table, a row for each setting. */
export function describeSettings(): SettingFacts[] {
  return settingNames.map((name) => {
    const schema = settingsSchema.shape[name];
    const { value = 'VALUE', about = '' } = schema.meta() ?? {};
    const { def } = schema;
    const range = def.innerType.description;
    return {
      name,
      flag: flagOf(name),
      variable: variableOf(name),
      value,
      about: range === undefined ? about : `${about} ${range}`,
      default: def.type === 'prefault' ? String(def.defaultValue) : undefined,
    };
  });
}
