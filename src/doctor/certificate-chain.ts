import type { X509Certificate } from 'node:crypto';
import { printable } from './words.js';

/** What is wrong with a chain, and what to do about it. */
export interface ChainFault {
  readonly found: string;
  readonly mend: string;
}

/** A certificate and those that were sent along with it, each issued by the next. */
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

/**
 * Why OpenSSL does not trust a chain, in words: `code` is its verdict, such as UNABLE_TO_VERIFY_LEAF_SIGNATURE. A chain that lacks its
 * intermediate certificate is told from one whose root is unknown by how many certificates were sent; `ca` says whether authorities were given.
 */
export function chainFault(chain: readonly X509Certificate[], code: string, ca: boolean): ChainFault {
  const first = chain[0];
  const last = chain.at(-1)!;
  const given = ca
    ? 'Those in --ca did not issue it: give the right ones.'
    : 'If it is your own, trust it with --ca PATH, and have peers trust it too; else use a certificate that everybody trusts.';
  if (isSelfIssued(first)) {
    return { found: 'the certificate is self-signed, and nobody has a reason to trust it', mend: given };
  }
  switch (code) {
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_GET_ISSUER_CERT':
      if (chain.length === 1) {
        return {
          found: `the chain is incomplete: the certificate came alone, and its issuer, ${name(first.issuer)}, is no authority that is trusted here`,
          mend: `Have the whole chain sent, the intermediate certificates behind the server's own (tls-cert: fullchain.pem, not cert.pem). ${ca ? given : 'If that issuer is a root of your own, trust it with --ca PATH.'}`,
        };
      }
      return { found: `the chain ends at an authority that is not trusted here: ${name(last.issuer)}`, mend: given };
    case 'SELF_SIGNED_CERT_IN_CHAIN':
      return { found: `the chain ends at a root that is not trusted here: ${name(last.subject)}`, mend: given };
    case 'CERT_SIGNATURE_FAILURE':
      return {
        found: `an authority named ${name(last.issuer)} is trusted here, but another one of that name issued this`,
        mend: given,
      };
    default:
      return {
        found: `the chain cannot be verified (${printable(code)})`,
        mend: 'Have the certificate issued anew, and send its whole chain.',
      };
  }
}

/** As roots are. */
export function isSelfIssued({ subject, issuer }: X509Certificate): boolean {
  return subject === issuer;
}

function name(distinguished: string): string {
  return printable(distinguished.replaceAll('\n', ', '));
}
