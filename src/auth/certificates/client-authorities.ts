import { X509Certificate } from 'node:crypto';
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import { Injectable } from '@nestjs/common';
import { Clock } from '../../clock/clock.js';
import { Settings } from '../../config/settings.js';
import { Refusal } from '../../connection/refusal.js';
import { Log, Logs } from '../../logging/log.js';
import type { Credential } from '../bearer-tokens.js';
import { CertificateCredential } from './certificate-credential.js';
import { fieldsOf } from './certificate-fields.js';
import { identityIn } from './certificate-identity.js';
import { refusalOfCode, revocationUnknown } from './certificate-refusal.js';
import type { ClientTrust, Path } from './client-trust.js';
import { NotDer } from './der.js';

const UNSEEN_PATH: Path = [];

/** Certificates above a peer's own of which a path may consist. */
const MOST_SENT = 16;

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
  /** The trust by which each handshake was done. */
  readonly #handshakes = new WeakMap<TLSSocket, ClientTrust>();
  readonly #log: Log<'auth'>;
  #warned = false;

  constructor(
    private readonly settings: Settings,
    private readonly clock: Clock,
    logs: Logs,
  ) {
    this.#log = logs.for('auth');
  }

  /** Trusts these authorities from now on. Credentials that they do not accept any more are revoked. */
  use(trust: ClientTrust): void {
    this.#trust = trust;
    const now = this.clock.now();
    for (const [key, path] of this.#paths) {
      if (path.some(({ expiresAt }) => expiresAt <= now)) this.#paths.delete(key);
    }
    this.#onChanged?.();
  }

  /** Notes that a handshake was done, by the trust in use. */
  shaken(socket: TLSSocket): void {
    if (this.#trust !== undefined) this.#handshakes.set(socket, this.#trust);
  }

  /** Calls `listener` whenever other authorities are trusted. */
  onChanged(listener: () => void): void {
    this.#onChanged = listener;
  }

  /** Returns the credential for the certificate that a peer showed in the TLS handshake. Throws a refusal. */
  judge(socket: TLSSocket | undefined): Credential {
    const [certificate, ...sent] = socket === undefined ? [] : shownOn(socket);
    if (socket === undefined || certificate === undefined) throw new Refusal(403, 'certificate_missing', MISSING);
    const code = socket.authorized ? undefined : String(socket.authorizationError);
    const trust = this.#trust;
    const path = trust?.pathOf(certificate, sent) ?? this.#unseen(socket, code, sent);
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
      return new CertificateCredential(identity, fields.serial, this.#shared(path), expiresAt, this, trust);
    } catch (error) {
      throw error instanceof NotDer ? refusalOfCode('MALFORMED_EXTENSIONS') : error;
    }
  }

  /**
   * Whether the certificate with this serial number below this path, accepted by this trust, would still be accepted,
   * but for its dates.
   */
  accept(serial: string, path: Path, by: ClientTrust): boolean {
    const trust = this.#trust;
    if (trust === undefined) return false;
    if (path.length === 0) return trust.covers(by) && trust.lists.length === 0;
    return trust.holds(path) && !trust.isRevoked(serial, path);
  }

  /**
   * Returns the empty path for a certificate that OpenSSL accepted by what Node does not show
   * (https://github.com/nodejs/node/issues/65579). That must do if all roots of the handshake are trusted still, and no
   * list could revoke an authority that nobody sees.
   */
  #unseen(socket: TLSSocket, code: string | undefined, sent: readonly X509Certificate[]): Path | undefined {
    const by = this.#handshakes.get(socket);
    const trust = this.#trust;
    if (code !== undefined || sent.length > 0 || by === undefined || trust?.covers(by) !== true) return undefined;
    if (!this.#warned) this.#log.write('intermediates_unseen');
    this.#warned = true;
    return trust.lists.length === 0 ? UNSEEN_PATH : undefined;
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

/**
 * The certificate that a peer showed in the handshake, and those that came with it, as far as each issued the one
 * before. Not by `getPeerX509Certificate`: it takes them out of the connection, so that the next one to ask misses them.
 */
function shownOn(socket: TLSSocket): X509Certificate[] {
  const shown = new Set<DetailedPeerCertificate>();
  let one: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  // A root is its own issuer.
  while (one?.raw !== undefined && !shown.has(one) && shown.size <= MOST_SENT) {
    shown.add(one);
    one = one.issuerCertificate;
  }
  return [...shown].map(({ raw }) => new X509Certificate(raw));
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
