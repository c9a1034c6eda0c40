import { readFileSync, statSync } from 'node:fs';
import type { Stats } from 'node:fs';
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
  let kind: Stats;
  try {
    kind = statSync(path);
  } catch (error) {
    throw new StartupError(`${setting} ${JSON.stringify(path)}: ${fileFault(error)}`);
  }
  if (kind.isDirectory()) throw new StartupError(`${setting} ${JSON.stringify(path)}: it is a directory`);
  if (!kind.isFile()) {
    throw new StartupError(`${setting} ${JSON.stringify(path)}: it is no regular file, so it cannot be read again`);
  }
}
