import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';
import { ConfigurationError } from '../../src/config/faults.js';
import { loadSettings } from '../../src/config/load-settings.js';
import type { LoadedSettings } from '../../src/config/load-settings.js';

/** A temporary folder of the test file, removed when its tests are over. */
export const CONFIG_FOLDER = mkdtempSync(join(tmpdir(), 'cairn-signal-settings-'));
afterAll(() => rmSync(CONFIG_FOLDER, { recursive: true }));

/** Where `load` writes the configuration file. */
export const CONFIG_FILE = join(CONFIG_FOLDER, 'signal.yaml');

export interface Given {
  readonly flags?: Readonly<Record<string, string>>;
  readonly environment?: Readonly<Record<string, string>>;
  /** The text of the configuration file, which --config then names. */
  readonly yaml?: string;
}

/** Returns the settings that follow from what is given. */
export function load({ flags = {}, environment = {}, yaml }: Given, known: readonly string[] = []): LoadedSettings {
  if (yaml !== undefined) writeFileSync(CONFIG_FILE, yaml);
  const all = Object.entries(yaml === undefined ? flags : { config: CONFIG_FILE, ...flags });
  return loadSettings({ flags: new Map(all), environment }, known);
}

/** Returns the faults of the ConfigurationError that `run` must throw. */
export function faultsOf(run: () => unknown): readonly string[] {
  try {
    run();
  } catch (error) {
    if (error instanceof ConfigurationError) return error.faults;
    throw error;
  }
  throw new Error('no ConfigurationError was thrown');
}
