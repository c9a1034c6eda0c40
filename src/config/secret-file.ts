import { statSync } from 'node:fs';
import type { z } from 'zod';
import { StartupError } from './faults.js';
import { readSettingFile } from './setting-file.js';
import { shownPath } from './shown-path.js';

/**
 * Reads the secret in the file that a setting names: its only line. Throws a StartupError that names the file, and
 * never says what is in it.
 */
export function readSecretFile(setting: string, path: string, kind: z.ZodType<string>): string {
  const { success, data } = kind.safeParse(
    readSettingFile(setting, path)
      .toString('utf8')
      .replace(/\r?\n$/, ''),
  );
  if (success) return data;
  throw new StartupError(
    `${setting} ${shownPath(path)}: expected one line of visible ASCII characters, without spaces around them`,
  );
}

/**
 * Reads a file now, and again whenever its content is asked for; what cannot be read later changes nothing. Throws what
 * the first `read` throws. A pipe is read only once: a second read would wait forever.
 */
export function readAnew<T>(path: string, read: () => T): () => T {
  let last = read();
  return () => {
    try {
      if (statSync(path).isFile()) last = read();
    } catch {
      // It is being replaced, perhaps.
    }
    return last;
  };
}
