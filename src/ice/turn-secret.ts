import { createHmac } from 'node:crypto';
import { realpathSync, statSync } from 'node:fs';
import { StartupError } from '../config/faults.js';
import { readSettingFile, settingFile } from '../config/setting-file.js';
import type { Settings } from '../config/settings.js';
import { shownPath } from '../config/shown-path.js';
import type { FilesInUse, Reload } from '../lifecycle/reload.js';
import type { Log } from '../logging/log.js';
import type { IceCounts } from '../metrics/ice-counts.js';

const SETTING = 'turn-secret-file';

/** With fewer, a secret can be guessed from one credential. */
const LEAST_BYTES = 32;

/** Whoever may write it can put in a secret of his own. */
const OPEN_TO_ALL = 0o006;

/**
 * Where secrets are mounted into containers, readable by all who are in there: by Docker and Podman, and by Kubernetes,
 * which links a volume's files to a folder with the time of their last change.
 */
const MOUNTED = /^\/(?:var\/)?run\/secrets\/|\/\.\.\d{4}_\d\d_\d\d_/;

/** A secret that was read. */
interface Read {
  readonly secret: string;
  /** When the file was written, in milliseconds since the epoch. */
  readonly writtenAt: number;
  /** What is almost surely a mistake. */
  readonly warning: string | undefined;
}

/**
 * Reads the secret of `turn-secret-file`: its first line. Returns undefined where there is no such file. Throws a
 * StartupError that names the file, and never says what is in it.
 */
export function loadTurnSecret({ turnSecretFile: path }: Settings): Read | undefined {
  if (path === undefined) return undefined;
  const fault = (why: string): StartupError => new StartupError(`${SETTING} ${shownPath(path)}: ${why}`);
  const [secret] = readSettingFile(SETTING, path).toString('utf8').split(/\r?\n/, 1);
  if (secret === '') throw fault('its first line is empty: expected the secret that the TURN servers have');
  if (!/^[!-~]+$/.test(secret)) throw fault('expected a first line of visible ASCII characters without spaces');
  if (secret.length < LEAST_BYTES) throw fault(`its first line is shorter than ${LEAST_BYTES} characters`);
  const { mode, mtimeMs } = statSync(path);
  const warning =
    (mode & OPEN_TO_ALL) === 0 || MOUNTED.test(realpathSync(path))
      ? undefined
      : `${SETTING} ${shownPath(path)}: every user of this machine may read or change it: take that right away (chmod o-rw)`;
  return { secret, writtenAt: mtimeMs, warning };
}

/**
 * Makes the credentials that coturn takes with `use-auth-secret` (draft-uberti-behave-turn-rest-00). Owns the secret.
 * Does not know who may have credentials.
 * Invariant: what it makes names nobody, and is the same on every node with the same secret.
 */
export class TurnSecret {
  #secret: string | undefined;
  #pseudonyms: Buffer | undefined;

  /**
   * Reads `turn-secret-file`, and reads it again when it changes. Rejects with a StartupError that names the file, if
   * it cannot be used.
   */
  static async of(settings: Settings, reload: Reload, counts: IceCounts, log: Log<'ice'>): Promise<TurnSecret> {
    const made = new TurnSecret();
    const used: FilesInUse<Read | undefined> = {
      files: settingFile(SETTING, settings.turnSecretFile),
      read: () => loadTurnSecret(settings),
      use: (read) => {
        if (read?.warning !== undefined) log.write('turn_secret_warning', {}, { warning: read.warning });
        if (read !== undefined) made.use(read.secret);
        counts.secretAt = read?.writtenAt;
        return {};
      },
      what: SETTING,
      otherwise: 'keeping the current TURN secret',
    };
    used.use(await reload.readAndWatch([used], () => used.read()));
    return made;
  }

  /** Makes credentials from this secret from now on. */
  use(secret: string): void {
    this.#secret = secret;
    this.#pseudonyms = createHmac('sha256', secret).update('cairn-signal: pseudonyms of TURN users').digest();
  }

  /** Returns what TURN servers call a source (J8). There must be a secret, here and below. */
  pseudonym(source: string): string {
    return createHmac('sha256', this.#pseudonyms!).update(source).digest('hex').slice(0, 16);
  }

  /** Makes credentials of a user that end at `expiry`, in seconds since the epoch. */
  credentials(pseudonym: string, expiry: number): { username: string; credential: string } {
    const username = `${expiry}:${pseudonym}`;
    return { username, credential: createHmac('sha1', this.#secret!).update(username).digest('base64') };
  }
}
