import { parseDocument } from 'yaml';
import { parseCommandLine } from '../../../src/cli/command-line.js';
import { ConfigurationError } from '../../../src/config/faults.js';
import { CONFIG_FLAG } from '../../../src/config/load-settings.js';
import type { Environment } from '../../../src/config/environment.js';
import { settingNames, variableOf } from '../../../src/config/settings.js';
import type { Settings } from '../../../src/config/settings.js';
import { load } from '../load.js';

/** Settings that deployments use and the table does not have yet. Remove this list when it has. */
export const PENDING = ['natsUrl', 'natsCreds', 'natsToken', 'natsTlsCa', 'natsTlsCert', 'natsTlsKey', 'natsSubjectPrefix', 'backplaneRequired'];

/** How a deployment starts a node. */
export interface Start {
  /** What follows the image's name. */
  readonly args?: readonly string[];
  readonly environment?: Environment;
  /** The text of the file that --config names. */
  readonly yaml?: string;
}

export interface Deployed {
  /** Undefined when they do not load. */
  readonly settings: Settings | undefined;
  /** Everything that the server would refuse or warn of. */
  readonly faults: readonly string[];
}

/** What the real loader makes of it, without the settings that are pending. */
export function deployed({ args = [], environment = {}, yaml }: Start): Deployed {
  const pending = PENDING.filter((name) => !(settingNames as string[]).includes(name));
  const variables = Object.entries(environment).filter(([name, value]) => value !== undefined && !pending.some((setting) => variableOf(setting) === name));
  const { flags, faults: known } = parseCommandLine(args);
  const given = {
    flags: Object.fromEntries([...flags].filter(([name]) => name !== CONFIG_FLAG)),
    environment: Object.fromEntries(variables) as Record<string, string>,
    ...(yaml === undefined ? {} : { yaml: without(yaml, pending) }),
  };
  try {
    const { settings, warnings } = load(given, known);
    return { settings, faults: warnings };
  } catch (error) {
    if (error instanceof ConfigurationError) return { settings: undefined, faults: [...error.faults, ...error.warnings] };
    throw error;
  }
}

function without(yaml: string, names: readonly string[]): string {
  const document = parseDocument(yaml);
  for (const name of names) document.delete(name);
  return document.toString();
}

const UNITS: Record<string, number> = { s: 1, m: 60, h: 3600 };

/** `35s`, `10m` or `1h`, in seconds; NaN for anything else. */
export function seconds(written: string | undefined): number {
  const [, digits, unit] = /^(\d+)([smh])$/.exec(written ?? '') ?? [];
  return Number(digits) * UNITS[unit];
}
