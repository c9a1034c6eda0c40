import { TLSSocket } from 'node:tls';
import { Injectable } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { Settings } from '../config/settings.js';
import { ClientAuthorities } from './certificates/client-authorities.js';
import { upgradeOf } from './upgrade-request.js';

/**
 * Asks for a client certificate that an authority in `tls-client-ca` issued. Lets everyone in where that is not set.
 * Reads what the TLS handshake left behind.
 */
@Injectable()
export class ClientCertificateGuard implements CanActivate {
  constructor(
    private readonly settings: Settings,
    private readonly authorities: ClientAuthorities,
  ) {}

  /**
   * Throws a refusal: 403, or 503 if nobody can tell whether the certificate was revoked. Sets the credential and the
   * principal, which a token may replace.
   */
  canActivate(context: ExecutionContext): boolean {
    if (this.settings.tlsClientCa === undefined) return true;
    const upgrade = upgradeOf(context);
    const { socket } = upgrade;
    const credential = this.authorities.judge(socket instanceof TLSSocket ? socket : undefined);
    upgrade.credential = credential;
    upgrade.principal = credential.principal!;
    return true;
  }
}
