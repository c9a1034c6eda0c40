import { createLocalJWKSet, errors } from 'jose';
import type { CryptoKey, JSONWebKeySet, JWSHeaderParameters } from 'jose';

/** Of the keys that fit a token which does not name its own, as many are tried: each costs as much as a handshake should. */
const MOST_TRIED = 8;

/**
 * Where the public keys of one issuer come from. Knows nothing of tokens but the header that names the key.
 * Contract: whatever the header says, the keys given are the issuer's own, and for the algorithm that it names.
 */
export abstract class KeySource {
  /**
   * The keys that a token with this header may be signed with, most often one; none when the issuer has no such key.
   * Rejects with KeysUnavailable where that cannot be told.
   */
  abstract candidates(header: JWSHeaderParameters): Promise<readonly CryptoKey[]>;

  /** Asks for newer keys, since none of those given fits; whether there are any now. */
  abstract renewed(): Promise<boolean>;
}

/** The keys of an issuer are not there, or too old to say that a key is none of them. */
export class KeysUnavailable extends Error {
  /** Seconds until it is worth asking again. */
  constructor(readonly retryAfter: number) {
    super('the keys of an issuer are not there');
  }
}

/** A set of public keys. Secret and private ones in it are never used. */
export class KeySet {
  readonly #find: ReturnType<typeof createLocalJWKSet>;
  readonly size: number;

  /** Throws where this is no JSON Web Key Set (RFC 7517, section 5). */
  constructor(jwks: JSONWebKeySet) {
    this.#find = createLocalJWKSet(jwks);
    this.size = jwks.keys.length;
  }

  /** Of the keys for the header's `alg` those with its `kid`, or all where it has none. Only `alg` and `kid` are looked at: keys that a token brings along are none. */
  async candidates({ alg, kid }: JWSHeaderParameters): Promise<readonly CryptoKey[]> {
    try {
      return [await this.#find({ alg: alg!, ...(kid !== undefined && { kid }) })];
    } catch (error) {
      // Anything else is a key that cannot be used, which is none.
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
