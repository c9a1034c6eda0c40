import { Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { BearerTokens } from '../auth/bearer-tokens.js';
import { Settings } from '../config/settings.js';
import { Log, Logs } from '../logging/log.js';
import { ConnectionRegistry } from '../presence/connection-registry.js';
import { ClientAuthorities } from '../auth/certificates/client-authorities.js';
import { partsOf } from '../connection/connection.js';
import type { CloseReason } from '../protocol/close-codes.js';
import { certificateRevoked, tokenRevoked } from '../protocol/close-codes.js';

/**
 * Closes connections whose tokens were revoked, if `revoke-closes` says so, or whose certificates are not accepted any
 * more, if `tls-client-expiry-closes` does. Owns nothing. Knows nothing of tokens, certificates or where they come from.
 */
@Injectable()
export class Revocation implements OnModuleInit {
  readonly #log: Log<'auth'>;

  constructor(
    private readonly tokens: BearerTokens,
    private readonly authorities: ClientAuthorities,
    private readonly connections: ConnectionRegistry,
    private readonly settings: Settings,
    logs: Logs,
  ) {
    this.#log = logs.for('auth');
  }

  onModuleInit(): void {
    const { revokeCloses, tlsClientExpiryCloses } = this.settings;
    if (revokeCloses) this.tokens.onRevoked(() => this.#enforce(false, tokenRevoked, 'token was revoked'));
    if (tlsClientExpiryCloses) {
      const what = 'client certificate is not accepted any more';
      this.authorities.onChanged(() => this.#enforce(true, certificateRevoked, what));
    }
  }

  #enforce(ofCertificates: boolean, reason: CloseReason, what: string): void {
    const revoked = [...this.connections].filter(({ credential }) =>
      partsOf(credential).some((part) => (part.proof.kind === 'certificate') === ofCertificates && part.revoked),
    );
    for (const connection of revoked) connection.close(reason);
    if (revoked.length > 0) this.#log.write('credentials_revoked', { connections: revoked.length }, { what });
  }
}
