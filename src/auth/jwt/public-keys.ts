import { createPublicKey } from 'node:crypto';
import type { CryptoKey, JWK, JWSHeaderParameters } from 'jose';
import { orStartupError, StartupError } from '../../config/faults.js';
import { readSettingFile } from '../../config/setting-file.js';
import type { Settings } from '../../config/settings.js';
import { shownPath } from '../../config/shown-path.js';
import type { JwtAlgorithm } from '../../config/values.js';
import { KeySet, KeySource } from './key-source.js';

const PEM_BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[^-]*-----END \1-----/g;

/** Maximum number of keys in the file, for old and new ones side by side. Each is tried on every token. */
const MOST_KEYS = 8;

/** RFC 7518, sections 3.3 and 3.5. */
const LEAST_RSA_BITS = 2048;

const PRIVATE = 'this is a private key, which only the issuer may have; "openssl pkey -pubout" prints the public one';
const UNEXPECTED = 'expected "BEGIN PUBLIC KEY", as "openssl pkey -pubout" and "openssl x509 -pubkey -noout" print it';
const UNUSABLE = 'this is not a public key of a kind that signs JWTs';

/**
 * Owns the public keys that the file of `jwt-public-key` held when it was last read. Knows nothing of tokens or of
 * issuers.
 * Invariant: the keys in use could be used when they were read.
 */
export class PublicKeys extends KeySource {
  #keys: KeySet;

  /** Throws a StartupError that names the file. */
  constructor(private readonly settings: Settings) {
    super();
    this.#keys = loadPublicKeys(settings);
  }

  /** Ignores the `kid` of the header: keys in a PEM file have no names. */
  candidates({ alg }: JWSHeaderParameters): Promise<readonly CryptoKey[]> {
    return this.#keys.candidates({ alg: alg! });
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
    this.#keys = loadPublicKeys(this.settings);
    return this.#keys.size;
  }
}

/**
 * Reads the keys of `jwt-public-key`. Throws a StartupError that names the file and says what is wrong with it, never
 * what is in it.
 */
export function loadPublicKeys({ jwtPublicKey: path, jwtAlgorithms }: Settings): KeySet {
  const pem = readSettingFile('jwt-public-key', path!).toString('utf8');
  const fault = (why: string): StartupError => new StartupError(`jwt-public-key ${shownPath(path!)}: ${why}`);
  const blocks = [...pem.matchAll(PEM_BLOCK)];
  if (blocks.length === 0) throw fault('it contains no PEM public key');
  if (blocks.length > MOST_KEYS) throw fault(`it contains more than ${MOST_KEYS} keys`);
  const keys = blocks.map(([block, label], index): JWK => {
    const which = blocks.length === 1 ? '' : `key ${index + 1}: `;
    if (label.includes('PRIVATE')) throw fault(`${which}${PRIVATE}`);
    if (label !== 'PUBLIC KEY') throw fault(`${which}${UNEXPECTED}`);
    const { bits, ...jwk } = orStartupError(() => readKey(block), fault(`${which}${UNUSABLE}`).message);
    if (bits !== undefined && bits < LEAST_RSA_BITS) {
      throw fault(`${which}an RSA key needs at least ${LEAST_RSA_BITS} bits`);
    }
    if (!jwtAlgorithms.some((algorithm) => fits(jwk, algorithm))) {
      throw fault(`${which}none of jwt-algorithms uses a key of this kind`);
    }
    return jwk;
  });
  return new KeySet({ keys });
}

function readKey(block: string): JWK & { bits: number | undefined } {
  const key = createPublicKey(block);
  return { ...(key.export({ format: 'jwk' }) as JWK), bits: key.asymmetricKeyDetails?.modulusLength };
}

const CURVES: { readonly [Algorithm in JwtAlgorithm]?: string } = {
  ES256: 'P-256',
  ES384: 'P-384',
  ES512: 'P-521',
  EdDSA: 'Ed25519',
  Ed25519: 'Ed25519',
};

function fits({ kty, crv }: JWK, algorithm: JwtAlgorithm): boolean {
  const curve = CURVES[algorithm];
  return curve === undefined ? kty === 'RSA' : crv === curve;
}
