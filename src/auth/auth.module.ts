import { Module } from '@nestjs/common';
import { Settings } from '../config/settings.js';
import { BearerGuard } from './bearer.guard.js';
import { BearerTokens } from './bearer-tokens.js';
import { loadTokens } from './load-tokens.js';
import { OriginGuard } from './origin.guard.js';
import { UpgradeGuards } from './upgrade-guards.js';
import { WrongTokens } from './wrong-tokens.js';

/** Who may connect. */
@Module({
  providers: [BearerGuard, OriginGuard, WrongTokens, UpgradeGuards, { provide: BearerTokens, inject: [Settings], useFactory: (settings: Settings) => new BearerTokens(loadTokens(settings)) }],
  exports: [BearerGuard, OriginGuard, WrongTokens, BearerTokens, UpgradeGuards],
})
export class AuthModule {}
