import { parseCommandLine } from '../../../src/cli/command-line.js';
import { ConfigurationError } from '../../../src/config/faults.js';
import { CONFIG_FLAG } from '../../../src/config/load-settings.js';
import type { Environment } from '../../../src/config/environment.js';
import type { Settings } from '../../../src/config/settings.js';
import type { TcpAddress } from '../../../src/config/values.js';
import { load } from '../load.js';

/** How a deployment starts a node. */
export interface Start {
  /** The words after the image's name. */
  readonly args?: readonly string[];
  readonly environment?: Environment;
  /** The text of the file that --config names. */
  readonly yaml?: string;
}

/** Settings of a node that other machines reach. */
export type DeployedSettings = Omit<Settings, 'listenAddr' | 'managementAddr'> & {
  readonly listenAddr: TcpAddress;
  readonly managementAddr?: TcpAddress | undefined;
};

export interface Deployed {
  /** Undefined when they do not load. */
  readonly settings: DeployedSettings | undefined;
  /** Everything that the server would reject or warn about. */
  readonly faults: readonly string[];
}

/** What the server's own loader makes of it. */
export function deployed({ args = [], environment = {}, yaml }: Start): Deployed {
  const { flags, faults: known } = parseCommandLine(args);
  const given = {
    flags: Object.fromEntries([...flags].filter(([name]) => name !== CONFIG_FLAG)),
    environment: Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== undefined)) as Record<
      string,
      string
    >,
    ...(yaml === undefined ? {} : { yaml }),
  };
  try {
    const { settings, warnings } = load(given, known);
    return { settings: settings as DeployedSettings, faults: warnings };
  } catch (error) {
    if (error instanceof ConfigurationError) {
      return { settings: undefined, faults: [...error.faults, ...error.warnings] };
    }
    throw error;
  }
}

const UNITS: Record<string, number> = { s: 1, m: 60, h: 3600 };

/** `35s`, `10m` or `1h`, in seconds; NaN for anything else. */
export function seconds(written: string | undefined): number {
  const [, digits, unit] = /^(\d+)([smh])$/.exec(written ?? '') ?? [];
  return Number(digits) * UNITS[unit];
}
