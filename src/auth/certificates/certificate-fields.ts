import type { X509Certificate } from 'node:crypto';
import { elementAt, expected, extensionsIn, inContext, plainInContext, sequence, Tag } from './der.js';
import type { Element } from './der.js';

/** What Node does not tell of a certificate, or tells only as one text that would have to be taken apart. */
export interface CertificateFields {
  /** The content of the serial number, one byte per character. */
  readonly serial: string;
  /** The names of `subjectAltName` (RFC 5280, section 4.2.1.6) by their kind, in their order. */
  readonly names: Readonly<Record<'uri' | 'email' | 'dns', readonly string[]>>;
  /** Whether its key may sign certificates or revocation lists, by `keyUsage`. */
  readonly signsCertificates: boolean;
}

const KEY_USAGE = '551d0f';
const SUBJECT_ALT_NAME = '551d11';

/** The bits keyCertSign (5) and cRLSign (6) in the first byte of `keyUsage` (RFC 5280, section 4.2.1.3). */
const SIGNS = 0b0000_0110;

/** Tags of the general names that can be principals. */
const KINDS = { email: plainInContext(1), dns: plainInContext(2), uri: plainInContext(6) } as const;

/**
 * Reads the DER of a certificate that OpenSSL took. `X509Certificate.subjectAltName` is one text, in which a name can
 * look like several (CVE-2021-44532). Throws NotDer if the extensions are not what RFC 5280 says.
 */
export function fieldsOf({ raw }: X509Certificate): CertificateFields {
  const [body] = sequence(elementAt(raw));
  const parts = sequence(body);
  const serial = parts.find(({ tag }) => tag === Tag.integer);
  const wrapper = parts.find(({ tag }) => tag === inContext(3));
  const extensions = wrapper === undefined ? [] : extensionsIn(elementAt(wrapper.content));
  const valueOf = (wanted: string): Element | undefined => {
    const value = extensions.find(({ id }) => id === wanted)?.value;
    return value === undefined ? undefined : elementAt(value);
  };
  const altName = valueOf(SUBJECT_ALT_NAME);
  const general = altName === undefined ? [] : sequence(altName);
  const named = (kind: number): string[] =>
    general.filter(({ tag }) => tag === kind).map(({ content }) => content.toString('latin1'));
  const usage = valueOf(KEY_USAGE);
  return {
    serial: expected(serial, Tag.integer).content.toString('latin1'),
    names: { uri: named(KINDS.uri), email: named(KINDS.email), dns: named(KINDS.dns) },
    // The first byte of a bit string counts the bits that are not used.
    signsCertificates: usage !== undefined && (expected(usage, Tag.bitString).content[1] & SIGNS) !== 0,
  };
}
