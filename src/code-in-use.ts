import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import type { SettingFile } from './config/setting-file.js';
import { shownPath } from './config/shown-path.js';
import type { Log } from './logging/log.js';

/**
 * Remembers what the files with an operator's code were when they were loaded. Node loads a module once, so new code
 * needs a restart. Owns a digest of each. Does not know of what those files import.
 * Invariant: it tells only of files that differ from what runs.
 */
export class CodeInUse {
  private constructor(
    private readonly loaded: ReadonlyMap<SettingFile, string | undefined>,
    private readonly log: Log<'reload'>,
  ) {}

  /** Looks at the files. Call it before they are loaded, so that no change is missed. */
  static async of(files: readonly SettingFile[], log: Log<'reload'>): Promise<CodeInUse> {
    return new CodeInUse(new Map(await digestsOf(files)), log);
  }

  /** Warns of each file that is another one than was loaded. Never rejects. */
  async tellOfChanges(): Promise<void> {
    for (const [file, digest] of await digestsOf([...this.loaded.keys()])) {
      if (digest === this.loaded.get(file)) continue;
      const change = digest === undefined ? 'cannot be read any more' : 'has changed';
      this.log.write('code_changed', {}, { file: `${file.name} ${shownPath(file.path)}`, change });
    }
  }
}

function digestsOf(files: readonly SettingFile[]): Promise<[SettingFile, string | undefined][]> {
  return Promise.all(
    files.map(async (file): Promise<[SettingFile, string | undefined]> => [file, await digestOf(file)]),
  );
}

/** Resolves to undefined for what cannot be read. */
async function digestOf({ path }: SettingFile): Promise<string | undefined> {
  try {
    if (!(await stat(path)).isFile()) return undefined;
    return createHash('sha256')
      .update(await readFile(path))
      .digest('base64');
  } catch {
    return undefined;
  }
}
