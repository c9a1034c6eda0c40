import { createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { CryptoKey, JWK, JWSHeaderParameters } from 'jose';
import { orStartupError, StartupError } from '../../config/faults.js';
import type { IssuerPolicy } from '../../config/jwt-issuers.js';
import { readSettingFile } from '../../config/setting-file.js';
import { shownPath } from '../../config/shown-path.js';
import type { JwtAlgorithm } from '../../config/values.js';
import { KeySet, KeySource } from './key-source.js';
import { ownKeys } from './own-keys.js';

const PEM_BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[^-]*-----END \1-----/g;

/** Maximum number of keys in a PEM file, for old and new ones side by side. Each is tried on every token. */
const MOST_KEYS = 8;
/** Maximum number of keys in a key set, whose tokens name the key. */
const MOST_NAMED_KEYS = 100;

/** RFC 7518, sections 3.3 and 3.5. */
const LEAST_RSA_BITS = 2048;

const PRIVATE = 'this is a private key, which only the issuer may have; "openssl pkey -pubout" prints the public one';
const UNEXPECTED = 'expected "BEGIN PUBLIC KEY", as "openssl pkey -pubout" and "openssl x509 -pubkey -noout" print it';
const SECRET =
  'this is a private or secret key, which only the issuer may have: publish it without its members "d" and "k"';
const NO_BUNDLE =
  'it contains no key with "use": "jwt-svid"; expected a bundle as "spire-server bundle show -format spiffe" prints it';
const UNUSABLE = 'this is not a public key of a kind that signs JWTs';

/** Whose keys they are. */
type Owner = Pick<IssuerPolicy, 'name' | 'spiffe'>;

/** The keys of a file, and whether they have names. */
interface FileOfKeys {
  readonly keys: KeySet;
  readonly named: boolean;
}

/**
 * Owns the public keys that a file of `jwt-public-key` held when it was last read. Knows nothing of tokens.
 * Invariant: the keys in use could be used when they were read.
 */
export class PublicKeys extends KeySource {
  #file: FileOfKeys;

  /** Throws a StartupError that names the file. */
  constructor(
    readonly path: string,
    private readonly owner: Owner,
    private readonly algorithms: readonly JwtAlgorithm[],
  ) {
    super();
    this.#file = loadPublicKeys(path, owner, algorithms);
  }

  /** Ignores the `kid` of the header where the keys are PEM, and so have no names. */
  candidates({ alg, kid }: JWSHeaderParameters): Promise<readonly CryptoKey[]> {
    const { keys, named } = this.#file;
    return keys.candidates({ alg: alg!, ...(named && kid !== undefined && { kid }) });
  }

  /** Always false: the file is watched, so the keys in use are the newest. */
  renewed(): Promise<boolean> {
    return Promise.resolve(false);
  }

  /**
   * Reads the file again and returns the number of its keys. Throws a StartupError, and changes nothing, if it cannot
   * be used.
   */
  renew(): number {
    this.#file = loadPublicKeys(this.path, this.owner, this.algorithms);
    return this.#file.keys.size;
  }
}

/**
 * Reads a file of `jwt-public-key`: PEM, a JSON Web Key Set (RFC 7517), or a SPIFFE bundle. Throws a StartupError that
 * names the file and says what is wrong with it, never what is in it.
 */
export function loadPublicKeys(path: string, owner: Owner, algorithms: readonly JwtAlgorithm[]): FileOfKeys {
  const text = readSettingFile('jwt-public-key', path).toString('utf8');
  const fault = (why: string): StartupError => new StartupError(`jwt-public-key ${shownPath(path)}: ${why}`);
  const named = text.trimStart().startsWith('{');
  if (owner.spiffe && !named) throw fault(NO_BUNDLE);
  const written = named ? keysOfSet(text, owner, fault) : keysOfPem(text, fault);
  const keys = written.map((one, index): JWK => {
    const which = written.length === 1 ? '' : `key ${index + 1}: `;
    if ('fault' in one) throw fault(`${which}${one.fault}`);
    const { bits, ...key } = orStartupError(() => exported(one.read()), fault(`${which}${UNUSABLE}`).message);
    if (bits !== undefined && bits < LEAST_RSA_BITS) {
      throw fault(`${which}an RSA key needs at least ${LEAST_RSA_BITS} bits`);
    }
    const jwk = { ...one.members, ...key };
    if (!named && !isUsed(jwk, algorithms)) throw fault(`${which}none of jwt-algorithms uses a key of this kind`);
    return jwk;
  });
  // A set may have keys for others as well.
  if (!keys.some((key) => isUsed(key, algorithms))) throw fault('none of jwt-algorithms uses a key of these kinds');
  return { keys: new KeySet({ keys }), named };
}

/** A key as it is written in a file: how to read it, and what a set says of it; or what is wrong with it. */
type Written = { readonly read: () => KeyObject; readonly members?: JWK } | { readonly fault: string };

function keysOfPem(text: string, fault: (why: string) => StartupError): Written[] {
  const blocks = [...text.matchAll(PEM_BLOCK)];
  if (blocks.length === 0) throw fault('it contains no PEM public key');
  if (blocks.length > MOST_KEYS) throw fault(`it contains more than ${MOST_KEYS} keys`);
  return blocks.map(([block, label]) => {
    if (label.includes('PRIVATE')) return { fault: PRIVATE };
    return label === 'PUBLIC KEY' ? { read: () => createPublicKey(block) } : { fault: UNEXPECTED };
  });
}

function keysOfSet(text: string, owner: Owner, fault: (why: string) => StartupError): Written[] {
  const { keys } = orStartupError(
    () => ownKeys(JSON.parse(text), owner),
    fault('it is not a JSON Web Key Set').message,
  );
  if (keys.length === 0) throw fault(owner.spiffe ? NO_BUNDLE : 'it contains no key');
  if (keys.length > MOST_NAMED_KEYS) throw fault(`it contains more than ${MOST_NAMED_KEYS} keys`);
  return keys.map((key) => {
    if (typeof key !== 'object' || key === null) return { fault: UNUSABLE };
    if (key.d !== undefined || key.k !== undefined) return { fault: SECRET };
    const { kid, alg, use } = key;
    const members = {
      ...(kid !== undefined && { kid }),
      ...(alg !== undefined && { alg }),
      ...(use !== undefined && { use }),
    };
    return { read: () => createPublicKey({ key, format: 'jwk' }), members };
  });
}

function exported(key: KeyObject): JWK & { bits: number | undefined } {
  return { ...(key.export({ format: 'jwk' }) as JWK), bits: key.asymmetricKeyDetails?.modulusLength };
}

const CURVES: { readonly [Algorithm in JwtAlgorithm]?: string } = {
  ES256: 'P-256',
  ES384: 'P-384',
  ES512: 'P-521',
  EdDSA: 'Ed25519',
  Ed25519: 'Ed25519',
};

function isUsed(jwk: JWK, algorithms: readonly JwtAlgorithm[]): boolean {
  return algorithms.some((algorithm) => fits(jwk, algorithm));
}

function fits({ kty, crv }: JWK, algorithm: JwtAlgorithm): boolean {
  const curve = CURVES[algorithm];
  return curve === undefined ? kty === 'RSA' : crv === curve;
}
