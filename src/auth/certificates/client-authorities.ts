import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { Injectable } from '@nestjs/common';
import { Clock } from '../../clock/clock.js';
import { Settings } from '../../config/settings.js';
import { Refusal } from '../../connection/refusal.js';
import type { Credential } from '../bearer-tokens.js';
import { CertificateCredential } from './certificate-credential.js';
import { fieldsOf } from './certificate-fields.js';
import { identityIn } from './certificate-identity.js';
import { refusalOfCode, revocationUnknown } from './certificate-refusal.js';
import type { ClientTrust, Path } from './client-trust.js';
import { NotDer } from './der.js';

/** Paths that are shared between peers. Whoever may issue authorities can make any number of them. */
const MOST_PATHS = 1024;

const MISSING = 'This server asks for a client certificate; the setting is tls-client-ca.';

/**
 * Judges client certificates, at the upgrade and when files change. Owns the trust in use. Knows nothing of requests or
 * of where the trust comes from.
 * Invariant: a certificate is accepted only if OpenSSL accepted it in the handshake and the trust in use still leads to
 * it. A handshake may be older than the trust: a connection can be kept for a later request.
 */
@Injectable()
export class ClientAuthorities {
  #trust: ClientTrust | undefined;
  #onChanged: (() => void) | undefined;
  /** Paths of peers, by their fingerprints: peers of one authority share one. */
  readonly #paths = new Map<string, Path>();

  constructor(
    private readonly settings: Settings,
    private readonly clock: Clock,
  ) {}

  /** Trusts these authorities from now on. Credentials that they do not accept any more are revoked. */
  use(trust: ClientTrust): void {
    this.#trust = trust;
    const now = this.clock.now();
    for (const [key, path] of this.#paths) {
      if (path.some(({ expiresAt }) => expiresAt <= now)) this.#paths.delete(key);
    }
    this.#onChanged?.();
  }

  /** Calls `listener` whenever other authorities are trusted. */
  onChanged(listener: () => void): void {
    this.#onChanged = listener;
  }

  /** Returns the credential for the certificate that a peer showed in the TLS handshake. Throws a refusal. */
  judge(socket: TLSSocket | undefined): Credential {
    const certificate = socket?.getPeerX509Certificate();
    if (socket === undefined || certificate === undefined) throw new Refusal(403, 'certificate_missing', MISSING);
    const code = socket.authorized ? undefined : String(socket.authorizationError);
    const sent = sentWith(certificate);
    const trust = this.#trust;
    const path = trust?.pathOf(certificate, sent);
    // First, since OpenSSL tells only the last fault that it found.
    if (trust === undefined || path === undefined) {
      const mayBeBelow = sent.length === 0 && trust?.names(certificate.issuer) !== true;
      throw refusalOfCode(codeWithoutPath(code, certificate, mayBeBelow));
    }
    const now = this.clock.now();
    const expiry = Date.parse(certificate.validTo);
    const expiresAt = Math.min(expiry, ...path.map((authority) => authority.expiresAt));
    if (code === 'CERT_HAS_EXPIRED' || (code === undefined && expiresAt <= now)) {
      throw refusalOfCode(expiry <= now ? 'CERT_HAS_EXPIRED' : 'AUTHORITY_HAS_EXPIRED');
    }
    if (code !== undefined) throw refusalOfCode(code);
    try {
      const fields = fieldsOf(certificate);
      if (trust.isRevoked(fields.serial, path)) throw refusalOfCode('CERT_REVOKED');
      if (trust.lacksList(path, now)) throw revocationUnknown();
      const identity = identityIn(certificate, fields, path, this.settings.tlsClientPrincipal);
      return new CertificateCredential(identity, fields.serial, this.#shared(path), expiresAt, this);
    } catch (error) {
      throw error instanceof NotDer ? refusalOfCode('MALFORMED_EXTENSIONS') : error;
    }
  }

  /** Whether the certificate with this serial number below this path would still be accepted, but for its dates. */
  accept(serial: string, path: Path): boolean {
    const trust = this.#trust;
    return trust !== undefined && trust.holds(path) && !trust.isRevoked(serial, path);
  }

  #shared(path: Path): Path {
    const key = path.map(({ fingerprint }) => fingerprint).join();
    const known = this.#paths.get(key);
    if (known !== undefined) return known;
    if (this.#paths.size >= MOST_PATHS) this.#paths.clear();
    this.#paths.set(key, path);
    return path;
  }
}

/** The certificates that came with one in the handshake. */
function sentWith(certificate: X509Certificate): X509Certificate[] {
  const sent: X509Certificate[] = [];
  for (let one = certificate.issuerCertificate; one !== undefined; one = one.issuerCertificate) sent.push(one);
  return sent;
}

/** Codes of OpenSSL for a certificate without a path to a root, the cause of which they name. */
const OF_PATHS = new Set(['UNABLE_TO_GET_ISSUER_CERT', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN']);

/**
 * Returns OpenSSL's code, or the one that it would have given had it found no other fault afterwards. `mayBeBelow` says
 * whether an intermediate certificate may be missing.
 */
function codeWithoutPath(code: string | undefined, { subject, issuer }: X509Certificate, mayBeBelow: boolean): string {
  if (code !== undefined && OF_PATHS.has(code)) return code;
  if (subject === issuer) return 'DEPTH_ZERO_SELF_SIGNED_CERT';
  return mayBeBelow ? 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' : 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY';
}
