import { Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { BearerTokens } from '../auth/bearer-tokens.js';
import { Settings } from '../config/settings.js';
import { Log, Logs } from '../logging/log.js';
import { ConnectionRegistry } from '../presence/connection-registry.js';
import { tokenRevoked } from '../protocol/close-codes.js';

/**
 * Closes connections whose tokens were revoked, if `revoke-closes` says so. Owns nothing. Knows nothing of tokens or
 * where they come from.
 */
@Injectable()
export class Revocation implements OnModuleInit {
  readonly #log: Log;

  constructor(
    private readonly tokens: BearerTokens,
    private readonly connections: ConnectionRegistry,
    private readonly settings: Settings,
    logs: Logs,
  ) {
    this.#log = logs.for('auth');
  }

  onModuleInit(): void {
    this.tokens.onRevoked(() => this.#enforce());
  }

  #enforce(): void {
    if (!this.settings.revokeCloses) return;
    const revoked = [...this.connections].filter(({ credential }) => credential?.revoked === true);
    for (const connection of revoked) connection.close(tokenRevoked);
    if (revoked.length > 0) {
      this.#log.info('closed connections whose token was revoked', { connections: revoked.length });
    }
  }
}
