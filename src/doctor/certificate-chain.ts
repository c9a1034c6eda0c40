import type { X509Certificate } from 'node:crypto';
import { printable } from './words.js';

/** A fault of a chain, and the advice for it. */
export interface ChainFault {
  readonly found: string;
  readonly advice: string;
}

/** A certificate and the certificates that were sent with it, each issued by the next. */
export function presentedChain(certificate: X509Certificate): X509Certificate[] {
  const chain: X509Certificate[] = [];
  for (
    let one: X509Certificate | undefined = certificate;
    one !== undefined && !chain.some(({ fingerprint256 }) => fingerprint256 === one?.fingerprint256);
    one = one.issuerCertificate
  ) {
    chain.push(one);
  }
  return chain;
}

const SEND_CHAIN =
  'Send the whole chain: the certificate of the server, then the intermediate certificates ' +
  '(tls-cert: fullchain.pem, not cert.pem).';

/**
 * Explains why OpenSSL does not trust a chain. `code` is its verdict, such as UNABLE_TO_VERIFY_LEAF_SIGNATURE. `ca`
 * says whether authorities were given. The number of certificates sent tells a missing intermediate certificate from an
 * unknown root.
 */
export function chainFault(chain: readonly X509Certificate[], code: string, ca: boolean): ChainFault {
  const first = chain[0];
  const last = chain.at(-1)!;
  const given = ca
    ? 'The authorities in --ca did not issue it: give the right ones.'
    : 'If it is your own, trust it with --ca PATH, and make peers trust it too. ' +
      'If not, use a certificate that everybody trusts.';
  if (isSelfIssued(first)) {
    return { found: 'the certificate is self-signed, so nobody has a reason to trust it', advice: given };
  }
  switch (code) {
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_GET_ISSUER_CERT':
      if (chain.length === 1) {
        return {
          found: `the chain is incomplete: the certificate came alone, and ${name(first.issuer)} is not trusted here`,
          advice: `${SEND_CHAIN} ${ca ? given : 'If that issuer is your own root, trust it with --ca PATH.'}`,
        };
      }
      return { found: `the chain ends at an authority that is not trusted here: ${name(last.issuer)}`, advice: given };
    case 'SELF_SIGNED_CERT_IN_CHAIN':
      return { found: `the chain ends at a root that is not trusted here: ${name(last.subject)}`, advice: given };
    case 'CERT_SIGNATURE_FAILURE':
      return {
        found: `an authority named ${name(last.issuer)} is trusted here, but another one with that name issued this`,
        advice: given,
      };
    default:
      return {
        found: `the chain cannot be verified (${printable(code)})`,
        advice: 'Get a new certificate, and send its whole chain.',
      };
  }
}

/** Whether a certificate names itself as its issuer, as roots do. */
export function isSelfIssued({ subject, issuer }: X509Certificate): boolean {
  return subject === issuer;
}

function name(distinguished: string): string {
  return printable(distinguished.replaceAll('\n', ', '));
}
