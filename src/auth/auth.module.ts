import { Module } from '@nestjs/common';
import { Settings } from '../config/settings.js';
import { BearerGuard } from './bearer.guard.js';
import { BearerTokens } from './bearer-tokens.js';
import { loadTokens } from './load-tokens.js';
import { UpgradeGuards } from './upgrade-guards.js';

/** Who may connect. */
@Module({
  providers: [BearerGuard, UpgradeGuards, { provide: BearerTokens, inject: [Settings], useFactory: loadTokens }],
  exports: [BearerGuard, BearerTokens, UpgradeGuards],
})
export class AuthModule {}
