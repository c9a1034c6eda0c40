import { Injectable } from '@nestjs/common';
import { ApplicationConfig, ModuleRef } from '@nestjs/core';
import { Settings } from '../config/settings.js';
import { BearerTokens } from './bearer-tokens.js';
import { CustomGuardList } from './custom-guards.js';
import { isOpen } from './is-open.js';

/** Tells whether anything decides who may connect. Owns nothing. Knows nothing of requests. */
@Injectable()
export class Access {
  constructor(
    private readonly settings: Settings,
    private readonly tokens: BearerTokens,
    private readonly application: ApplicationConfig,
    private readonly module: ModuleRef,
  ) {}

  /** Whether anyone who reaches the server may connect. */
  get open(): boolean {
    // Not injected: UpgradeGuards refuses a guard of request scope, but until then it would pass its scope on to
    // everything that injects this class.
    const custom = this.module.get(CustomGuardList, { strict: false });
    const guards = custom.inOrder.length + this.application.getGlobalGuards().length > 0;
    return isOpen(this.settings, { tokens: this.tokens.required, guards });
  }
}
