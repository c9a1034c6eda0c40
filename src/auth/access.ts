import { Injectable } from '@nestjs/common';
import { ApplicationConfig, ModuleRef } from '@nestjs/core';
import { Settings } from '../config/settings.js';
import { BearerTokens } from './bearer-tokens.js';
import { CustomGuardList } from './custom-guards.js';
import { isOpen } from './is-open.js';

/** Whether anything decides who may connect. Owns nothing. */
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
    // Not injected: a guard of request scope, which UpgradeGuards refuses, would give its scope to whatever asks this.
    const custom = this.module.get(CustomGuardList, { strict: false });
    const guards = custom.inOrder.length + this.application.getGlobalGuards().length > 0;
    return isOpen(this.settings, { tokens: this.tokens.required, guards });
  }
}
