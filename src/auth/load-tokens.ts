import { inOneGo, inTurns } from '../clock/in-turns.js';
import type { Work } from '../clock/in-turns.js';
import { StartupError } from '../config/faults.js';
import { readSecretFile } from '../config/secret-file.js';
import { readSettingFile, readSettingFileLater } from '../config/setting-file.js';
import type { Settings } from '../config/settings.js';
import { shownPath } from '../config/shown-path.js';
import { mistakeInToken } from '../config/token-mistakes.js';
import { bearerToken } from '../config/values.js';
import type { ConfiguredToken } from './bearer-tokens.js';
import { digestOf, NAME_RULE, readNamedToken } from './named-token.js';

const SETTING = 'auth-token-file';

/** Warnings about one file, at most. */
const MOST_WARNINGS = 10;

/** Lines between two pauses. */
const LINES = 64;

const DIGEST_RULE = 'a digest of 64 hex digits that is not the digest of an empty token';

/** Hears about what is almost surely not meant, one sentence each. */
export type Warn = (warning: string) => void;

const IGNORE: Warn = () => undefined;

/** Reads the tokens of `auth-token` and `auth-token-file`. Throws a StartupError that names the file, never a token. */
export function loadTokens(settings: Settings, warn: Warn = IGNORE): ConfiguredToken[] {
  const { authTokenFile: path } = settings;
  return inOneGo(tokensIn(settings, path === undefined ? undefined : readSettingFile(SETTING, path), warn));
}

/** The same without blocking the event loop, for a file of many tokens: rejects instead. */
export async function loadTokensInTurns(settings: Settings, warn: Warn = IGNORE): Promise<ConfiguredToken[]> {
  const { authTokenFile: path } = settings;
  return inTurns(tokensIn(settings, path === undefined ? undefined : await readSettingFileLater(SETTING, path), warn));
}

/** The tokens of `auth-token` and of a token file with this content. */
function* tokensIn(
  { authToken, authTokenFile }: Settings,
  content: Buffer | undefined,
  warn: Warn,
): Work<ConfiguredToken[]> {
  // The whole line would be a token: anyone who can read it could connect with it.
  if (authToken !== undefined && readNamedToken(authToken) !== undefined) {
    throw new StartupError('auth-token: a token with a name and a digest belongs in auth-token-file');
  }
  const tokens: ConfiguredToken[] = authToken === undefined ? [] : [authToken];
  if (content !== undefined) {
    yield* readTokenFile(content.toString('utf8'), authTokenFile!, { authToken, warn }, tokens);
  }
  return tokens;
}

/**
 * Returns the token that opens `/metrics`; undefined without one. Throws a StartupError that names the file, never the
 * token.
 */
export function loadMetricsToken({ metricsToken, metricsTokenFile, authToken }: Settings): string | undefined {
  if (metricsTokenFile === undefined) return metricsToken;
  const token = readSecretFile('metrics-token-file', metricsTokenFile, bearerToken);
  if (token !== authToken) return token;
  throw new StartupError('metrics-token-file and auth-token are the same: everyone who reads metrics could connect');
}

/**
 * Returns the token that orders to the management address need; undefined without one. Throws a StartupError that names
 * the file, never the token.
 */
export function loadManagementToken(settings: Settings): string | undefined {
  const { managementToken, managementTokenFile, authToken } = settings;
  if (managementTokenFile === undefined) return managementToken;
  const token = readSecretFile('management-token-file', managementTokenFile, bearerToken);
  if (token === authToken) {
    throw new StartupError('management-token-file and auth-token are the same: every peer could give orders');
  }
  if (token === settings.metricsToken) {
    throw new StartupError(
      'management-token-file and metrics-token are the same: everyone who reads metrics could give orders',
    );
  }
  return token;
}

/** Adds the tokens in the text of a token file to `tokens`. */
function* readTokenFile(
  text: string,
  path: string,
  { authToken, warn }: { readonly authToken: string | undefined; readonly warn: Warn },
  tokens: ConfiguredToken[],
): Work<void> {
  let mistakes = 0;
  const before = tokens.length;
  const names = new Names(authToken);
  let start = 0;
  for (let number = 1; start <= text.length; number++) {
    if (number % LINES === 0) yield;
    const end = text.indexOf('\n', start);
    const written = text.slice(start, end < 0 ? undefined : end).trim();
    start = end < 0 ? text.length + 1 : end + 1;
    if (written === '' || written.startsWith('#')) continue;
    const fault = (why: string): StartupError =>
      new StartupError(`${SETTING} ${shownPath(path)}, line ${number}: ${why}`);
    if (!bearerToken.safeParse(written).success) throw fault('a token consists of visible ASCII characters only');
    const token = readNamedToken(written) ?? written;
    if (token === 'malformed') {
      throw fault(`expected NAME:sha256:DIGEST, with a name of ${NAME_RULE} and ${DIGEST_RULE}`);
    }
    if (!names.agree(token)) throw fault('this token is already listed under another name, or without one');
    tokens.push(token);
    const mistake = typeof token === 'string' ? mistakeInToken(token) : undefined;
    if (mistake !== undefined && (mistakes += 1) <= MOST_WARNINGS) warn(fault(mistake).message);
  }
  if (mistakes > MOST_WARNINGS) {
    warn(`${SETTING} ${shownPath(path)}: ${mistakes - MOST_WARNINGS} more lines look like mistakes`);
  }
  // A file without a token must not open the server to everyone.
  if (tokens.length === before) throw new StartupError(`${SETTING} ${shownPath(path)}: there is no token in it`);
}

/** Owns the name of each token, by its digest. Invariant: one token is one principal. */
class Names {
  readonly #names = new Map<string, string | undefined>();

  constructor(authToken: string | undefined) {
    if (authToken !== undefined) this.agree(authToken);
  }

  /** Remembers the name of a token. Returns false if the token already has another name. */
  agree(token: ConfiguredToken): boolean {
    const { name, digest } = typeof token === 'string' ? { name: undefined, digest: digestOf(token) } : token;
    const key = digest.toString('latin1');
    if (this.#names.has(key)) return this.#names.get(key) === name;
    this.#names.set(key, name);
    return true;
  }
}
