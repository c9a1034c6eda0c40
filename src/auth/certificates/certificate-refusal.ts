import { Refusal } from '../../connection/refusal.js';
import type { RefusalReason } from '../../protocol/refusal-reasons.js';

/** What a peer is told about its certificate. */
const SENTENCES = {
  certificate_expired: 'This client certificate has expired.',
  certificate_not_yet_valid: 'This client certificate is not valid yet.',
  certificate_authority: 'No authority in tls-client-ca issued this client certificate.',
  certificate_incomplete:
    'No authority in tls-client-ca issued this client certificate directly, and it came without an intermediate ' +
    'certificate. Send the whole chain.',
  certificate_purpose: 'This client certificate is not for clients: its extended key usage lacks clientAuth.',
  certificate_revoked: 'This client certificate was revoked.',
  certificate_name: 'This client certificate has no name that this server takes; the setting is tls-client-principal.',
  certificate_wrong: 'This client certificate cannot be verified.',
} as const satisfies { readonly [Any in RefusalReason]?: string };

type Reason = keyof typeof SENTENCES;

/** Where another sentence says more of the cause. */
const BY_CODE: Readonly<Record<string, string>> = {
  UNABLE_TO_GET_ISSUER_CERT:
    'No authority in tls-client-ca issued this client certificate: one of it is there, but not its root.',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'No authority in tls-client-ca issued this client certificate: it is self-signed.',
  AUTHORITY_HAS_EXPIRED: 'An authority of this client certificate has expired.',
  INVALID_CA: 'An authority of this client certificate may not issue certificates.',
  PATH_LENGTH_EXCEEDED: 'An authority of this client certificate may not have other authorities below it.',
};

/** Reasons by OpenSSL's code (X509_verify_cert_error_string), as Node names it. All others are `certificate_wrong`. */
const REASONS: Readonly<Record<string, Reason>> = {
  CERT_HAS_EXPIRED: 'certificate_expired',
  AUTHORITY_HAS_EXPIRED: 'certificate_expired',
  CERT_NOT_YET_VALID: 'certificate_not_yet_valid',
  UNABLE_TO_GET_ISSUER_CERT: 'certificate_authority',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'certificate_authority',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'certificate_authority',
  SELF_SIGNED_CERT_IN_CHAIN: 'certificate_authority',
  CERT_UNTRUSTED: 'certificate_authority',
  CERT_REJECTED: 'certificate_authority',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'certificate_incomplete',
  INVALID_PURPOSE: 'certificate_purpose',
  CERT_REVOKED: 'certificate_revoked',
};

/** Returns the refusal (403) of a client certificate by the code for its fault. */
export function refusalOfCode(code: string): Refusal {
  const reason = REASONS[code] ?? 'certificate_wrong';
  return new Refusal(403, reason, BY_CODE[code] ?? SENTENCES[reason], { why: code });
}

/** Returns the refusal of a certificate that names nobody. `fault` says what is wrong with a name, as a half-sentence. */
export function refusalOfName(fault?: string): Refusal {
  const sentence =
    fault === undefined ? SENTENCES.certificate_name : `This client certificate is no X.509-SVID: ${fault}.`;
  return new Refusal(403, 'certificate_name', sentence, { why: fault });
}

/** Seconds after which a new revocation list may be there. */
const RETRY_AFTER = 60;

/** Returns the refusal for a certificate that cannot be judged without its authority's next revocation list. */
export function revocationUnknown(): Refusal {
  return new Refusal(
    503,
    'revocation_unknown',
    'The revocation list for this client certificate has expired, so the server cannot judge it; try again later.',
    { retryAfter: RETRY_AFTER, why: 'CRL_HAS_EXPIRED' },
  );
}
