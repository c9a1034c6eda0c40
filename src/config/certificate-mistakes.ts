import { X509Certificate } from 'node:crypto';
import { rootCertificates } from 'node:tls';

const DAY_MS = 86_400_000;
/** Certificates that are renewed automatically have more days left than this. */
const SOON_DAYS = 7;

/** Begins a structure in DER (ITU-T X.690): a sequence. Its length takes more than one byte, or an integer follows. */
const SEQUENCE = 0x30;
const LONG = 0x80;
const INTEGER = 0x02;
/** The object identifier of PKCS #7 data, which a PKCS #12 file holds near its beginning. */
const PKCS7_DATA = Buffer.from([0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01]);

/** Says what a file is that should be a certificate chain in PEM; undefined where it looks right. */
export function notACertificate(content: Buffer): string | undefined {
  return notPem(content, 'openssl x509 -inform der -in FILE -out fullchain.pem') ?? wrongPem(content, 'CERTIFICATE');
}

/** Says what a file is that should be a private key in PEM; undefined where it looks right. */
export function notAKey(content: Buffer): string | undefined {
  return notPem(content, 'openssl pkey -inform der -in FILE -out key.pem') ?? wrongPem(content, 'KEY');
}

/** Says what a file is that should be certificates of authorities in PEM; undefined where it looks right. */
export function notAuthorities(content: Buffer): string | undefined {
  const wrong = notPem(content, 'openssl x509 -inform der -in FILE -out ca.pem');
  if (wrong !== undefined) return wrong;
  const text = content.toString('latin1');
  if (text.includes('-----BEGIN CERTIFICATE-----')) return undefined;
  if (REVOCATION_LIST.test(text)) return 'it is a revocation list, which belongs into tls-client-crl';
  return text.includes('PRIVATE KEY-----') ? 'it is a private key' : wrongPem(content, 'CERTIFICATE');
}

/** Says what a file is that should be revocation lists in PEM; undefined where it looks right. */
export function notARevocationList(content: Buffer): string | undefined {
  const wrong = notPem(content, 'openssl crl -inform der -in FILE -out crl.pem');
  if (wrong !== undefined) return wrong;
  const text = content.toString('latin1');
  if (REVOCATION_LIST.test(text)) return undefined;
  if (text.includes('PRIVATE KEY-----')) return 'it is a private key';
  if (text.includes('-----BEGIN CERTIFICATE-----')) return 'it is a certificate: authorities belong into tls-client-ca';
  return wrongPem(content, 'CERTIFICATE');
}

/** Begins a revocation list in PEM. RFC 7468, section 6, has the label X509 CRL; some tools leave out a part. */
const REVOCATION_LIST = /-----BEGIN (?:X509 )?CRL-----/;

/**
 * The revocation lists in a PEM file, in their order and in DER. One that is cut off is what is left of it.
 */
export function revocationListsIn(pem: Buffer): Buffer[] {
  const parts = pem.toString('latin1').split(REVOCATION_LIST).slice(1);
  return parts.map((part) => Buffer.from(part.split('-----END')[0], 'base64'));
}

function notPem(content: Buffer, convert: string): string | undefined {
  if (content.length === 0) return 'the file is empty';
  if (content[0] !== SEQUENCE || (content[1] < LONG && content[2] !== INTEGER)) return undefined;
  return content.subarray(0, 64).includes(PKCS7_DATA)
    ? 'it is PKCS #12, not PEM: take the chain and the key out with openssl pkcs12 -nodes'
    : `it is DER, not PEM: convert it with ${convert}`;
}

