import { StartupError } from '../config/faults.js';
import { readSettingFile } from '../config/setting-file.js';
import type { Settings } from '../config/settings.js';
import { shownPath } from '../config/shown-path.js';
import { bearerToken } from '../config/values.js';
import type { ConfiguredToken } from './bearer-tokens.js';
import { digestOf, NAME_RULE, readNamedToken } from './named-token.js';

const DIGEST_RULE = 'a digest of 64 hex digits that is not the digest of an empty token';

/** Reads the tokens of `auth-token` and `auth-token-file`. Throws a StartupError that names the file, never a token. */
export function loadTokens(settings: Settings): ConfiguredToken[] {
  const { authToken, authTokenFile } = settings;
  // The whole line would be a token: anyone who can read it could connect with it.
  if (authToken !== undefined && readNamedToken(authToken) !== undefined) {
    throw new StartupError('auth-token: a token with a name and a digest belongs in auth-token-file');
  }
  const tokens: ConfiguredToken[] = authToken === undefined ? [] : [authToken];
  if (authTokenFile !== undefined) tokens.push(...readTokenFile(authTokenFile, authToken));
  return tokens;
}

function readTokenFile(path: string, authToken: string | undefined): ConfiguredToken[] {
  const text = readSettingFile('auth-token-file', path).toString('utf8');
  const tokens: ConfiguredToken[] = [];
  const names = new Names(authToken);
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const written = line.trim();
    if (written === '' || written.startsWith('#')) continue;
    const fault = (why: string): StartupError =>
      new StartupError(`auth-token-file ${shownPath(path)}, line ${index + 1}: ${why}`);
    if (!bearerToken.safeParse(written).success) throw fault('a token consists of visible ASCII characters only');
    const token = readNamedToken(written) ?? written;
    if (token === 'malformed') {
      throw fault(`expected NAME:sha256:DIGEST, with a name of ${NAME_RULE} and ${DIGEST_RULE}`);
    }
    if (!names.agree(token)) throw fault('this token is already listed under another name, or without one');
    tokens.push(token);
  }
  // A file without a token must not open the server to everyone.
  if (tokens.length === 0) throw new StartupError(`auth-token-file ${shownPath(path)}: there is no token in it`);
  return tokens;
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
    const key = digest.toString('hex');
    if (this.#names.has(key)) return this.#names.get(key) === name;
    this.#names.set(key, name);
    return true;
  }
}
