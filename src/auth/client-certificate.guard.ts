import { TLSSocket } from 'node:tls';
import { Injectable } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { Settings } from '../config/settings.js';
import { isPrincipal } from './principal.js';
import { Refusal } from '../connection/refusal.js';
import { upgradeOf } from './upgrade-request.js';

/** Lets a peer connect that showed a certificate of `tls-client-ca` in its TLS handshake, or anyone where that is not set. */
@Injectable()
export class ClientCertificateGuard implements CanActivate {
  constructor(private readonly settings: Settings) {}

  /** Throws a refusal (403). Whom it lets in is the common name of the certificate, or its SHA-256 fingerprint where it has none that can be a principal. */
  canActivate(context: ExecutionContext): boolean {
    if (this.settings.tlsClientCa === undefined) return true;
    const upgrade = upgradeOf(context);
    const { socket } = upgrade;
    const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
    if (certificate === undefined) {
      throw new Refusal(
        403,
        'certificate_missing',
        'This server asks for a client certificate; the setting is tls-client-ca.',
      );
    }
    if (!(socket as TLSSocket).authorized) {
      throw new Refusal(
        403,
        'certificate_wrong',
        'This client certificate has expired, or is of no authority in tls-client-ca.',
      );
    }
    const { CN: name } = certificate.toLegacyObject().subject;
    // With a bar in it, it could be the principal of a JWT (A4).
    upgrade.principal = isPrincipal(name) && !name.includes('|') ? name : certificate.fingerprint256;
    return true;
  }
}
