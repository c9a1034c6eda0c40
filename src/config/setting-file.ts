import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileFault, StartupError } from './faults.js';
import { shownPath } from './shown-path.js';

/** A file, and the setting or flag that names it. */
export interface SettingFile {
  readonly name: string;
  readonly path: string;
}

/** A setting's file, as a list: empty where the setting is not set. */
export function settingFile(name: string, path: string | undefined): readonly SettingFile[] {
  return path === undefined ? [] : [{ name, path }];
}

/** Reads the file that a setting names. Throws a StartupError that names both. */
export function readSettingFile(setting: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new StartupError(`${setting} ${shownPath(path)}: ${fileFault(error)}`);
  }
}

/** Says why files cannot be read, in the words of readSettingFile. Does not read them: a pipe can be read only once. */
export function fileFaults(files: readonly SettingFile[]): string[] {
  return files.flatMap(({ name, path }) => {
    try {
      accessSync(path, constants.R_OK);
      return [];
    } catch (error) {
      return [`${name} ${shownPath(path)}: ${fileFault(error)}`];
    }
  });
}

/** Reads the file without blocking the event loop. Rejects with a StartupError that names both. */
export async function readSettingFileLater(setting: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new StartupError(`${setting} ${shownPath(path)}: ${fileFault(error)}`);
  }
}

/** Throws a StartupError unless the file can be read again. A pipe cannot: a second read would wait forever. */
export function requireRegularFile(setting: string, path: string): void {
  let kind: Stats;
  try {
    kind = statSync(path);
  } catch (error) {
    throw new StartupError(`${setting} ${shownPath(path)}: ${fileFault(error)}`);
  }
  if (kind.isDirectory()) throw new StartupError(`${setting} ${shownPath(path)}: it is a directory`);
  if (!kind.isFile()) {
    throw new StartupError(`${setting} ${shownPath(path)}: it is not a regular file, so it cannot be read again`);
  }
}
