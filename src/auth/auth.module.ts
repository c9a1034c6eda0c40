import { Module } from '@nestjs/common';
import { Clock } from '../clock/clock.js';
import { inTurns } from '../clock/in-turns.js';
import { issuersOf } from '../config/jwt-issuers.js';
import { settingFile } from '../config/setting-file.js';
import { Settings } from '../config/settings.js';
import { Reload } from '../lifecycle/reload.js';
import type { FilesInUse, ReloadedFields } from '../lifecycle/reload.js';
import { Logs } from '../logging/log.js';
import { MetricsModule } from '../metrics/metrics.module.js';
import { Access } from './access.js';
import { BearerGuard } from './bearer.guard.js';
import { BearerTokens } from './bearer-tokens.js';
import type { Replacement } from './bearer-tokens.js';
import { ClientAuthorities } from './certificates/client-authorities.js';
import { ClientCertificateGuard } from './client-certificate.guard.js';
import { CustomGuards } from './custom-guards.js';
import { loadTokensInTurns } from './load-tokens.js';
import { OriginGuard } from './origin.guard.js';
import { NoVerifier, TokenVerifier } from './token-verifier.js';
import { UnnamedProxies } from './unnamed-proxies.js';
import { UpgradeGuards } from './upgrade-guards.js';
import { WrongTokens } from './wrong-tokens.js';

const GUARDS = [OriginGuard, ClientCertificateGuard, BearerGuard, CustomGuards];

/** Decides who may connect. CairnSignalModule provides the custom guards. */
@Module({
  imports: [MetricsModule],
  providers: [
    ...GUARDS,
    Access,
    ClientAuthorities,
    UnnamedProxies,
    UpgradeGuards,
    WrongTokens,
    { provide: BearerTokens, inject: [Settings, Reload, Logs], useFactory: listedTokens },
    { provide: TokenVerifier, inject: [Settings, Clock, Reload, Logs], useFactory: tokenVerifier },
  ],
  exports: [
    ...GUARDS,
    Access,
    BearerTokens,
    ClientAuthorities,
    TokenVerifier,
    UnnamedProxies,
    UpgradeGuards,
    WrongTokens,
  ],
})
export class AuthModule {}

/** Tokens that were read, and warnings of what is almost surely a mistake in them. */
interface Read {
  readonly replacement: Replacement;
  readonly warnings: readonly string[];
}

/** Reads the tokens of `auth-token` and `auth-token-file`, and reads them again when the file changes. */
async function listedTokens(settings: Settings, reload: Reload, logs: Logs): Promise<BearerTokens> {
  const log = logs.for('auth');
  const tokens = new BearerTokens([]);
  const read = async (): Promise<Read> => {
    const warnings: string[] = [];
    const found = await loadTokensInTurns(settings, (warning) => void warnings.push(warning));
    return { replacement: await inTurns(tokens.prepare(found)), warnings };
  };
  const use = ({ replacement, warnings }: Read): ReloadedFields => {
    for (const warning of warnings) log.write('tokens_warning', {}, { warning });
    return { ...tokens.use(replacement) };
  };
  const used: FilesInUse<Read> = {
    files: settingFile('auth-token-file', settings.authTokenFile),
    read,
    use,
    what: 'auth-token-file',
    otherwise: 'keeping the current tokens',
  };
  use(await reload.readAndWatch([used], read));
  return tokens;
}

/** Makes the verifier of JWTs if `jwt-issuer` is set. Files with keys are read again when they change. */
async function tokenVerifier(settings: Settings, clock: Clock, reload: Reload, logs: Logs): Promise<TokenVerifier> {
  if (settings.jwtIssuer === undefined) return new NoVerifier();
  // Loaded only if needed: it takes 8 MB.
  const { JwtVerifier } = await import('./jwt/jwt-verifier.js');
  const named = issuersOf(settings).flatMap(({ keysAt }) => ('file' in keysAt ? [keysAt.file] : []));
  const files = [...new Set(named)].flatMap((path) => settingFile('jwt-public-key', path));
  const used = files.map((file): FilesInUse<number> => ({
    files: [file],
    read: () => verifier.readKeysAgain(file.path),
    use: (keys) => ({ keys }),
    what: 'jwt-public-key',
    otherwise: 'keeping the current keys',
  }));
  const verifier = await reload.readAndWatch(used, () => new JwtVerifier(settings, clock, logs.for('auth')));
  return verifier;
}
