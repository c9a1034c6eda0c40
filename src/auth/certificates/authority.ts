import type { KeyObject, X509Certificate } from 'node:crypto';
import { createHash } from 'node:crypto';
import { fieldsOf } from './certificate-fields.js';
import type { CertificateFields } from './certificate-fields.js';

/** A certificate that may have issued others. Reads and remembers what is asked of it again and again. */
export class Authority {
  readonly fingerprint: string;
  readonly subject: string;
  /** When it expires, in milliseconds since the epoch. */
  readonly expiresAt: number;
  readonly key: KeyObject;
  /** Whether its issuer has its own name: no other authority is above it. */
  readonly isRoot: boolean;
  #keyId: string | undefined;
  #fields: CertificateFields | undefined;

  constructor(readonly certificate: X509Certificate) {
    this.fingerprint = certificate.fingerprint256;
    this.subject = nameKey(certificate.subject);
    this.expiresAt = Date.parse(certificate.validTo);
    this.key = certificate.publicKey;
    this.isRoot = this.subject === nameKey(certificate.issuer);
  }

  /** Identifies the key. Revocation lists belong to keys, so that a renewed authority keeps them. */
  get keyId(): string {
    return (this.#keyId ??= createHash('sha256')
      .update(this.key.export({ type: 'spki', format: 'der' }))
      .digest('latin1' as 'hex'));
  }

  /** Throws NotDer if its extensions are malformed. */
  get fields(): CertificateFields {
    return (this.#fields ??= fieldsOf(this.certificate));
  }

  /** Whether it issued a certificate, by name and by signature. Does not look at dates. */
  issued(certificate: X509Certificate): boolean {
    return certificate.checkIssued(this.certificate) && certificate.verify(this.key);
  }
}

/** Names of certificates are compared without regard to case (RFC 5280, section 7.1). */
export function nameKey(name: string): string {
  return name.toLowerCase();
}
