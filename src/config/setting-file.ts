import { readFileSync, statSync } from 'node:fs';
import { fileFault, StartupError } from './faults.js';

/** The content of the file that a setting names. Throws a StartupError that names both. */
export function readSettingFile(setting: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new StartupError(`${setting} ${JSON.stringify(path)}: ${fileFault(error)}`);
  }
}

/** Throws a StartupError where the file cannot be read a second time: a pipe gives nothing more, and would be waited for. */
export function requireRegularFile(setting: string, path: string): void {
  let regular: boolean;
  try {
    regular = statSync(path).isFile();
  } catch (error) {
    throw new StartupError(`${setting} ${JSON.stringify(path)}: ${fileFault(error)}`);
  }
  if (!regular) throw new StartupError(`${setting} ${JSON.stringify(path)}: it is no regular file, so it cannot be read again`);
}