function wrongPem(content: Buffer, wanted: 'CERTIFICATE' | 'KEY'): string | undefined {
  const text = content.toString('latin1');
  const has = (label: string): boolean => text.includes(`-----BEGIN ${label}-----`);
  if (has('CERTIFICATE REQUEST') || has('NEW CERTIFICATE REQUEST')) return 'it is a request for a certificate, not one';
  if (has('PKCS7')) return 'it is PKCS #7: convert it with openssl pkcs7 -print_certs';
  const hasKey = text.includes('PRIVATE KEY-----');
  if (wanted === 'CERTIFICATE') {
    return hasKey && !has('CERTIFICATE') ? 'it is a private key: the certificate and the key are exchanged' : undefined;
  }
  if (has('ENCRYPTED PRIVATE KEY') || text.includes('Proc-Type: 4,ENCRYPTED')) {
    return 'the key has a passphrase: remove it with openssl pkey -in FILE -out key.pem';
  }
  if (hasKey) return undefined;
  if (has('CERTIFICATE')) return 'it is a certificate: the certificate and the key are exchanged';
  return has('PUBLIC KEY') ? 'it is a public key' : undefined;
}

/** The certificates in a PEM file, in their order. Leaves out what cannot be read. */
export function certificatesIn(pem: Buffer): X509Certificate[] {
  const parts = pem.toString('latin1').split('-----BEGIN CERTIFICATE-----').slice(1);
  return parts.flatMap((part) => {
    try {
      return [new X509Certificate(`-----BEGIN CERTIFICATE-----${part}`)];
    } catch {
      return [];
    }
  });
}

const FULL_CHAIN =
  'give the full chain: the certificate of the server, then the intermediate ones (certbot: fullchain.pem, not cert.pem)';

/**
 * Says what peers will find wrong with a certificate chain that can be served, one sentence each, the worst first.
 * `now` is in
 * milliseconds since the epoch.
 */
export function mistakesInChain(pem: Buffer, now: number): string[] {
  const chain = certificatesIn(pem);
  if (chain.length === 0) return [];
  return [...chain.flatMap((one, index) => timesOf(one, index, now)), ...orderOf(chain)];
}

function timesOf(certificate: X509Certificate, index: number, now: number): string[] {
  const [from, to] = [certificate.validFrom, certificate.validTo].map((time) => new Date(time));
  const which = index === 0 ? 'the certificate' : `certificate ${index + 1} of the chain`;
  // Peers do without an expired root or cross-signed certificate, but not without what stands before it.
  if (to.getTime() < now) return [`${which} expired on ${dayOf(to)}: renew it, and check that automatic renewal runs`];
  if (from.getTime() > now) {
    return [`${which} is not valid before ${from.toISOString()}: check the clock of this machine, or wait`];
  }
  const days = Math.floor((to.getTime() - now) / DAY_MS);
  return index === 0 && days < SOON_DAYS && to.getTime() - from.getTime() > 2 * SOON_DAYS * DAY_MS
    ? [`${which} expires on ${dayOf(to)}, in ${days} ${days === 1 ? 'day' : 'days'}: renew it`]
    : [];
}

function orderOf(chain: readonly X509Certificate[]): string[] {
  for (let index = 1; index < chain.length; index++) {
    if (chain[index - 1].checkIssued(chain[index])) continue;
    const behind = chain.some((other, place) => place !== index - 1 && chain[index - 1].checkIssued(other));
    return behind
      ? [`the certificates of the chain are in the wrong order, and some peers refuse that: ${FULL_CHAIN}`]
      : [`certificate ${index + 1} of the chain did not issue the one before it: ${FULL_CHAIN}`];
  }
  const last = chain.at(-1)!;
  if (chain.length > 1 || isSelfIssued(last) || isIssuedByRoot(last)) return [];
  return [`the certificate came alone, and its issuer is not a root that everybody knows: ${FULL_CHAIN}`];
}

function isSelfIssued({ subject, issuer }: X509Certificate): boolean {
  return subject === issuer;
}

/** Whether one of the roots that come with Node issued a certificate. */
function isIssuedByRoot(certificate: X509Certificate): boolean {
  return rootCertificates.some((root) => certificate.checkIssued(new X509Certificate(root)));
}

function dayOf(time: Date): string {
  return time.toISOString().slice(0, 10);
}
