import { createPublicKey } from 'node:crypto';
import type { CryptoKey, JWK, JWSHeaderParameters } from 'jose';
import { orStartupError, StartupError } from '../../config/faults.js';
import { readSettingFile } from '../../config/setting-file.js';
import type { Settings } from '../../config/settings.js';
import type { JwtAlgorithm } from '../../config/values.js';
import { KeySet, KeySource } from './key-source.js';

const PEM_BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[^-]*-----END \1-----/g;

/** Old and new ones, side by side; each is tried on every token. */
const MOST_KEYS = 8;

/** RFC 7518, sections 3.3 and 3.5. */
const LEAST_RSA_BITS = 2048;

/**
 * Public keys from a file. Owns the file's content as it was read last.
 * Invariant: what is in use was usable when it was read.
 */
export class PublicKeys extends KeySource {
  #keys: KeySet;

  /** Throws a StartupError that names the file. */
  constructor(private readonly settings: Settings) {
    super();
    this.#keys = loadPublicKeys(settings);
  }

  /** The keys have no names in a PEM file, so the one that a token has for its key says nothing. */
  candidates({ alg }: JWSHeaderParameters): Promise<readonly CryptoKey[]> {
    return this.#keys.candidates({ alg: alg! });
  }

  /** A file is watched: what is in use is the newest. */
  renewed(): Promise<boolean> {
    return Promise.resolve(false);
  }

  /** Reads the file again; how many keys it holds. Throws a StartupError and changes nothing where it cannot be used. */
  renew(): number {
    this.#keys = loadPublicKeys(this.settings);
    return this.#keys.size;
  }
}

/** The keys of `jwt-public-key`. Throws a StartupError that names the file and says what is wrong with it, never what is in it. */
export function loadPublicKeys({ jwtPublicKey: path, jwtAlgorithms }: Settings): KeySet {
  const pem = readSettingFile('jwt-public-key', path!).toString('utf8');
  const fault = (why: string): StartupError => new StartupError(`jwt-public-key ${JSON.stringify(path)}: ${why}`);
  const blocks = [...pem.matchAll(PEM_BLOCK)];
  if (blocks.length === 0) throw fault('there is no PEM public key in it');
  if (blocks.length > MOST_KEYS) throw fault(`there are more than ${MOST_KEYS} keys in it`);
  const keys = blocks.map(([block, label], index): JWK => {
    const which = blocks.length === 1 ? '' : `key ${index + 1}: `;
    if (label.includes('PRIVATE')) {
      throw fault(
        `${which}it is a private key, which belongs to the issuer alone; "openssl pkey -pubout" gives the public one`,
      );
    }
    if (label !== 'PUBLIC KEY') {
      throw fault(
        `${which}expected "BEGIN PUBLIC KEY", as "openssl pkey -pubout" and "openssl x509 -pubkey -noout" give it`,
      );
    }
    const { bits, ...jwk } = orStartupError(
      () => readKey(block),
      fault(`${which}it is no public key of a kind that signs JWTs`).message,
    );
    if (bits !== undefined && bits < LEAST_RSA_BITS) {
      throw fault(`${which}an RSA key has at least ${LEAST_RSA_BITS} bits`);
    }
    if (!jwtAlgorithms.some((algorithm) => fits(jwk, algorithm))) {
      throw fault(`${which}none of jwt-algorithms is for a key of its kind`);
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
