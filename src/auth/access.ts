import { Injectable } from '@nestjs/common';
import { ApplicationConfig } from '@nestjs/core';
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
    private readonly custom: CustomGuardList,
  ) {}

  /** Whether anyone who reaches the server may connect. */
  get open(): boolean {
    const guards = this.custom.size + this.application.getGlobalGuards().length > 0;
    return isOpen(this.settings, { tokens: this.tokens.required, guards });
  }
}
