import { Module } from '@nestjs/common';
import type { CanActivate, DynamicModule, ModuleMetadata, Type } from '@nestjs/common';
import { Clock } from '../clock/clock.js';
import { Settings } from '../config/settings.js';
import { readAtStart } from '../config/settled-files.js';
import { Logs } from '../logging/log.js';
import { BearerGuard } from './bearer.guard.js';
import { BearerTokens } from './bearer-tokens.js';
import { ClientCertificateGuard } from './client-certificate.guard.js';
import { AddedGuards, CustomGuards } from './custom-guards.js';
import { loadTokens } from './load-tokens.js';
import { OriginGuard } from './origin.guard.js';
import { NoVerifier, TokenVerifier } from './token-verifier.js';
import { UpgradeGuards } from './upgrade-guards.js';
import { WrongTokens } from './wrong-tokens.js';

/** The path of a file, if a setting names one. */
const present = (path: string | undefined): readonly string[] => (path === undefined ? [] : [path]);

/** Who may connect. */
@Module({
  providers: [
    BearerGuard,
    ClientCertificateGuard,
    CustomGuards,
    OriginGuard,
    WrongTokens,
    UpgradeGuards,
    {
      provide: BearerTokens,
      inject: [Settings, Clock],
      useFactory: async (settings: Settings, clock: Clock): Promise<BearerTokens> =>
        new BearerTokens(await readAtStart(present(settings.authTokenFile), clock, () => loadTokens(settings))),
    },
    {
      provide: TokenVerifier,
      inject: [Settings, Clock, Logs],
      useFactory: async (settings: Settings, clock: Clock, logs: Logs): Promise<TokenVerifier> => {
        if (settings.jwtIssuer === undefined) return new NoVerifier();
        // Loaded only where there are JWTs: 8 MB.
        const { JwtVerifier } = await import('./jwt/jwt-verifier.js');
        return readAtStart(
          present(settings.jwtPublicKey),
          clock,
          () => new JwtVerifier(settings, clock, logs.for('auth')),
        );
      },
    },
  ],
  exports: [
    BearerGuard,
    ClientCertificateGuard,
    CustomGuards,
    OriginGuard,
    WrongTokens,
    BearerTokens,
    TokenVerifier,
    UpgradeGuards,
  ],
})
export class AuthModule {
  /** With guards of others' making, which may inject what `imports` provide. */
  static with(guards: readonly Type<CanActivate>[], imports: NonNullable<ModuleMetadata['imports']>): DynamicModule {
    const added = {
      provide: AddedGuards,
      inject: [...guards],
      useFactory: (...made: CanActivate[]) => new AddedGuards(made),
    };
    return { module: AuthModule, imports, providers: [...guards, added], exports: [AddedGuards] };
  }
}
