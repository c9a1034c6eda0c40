import { TLSSocket } from 'node:tls';
import { Injectable } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { Settings } from '../config/settings.js';
import { isPrincipal } from './principal.js';
import { Refusal } from '../connection/refusal.js';
import { upgradeOf } from './upgrade-request.js';

const MISSING = 'This server asks for a client certificate; the setting is tls-client-ca.';

const WRONG = 'This client certificate has expired, or no authority in tls-client-ca issued it.';

/**
 * Asks for a client certificate that an authority in `tls-client-ca` issued. Lets everyone in where that is not set.
 * Reads what the TLS handshake left behind.
 */
@Injectable()
export class ClientCertificateGuard implements CanActivate {
  constructor(private readonly settings: Settings) {}

  /**
   * Throws a refusal (403). Sets the principal to the common name of the certificate, or to its SHA-256 fingerprint
   * where the common name cannot be a principal.
   */
  canActivate(context: ExecutionContext): boolean {
    if (this.settings.tlsClientCa === undefined) return true;
    const upgrade = upgradeOf(context);
    const { socket } = upgrade;
    const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
    if (certificate === undefined) throw new Refusal(403, 'certificate_missing', MISSING);
    if (!(socket as TLSSocket).authorized) throw new Refusal(403, 'certificate_wrong', WRONG);
    const { CN: name } = certificate.toLegacyObject().subject;
    // A name with a bar could pass for the principal of a JWT (A4).
    upgrade.principal = isPrincipal(name) && !name.includes('|') ? name : certificate.fingerprint256;
    return true;
  }
}
