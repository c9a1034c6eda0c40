import { statSync } from 'node:fs';
import { loadManagementToken, loadMetricsToken, loadTokens } from './auth/load-tokens.js';
import type { Warn } from './auth/load-tokens.js';
import type { Clock } from './clock/clock.js';
import { StartupError } from './config/faults.js';
import { issuersOf } from './config/jwt-issuers.js';
import { readSecretFile } from './config/secret-file.js';
import { fileFaults } from './config/setting-file.js';
import { filesOf } from './config/setting-names.js';
import { readAtStart } from './config/settled-files.js';
import type { Settings } from './config/settings.js';
import { loadTurnSecret } from './ice/turn-secret.js';
import { bearerToken } from './config/values.js';

/** Collects what is wrong, so that one run tells everything. Invariant: it tells each fault once. */
export class Faults {
  readonly #faults: Set<string>;

  constructor(known: readonly string[]) {
    this.#faults = new Set(known);
  }

  /** Returns what `work` returns; undefined if it throws a StartupError, which is remembered. */
  async of<T>(work: () => T | Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof StartupError)) throw error;
      this.#faults.add(error.message);
      return undefined;
    }
  }

  /** Throws a StartupError if there are faults. */
  throw(): void {
    const [only, ...others] = this.#faults;
    if (only === undefined) return;
    if (others.length === 0) throw new StartupError(only);
    throw new StartupError([`${this.#faults.size} faults in files and limits`, ...this.#faults].join('\n  '));
  }
}

/**
 * Reads the files that the settings name, except those of TLS and with code, and remembers what is wrong with each.
 * Returns whether there are bearer tokens; undefined if that cannot be told.
 */
export async function readFiles(settings: Settings, faults: Faults, warn?: Warn): Promise<boolean | undefined> {
  const tokens = await faults.of(() => loadTokens(settings, warn).length > 0);
  await faults.of(() => loadMetricsToken(settings));
  await faults.of(() => loadManagementToken(settings));
  const turn = await faults.of(() => loadTurnSecret(settings));
  if (turn?.warning !== undefined) warn?.(turn.warning);
  // Loaded only if there are such files.
  for (const policy of issuersOf(settings)) {
    const { keysAt, tokenFile } = policy;
    if (tokenFile !== undefined) await faults.of(() => readSecretFile('jwt-jwks-token-file', tokenFile, bearerToken));
    if (!('file' in keysAt)) continue;
    const { loadPublicKeys } = await import('./auth/jwt/public-keys.js');
    await faults.of(() => loadPublicKeys(keysAt.file, policy, settings.jwtAlgorithms));
  }
  // Loaded only if there is a backplane, as when serving.
  if (settings.natsUrl !== undefined) {
    await faults.of(async () => (await import('./backplane/nats-options.js')).natsOptions(settings));
  }
  return tokens;
}

/**
 * Rejects with a StartupError that names every file at fault, and says what is wrong in it, once nobody writes to the
 * files any more. Looks into none where one can be read only once, such as a pipe: it is for those who use it.
 */
export async function requireFiles(settings: Settings, clock: Clock): Promise<void> {
  const files = filesOf(settings);
  const paths = files.map(({ path }) => path);
  await readAtStart(paths, clock, async () => {
    const faults = new Faults(fileFaults(files));
    if (!paths.some(isReadOnce)) await readFiles(settings, faults);
    faults.throw();
  });
}

function isReadOnce(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  return found !== undefined && !found.isFile() && !found.isDirectory();
}
