import { constants, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { Work } from '../../clock/in-turns.js';
import {
  elementAt,
  elementsIn,
  expected,
  extensionsIn,
  inContext,
  NotDer,
  plainInContext,
  sequence,
  Tag,
  timeOf,
} from './der.js';
import type { Element } from './der.js';

/** A certificate revocation list (RFC 5280, section 5), read but not verified. */
export interface RevocationList {
  /** When it was issued and when the next one is due, in milliseconds since the epoch. */
  readonly issuedAt: number;
  readonly expiresAt: number | undefined;
  /** Serial numbers of the revoked certificates, as in CertificateFields. */
  readonly serials: ReadonlySet<string>;
  /** Whether the bearer of this key signed it. */
  isSignedWith(key: KeyObject): boolean;
}

/** A revocation list that this server cannot use. The message says why. */
export class UnusableList extends Error {
  override readonly name = 'UnusableList';
}

const DELTA = '551d1b';
const ISSUING_DISTRIBUTION_POINT = '551d1c';
/** Extensions of a list that change nothing for its reader: its number, its issuer's key and other names. */
const HARMLESS = new Set(['551d14', '551d23', '551d12', '551d2e', '2b06010505070101']);

/** Entries read between two pauses. */
const STEPS = 256;

/** Reads one list in DER. Throws NotDer, or an UnusableList for a kind that this server does not read. */
export function* readRevocationList(der: Buffer): Work<RevocationList> {
  const whole = elementAt(der);
  const [body, algorithm, signature] = sequence(whole);
  const parts = sequence(body);
  if (parts[0]?.tag === Tag.integer) parts.shift();
  // The algorithm once more, and the issuer: only its key counts here.
  const [, , issued, ...rest] = parts;
  const due = isTime(rest[0]) ? rest.shift() : undefined;
  const serials = new Set<string>();
  if (rest[0]?.tag === Tag.sequence) {
    let steps = 0;
    for (const entry of elementsIn(rest.shift()!.content)) {
      serials.add(expected(elementAt(expected(entry, Tag.sequence).content), Tag.integer).content.toString('latin1'));
      if (++steps % STEPS === 0) yield;
    }
  }
  if (rest[0]?.tag === inContext(0)) checkExtensions(elementAt(rest[0].content));
  const bits = expected(signature, Tag.bitString).content;
  // The first byte counts the bits at the end that are not used.
  if (bits[0] !== 0) throw new NotDer('no signature');
  const scheme = schemeOf(algorithm);
  return {
    issuedAt: timeOf(issued),
    expiresAt: due === undefined ? undefined : timeOf(due),
    serials,
    isSignedWith: (key) => isSigned(scheme, body.whole, key, bits.subarray(1)),
  };
}

function isTime(element: Element | undefined): boolean {
  return element?.tag === Tag.utcTime || element?.tag === Tag.generalizedTime;
}

function checkExtensions(list: Element): void {
  for (const { id, critical, value } of extensionsIn(list)) {
    if (id === DELTA) throw new UnusableList('it is a delta: give the complete list');
    if (id === ISSUING_DISTRIBUTION_POINT) {
      // A list of one part of the certificates (onlyContainsUserCerts and the like) says what it says.
      if (sequence(elementAt(value)).some(({ tag, content }) => tag === plainInContext(4) && content[0] !== 0)) {
        throw new UnusableList('it is an indirect list, of the certificates of several authorities');
      }
    } else if (critical && !HARMLESS.has(id)) {
      throw new UnusableList('it has a critical extension that this server does not know');
    }
  }
}

/** How a list is signed. */
interface Scheme {
  readonly keys: string;
  readonly hash: string | null;
  readonly pss?: boolean;
}

/** Signatures by their object identifier (RFC 4055, RFC 5758, RFC 8410). Not those with SHA-1. */
const SCHEMES: Readonly<Record<string, Scheme>> = {
  '2a864886f70d01010b': { keys: 'rsa', hash: 'sha256' },
  '2a864886f70d01010c': { keys: 'rsa', hash: 'sha384' },
  '2a864886f70d01010d': { keys: 'rsa', hash: 'sha512' },
  '2a8648ce3d040302': { keys: 'ec', hash: 'sha256' },
  '2a8648ce3d040303': { keys: 'ec', hash: 'sha384' },
  '2a8648ce3d040304': { keys: 'ec', hash: 'sha512' },
  '2b6570': { keys: 'ed25519', hash: null },
  '2b6571': { keys: 'ed448', hash: null },
};
const RSA_PSS = '2a864886f70d01010a';
const HASHES: Readonly<Record<string, string>> = {
  '608648016503040201': 'sha256',
  '608648016503040202': 'sha384',
  '608648016503040203': 'sha512',
};

function schemeOf(algorithm: Element): Scheme {
  const [name, parameters] = sequence(algorithm);
  const id = expected(name, Tag.objectIdentifier).content.toString('hex');
  const scheme = id === RSA_PSS ? pssOf(parameters) : SCHEMES[id];
  if (scheme === undefined) throw new UnusableList('it is signed with an algorithm that this server does not accept');
  return scheme;
}

/** RFC 4055, section 3.1: without parameters the hash is SHA-1. */
function pssOf(parameters: Element | undefined): Scheme | undefined {
  const wrapper = parameters === undefined ? undefined : sequence(parameters).find(({ tag }) => tag === inContext(0));
  if (wrapper === undefined) return undefined;
  const [name] = sequence(elementAt(wrapper.content));
  const hash = HASHES[expected(name, Tag.objectIdentifier).content.toString('hex')];
  return hash === undefined ? undefined : { keys: 'rsa', hash, pss: true };
}

function isSigned({ keys, hash, pss = false }: Scheme, body: Buffer, key: KeyObject, signature: Buffer): boolean {
  const kind = key.asymmetricKeyType;
  if (kind !== keys && !(pss && kind === 'rsa-pss')) return false;
  const padding = pss
    ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_AUTO }
    : undefined;
  try {
    return verify(hash, body, { key, ...padding }, signature);
  } catch {
    // A key that cannot have made such a signature.
    return false;
  }
}
