import type { Proof } from '../../connection/connection.js';
import type { Credential } from '../bearer-tokens.js';
import type { CertificateIdentity } from './certificate-identity.js';
import type { ClientTrust, Path } from './client-trust.js';

/** Who says whether a certificate is accepted still: the authorities in use. */
interface Judge {
  accept(serial: string, path: Path, by: ClientTrust): boolean;
}

/**
 * What a client certificate gives to the peer that showed it. Keeps no certificate of the peer, only its serial number.
 * Invariant: it is revoked as soon as the authorities in use say so.
 */
export class CertificateCredential implements Credential {
  readonly proof: Proof;
  readonly principal: string;

  constructor(
    { principal, issuer }: CertificateIdentity,
    private readonly serial: string,
    private readonly path: Path,
    readonly expiresAt: number,
    private readonly authorities: Judge,
    /** The trust that accepted it. */
    private readonly trust: ClientTrust,
  ) {
    this.principal = principal;
    this.proof = Object.freeze({ kind: 'certificate', issuer });
  }

  get revoked(): boolean {
    return !this.authorities.accept(this.serial, this.path, this.trust);
  }
}

/** A certificate and the token that was needed besides. The token says who the peer is and what it may do, if it can. */
export class TokenAndCertificate implements Credential {
  readonly parts: readonly [Credential, Credential];

  constructor(
    private readonly token: Credential,
    private readonly certificate: Credential,
  ) {
    this.parts = [token, certificate];
  }

  get proof(): Proof {
    return this.token.proof;
  }

  get principal(): string | undefined {
    return this.token.principal ?? this.certificate.principal;
  }

  get topics(): Credential['topics'] {
    return this.token.topics;
  }

  get revoked(): boolean {
    return this.token.revoked || this.certificate.revoked;
  }

  /** When the first of the two expires. */
  get expiresAt(): number | undefined {
    const first = Math.min(this.token.expiresAt ?? Infinity, this.certificate.expiresAt ?? Infinity);
    return Number.isFinite(first) ? first : undefined;
  }
}
