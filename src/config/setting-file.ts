import { readFileSync } from 'node:fs';
import { fileFault, StartupError } from './faults.js';

/** The content of the file that a setting names. Throws a StartupError that names both. */
export function readSettingFile(setting: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new StartupError(`${setting} ${JSON.stringify(path)}: ${fileFault(error)}`);
  }
}
