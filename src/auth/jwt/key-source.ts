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
   * Returns the keys that may have signed a token with this header: usually one, none when no such key is known.
   * Rejects with KeysUnavailable if no key can be said to be missing. A token is known by its header: the same object
   * is the same token.
   */
  abstract candidates(header: JWSHeaderParameters): Promise<readonly CryptoKey[]>;

  /**
   * Asks for newer keys, after none of those returned for this header fitted. Returns whether there are newer ones.
   * Rejects with KeyUnknown if the issuer may have the right one without our knowing. A key that is known under the
   * name in the header is the right one.
   */
  abstract renewed(header: JWSHeaderParameters): Promise<boolean>;
}

/** Nothing can be said of a token: the keys of its issuer are missing, or too old. */
export class KeysUnavailable extends Error {
  /** `retryAfter`: seconds until it is worth asking again. */
  constructor(readonly retryAfter: number) {
    super('the keys of an issuer are unavailable');
  }
}

/** The issuer has keys, but not the one of this token; and it cannot be asked yet whether it has a newer one. */
export class KeyUnknown extends KeysUnavailable {}

/** A set of public keys. Never uses the secret and private keys in it. */
export class KeySet {
  readonly #find: ReturnType<typeof createLocalJWKSet>;
  readonly #names: ReadonlySet<unknown>;
  readonly size: number;

  /** Throws if `jwks` is not a JSON Web Key Set (RFC 7517, section 5). */
  constructor(jwks: JSONWebKeySet) {
    this.#find = createLocalJWKSet(jwks);
    this.#names = new Set(jwks.keys.map(({ kid }) => kid));
    this.size = jwks.keys.length;
  }

  /** Whether a key has this name, whatever it is for. */
  has(kid: string): boolean {
    return this.#names.has(kid);
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
