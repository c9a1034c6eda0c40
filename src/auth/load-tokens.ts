import { StartupError } from '../config/faults.js';
import { readSettingFile } from '../config/setting-file.js';
import type { Settings } from '../config/settings.js';
import { bearerToken } from '../config/values.js';

/** The tokens of `auth-token` and `auth-token-file` together. Throws a StartupError that names the file, never a token. */
export function loadTokens(settings: Settings): string[] {
  const { authToken, authTokenFile } = settings;
  const tokens = authToken === undefined ? [] : [authToken];
  if (authTokenFile !== undefined) tokens.push(...readTokenFile(authTokenFile));
  return tokens;
}

function readTokenFile(path: string): string[] {
  const text = readSettingFile('auth-token-file', path).toString('utf8');
  const tokens: string[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const token = line.trim();
    if (token === '' || token.startsWith('#')) continue;
    if (!bearerToken.safeParse(token).success) {
      throw new StartupError(`auth-token-file ${JSON.stringify(path)}, line ${index + 1}: a token is visible ASCII characters only`);
    }
    tokens.push(token);
  }
  // A file without a token must not open the server to everyone.
  if (tokens.length === 0) throw new StartupError(`auth-token-file ${JSON.stringify(path)}: there is no token in it`);
  return tokens;
}
