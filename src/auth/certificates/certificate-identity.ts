import type { X509Certificate } from 'node:crypto';
import { isSpiffe } from '../../config/jwt-issuers.js';
import type { CertificateName } from '../../config/values.js';
import { isPrincipal } from '../principal.js';
import type { CertificateFields } from './certificate-fields.js';
import { refusalOfName } from './certificate-refusal.js';
import type { Path } from './client-trust.js';
import { trustDomainOfAuthority, trustDomainWithinBounds } from '../spiffe-id.js';

/** Who a certificate says its bearer is, and who vouches for that. */
export interface CertificateIdentity {
  readonly principal: string;
  readonly issuer: string;
}

/**
 * Returns the first name of `order` that a certificate has. Throws a refusal if it has none, or if it is meant as an
 * X.509-SVID and is not a valid one.
 */
export function identityIn(
  certificate: X509Certificate,
  fields: CertificateFields,
  path: Path,
  order: readonly CertificateName[],
): CertificateIdentity {
  for (const name of order) {
    const uris = fields.names.uri;
    if (name === 'uri' && uris.some(isSpiffe)) {
      return { principal: uris[0], issuer: `spiffe://${trustDomainOfSvid(certificate, fields, path)}` };
    }
    const principal = NAMES[name](certificate, fields);
    if (principal !== undefined) return { principal, issuer: oneLine(certificate.issuer) };
  }
  throw refusalOfName();
}

/** A name of ASCII without spaces, as RFC 5280 has it for URIs, addresses and hosts. */
const ASCII = /^[\x21-\x7e]+$/;

const NAMES: Record<CertificateName, (certificate: X509Certificate, fields: CertificateFields) => string | undefined> =
  {
    cn: (certificate) => usable(certificate.toLegacyObject().subject.CN),
    // Which of several would be the principal would be chance.
    uri: (_, { names: { uri } }) => (uri.length === 1 ? usable(uri[0], ASCII) : undefined),
    email: (_, { names: { email } }) => usable(email[0], ASCII),
    dns: (_, { names: { dns } }) => usable(dns[0], ASCII),
    fingerprint: ({ fingerprint256 }) => fingerprint256,
  };

/** Returns a name that can be a principal. One with a bar could pass for the principal of a JWT (A4). */
function usable(name: unknown, form = /^/): string | undefined {
  return isPrincipal(name) && !name.includes('|') && form.test(name) ? name : undefined;
}

/** Checks an X.509-SVID (X509-SVID, section 5.2). Returns its trust domain. Throws a refusal. */
function trustDomainOfSvid({ ca }: X509Certificate, fields: CertificateFields, path: Path): string {
  const [uri, ...others] = fields.names.uri;
  if (others.length > 0) throw refusalOfName('it must hold exactly one URI');
  if (ca || fields.signsCertificates) throw refusalOfName('it is a certificate of an authority');
  const domain = trustDomainWithinBounds(uri);
  if (domain === undefined) throw refusalOfName('its URI must be spiffe://TRUST-DOMAIN/PATH, in the letters of SPIFFE');
  const [issuer] = path.map((authority) => trustDomainOfAuthority(authority.fields.names.uri));
  if ((issuer ?? domain) !== domain) {
    throw refusalOfName('its authority belongs to another trust domain');
  }
  return domain;
}

/** Writes a name of X.509 as RFC 4514 does: `CN=company,O=Acme`. Node writes its parts in lines, already escaped. */
function oneLine(name: string): string {
  return name.split('\n').toReversed().join(',');
}
