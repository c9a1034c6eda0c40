import { createLocalJWKSet, errors } from 'jose';
import type { CryptoKey, JSONWebKeySet, JWSHeaderParameters } from 'jose';

/**
 * Maximum number of keys that are tried for a token that does not name its key. Each try costs as much as a handshake
 * should cost altogether.
 */
const MOST_TRIED = 8;

/**
 * The public keys of one issuer. Knows nothing of tokens but the header that names the key.
 * Contract: whatever the header says, the returned keys are the issuer's own and fit the algorithm in the header.
 */
export abstract class KeySource {
  /**
   * Returns the keys that may have signed a token with this header: usually one, none when the issuer has no such key.
   * Rejects with KeysUnavailable if that cannot be said.
   */
  abstract candidates(header: JWSHeaderParameters): Promise<readonly CryptoKey[]>;

  /** Asks for newer keys, after none of those returned fitted. Returns whether there are newer ones. */
  abstract renewed(): Promise<boolean>;
}

/** The keys of an issuer are missing, or too old to say that a key is not the issuer's. */
export class KeysUnavailable extends Error {
  /** `retryAfter`: seconds until it is worth asking again. */
  constructor(readonly retryAfter: number) {
    super('the keys of an issuer are unavailable');
  }
}

/** A set of public keys. Never uses the secret and private keys in it. */
export class KeySet {
  readonly #find: ReturnType<typeof createLocalJWKSet>;
  readonly size: number;

  /** Throws if `jwks` is not a JSON Web Key Set (RFC 7517, section 5). */
  constructor(jwks: JSONWebKeySet) {
    this.#find = createLocalJWKSet(jwks);
    this.size = jwks.keys.length;
  }

  /**
   * Returns the keys for the header's `alg`: those with its `kid`, or all if it has none. Reads only `alg` and `kid`,
   * so a key inside the header does not count.
   */
  async candidates({ alg, kid }: JWSHeaderParameters): Promise<readonly CryptoKey[]> {
    try {
      return [await this.#find({ alg: alg!, ...(kid !== undefined && { kid }) })];
    } catch (error) {
      // Any other error means a key that cannot be used.
      return error instanceof errors.JWKSMultipleMatchingKeys ? firstOf(error) : [];
    }
  }
}

async function firstOf(keys: AsyncIterable<CryptoKey>): Promise<CryptoKey[]> {
  const found: CryptoKey[] = [];
  for await (const key of keys) {
    found.push(key);
    if (found.length === MOST_TRIED) break;
  }
  return found;
}
