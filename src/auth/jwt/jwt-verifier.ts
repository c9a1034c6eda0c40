import type { OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import { decodeJwt, decodeProtectedHeader, errors, jwtVerify } from 'jose';
import type { CryptoKey, JWSHeaderParameters, JWTPayload } from 'jose';
import type { Clock } from '../../clock/clock.js';
import type { Settings } from '../../config/settings.js';
import type { Log } from '../../logging/log.js';
import type { RefusalReason } from '../../protocol/refusal-reasons.js';
import type { Credential } from '../bearer-tokens.js';
import { isPrincipal } from '../principal.js';
import { Refusal } from '../../connection/refusal.js';
import { TokenVerifier } from '../token-verifier.js';
import { KeysUnavailable } from './key-source.js';
import type { KeySource } from './key-source.js';
import { PublicKeys } from './public-keys.js';
import { RemoteKeys } from './remote-keys.js';

/** Maximum number of characters in a JWT. */
export const MOST_CHARACTERS = 8192;
/** Maximum number of topics in the claim `topics`. */
export const MOST_TOPICS = 1024;

/** RFC 7515, section 3.1. The signature may be empty here, so that an unsigned token gets its own refusal. */
const COMPACT_JWS = /^[\w-]+\.[\w-]+\.[\w-]*$/;

/** What a peer is told about a JWT that is refused with 401 (RFC 6750, section 3.1). */
const WHY = {
  token_too_long: `This token has more than ${MOST_CHARACTERS} characters.`,
  token_malformed:
    'This token cannot be used: a JWT must have the claims iss, aud, exp and one that names its bearer, ' +
    'and must not use JWS extensions ("crit").',
  token_algorithm:
    'This token is signed with an algorithm that this server does not accept; the setting is jwt-algorithms.',
  token_issuer: 'This server does not know the issuer of this token.',
  token_key: 'This token is signed with a key that does not belong to its issuer.',
  token_signature: 'The signature of this token is wrong.',
  token_audience: 'This token is for another service.',
  token_expired: 'This token has expired.',
  token_not_yet_valid: 'This token is not valid yet.',
} as const satisfies { readonly [Reason in RefusalReason]?: string };

const NO_KEYS = "This server cannot get the keys of this token's issuer at the moment; try again.";

/**
 * Owns the sources of the issuers' keys, and judges JWTs (RFC 7519, RFC 8725) by them. Knows nothing of requests.
 * Invariant: a token is verified with the keys of the issuer that it names and with an allowed algorithm. Before that,
 * no claim but the issuer's name is used. Keys and key URLs inside the token are never used. A token that cannot be
 * verified lets nobody in.
 */
export class JwtVerifier extends TokenVerifier implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly on = true;
  readonly #issuers: ReadonlyMap<string, KeySource>;
  readonly #publicKeys: PublicKeys | undefined;
  readonly #remote: readonly RemoteKeys[];
  readonly #algorithms: readonly string[];

  /** Throws a StartupError if `jwt-public-key` cannot be used. */
  constructor(
    private readonly settings: Settings,
    private readonly clock: Clock,
    log: Log,
  ) {
    super();
    const { jwtIssuer: issuers = [], jwtJwksUrl: urls, jwtPublicKey, jwtAlgorithms } = settings;
    this.#algorithms = jwtAlgorithms;
    this.#publicKeys = jwtPublicKey === undefined ? undefined : new PublicKeys(settings);
    this.#remote =
      this.#publicKeys === undefined
        ? issuers.map((issuer, i) => new RemoteKeys({ issuer, url: urls?.[i], clock, log }))
        : [];
    this.#issuers = new Map(issuers.map((issuer, i) => [issuer, this.#publicKeys ?? this.#remote[i]]));
  }

  /** Fetches the keys before they are needed. The start neither waits for them nor fails without them. */
  onApplicationBootstrap(): void {
    for (const keys of this.#remote) void keys.fetch();
  }

  onApplicationShutdown(): void {
    for (const keys of this.#remote) keys.close();
  }

  readKeysAgain(): number {
    return this.#publicKeys?.renew() ?? 0;
  }

  takes(token: string): boolean {
    return COMPACT_JWS.test(token);
  }

  async verify(token: string): Promise<Credential> {
    try {
      const claims = await this.#verified(token);
      return {
        proof: Object.freeze({ kind: 'jwt', issuer: claims.iss, claims: frozen(claims) }),
        revoked: false,
        principal: this.#principal(claims),
        topics: topicsOf(claims),
        expiresAt: claims.exp! * 1000 + this.settings.jwtClockTolerance,
      };
    } catch (error) {
      if (error instanceof KeysUnavailable) {
        throw new Refusal(503, 'keys_unavailable', NO_KEYS, { retryAfter: error.retryAfter });
      }
      const reason = reasonOf(error);
      throw new Refusal(401, reason, WHY[reason]);
    }
  }

  async #verified(token: string): Promise<JWTPayload> {
    if (token.length > MOST_CHARACTERS) throw new Unusable('token_too_long');
    const { header, issuer } = unverified(token);
    if (header.crit !== undefined) throw new Unusable('token_malformed');
    if (!this.#algorithms.includes(header.alg!)) throw new Unusable('token_algorithm');
    const source = this.#issuers.get(issuer as string);
    if (source === undefined) throw new Unusable('token_issuer');
    try {
      return await this.#signedWith(await source.candidates(header), token, issuer as string);
    } catch (error) {
      // The issuer may have a new key: under the same `kid`, or without one.
      if (!(error instanceof errors.JWSSignatureVerificationFailed) || !(await source.renewed())) throw error;
      return this.#signedWith(await source.candidates(header), token, issuer as string);
    }
  }

  /** Returns the claims of a token that one of the keys verifies. */
  async #signedWith(keys: readonly CryptoKey[], token: string, issuer: string): Promise<JWTPayload> {
    const { jwtAudience, jwtClockTolerance } = this.settings;
    const options = {
      algorithms: [...this.#algorithms],
      issuer,
      audience: jwtAudience!,
      clockTolerance: jwtClockTolerance / 1000,
      currentDate: new Date(this.clock.now()),
    };
    for (const [i, key] of keys.entries()) {
      try {
        const { payload } = await jwtVerify(token, key, options);
        // A token that never expires could never be withdrawn.
        if (!Number.isFinite(payload.exp)) throw new Unusable('token_malformed');
        return payload;
      } catch (error) {
        // jose throws a TypeError for a key that the algorithm cannot use, such as one that is too short.
        const wrongKey = error instanceof errors.JWSSignatureVerificationFailed || error instanceof TypeError;
        if (!wrongKey || i === keys.length - 1) throw error instanceof TypeError ? new Unusable('token_key') : error;
      }
    }
    throw new Unusable('token_key');
  }

  /**
   * Names the bearer. The issuer comes first, so `alice` of two issuers and a named token `alice` are three principals.
   */
  #principal(claims: JWTPayload): string {
    const { jwtPrincipalClaim: claim } = this.settings;
    const value = Object.hasOwn(claims, claim) ? claims[claim] : undefined;
    if (!isPrincipal(value)) throw new Unusable('token_malformed');
    return `${claims.iss}|${value}`;
  }
}

/** Says why a token is refused. */
class Unusable extends Error {
  constructor(readonly reason: keyof typeof WHY) {
    super(reason);
  }
}

/** Reads the header and the issuer of a token that is not verified yet. */
function unverified(token: string): { header: JWSHeaderParameters; issuer: unknown } {
  try {
    return { header: decodeProtectedHeader(token), issuer: decodeJwt(token).iss };
  } catch {
    throw new Unusable('token_malformed');
  }
}

/** Reads the claim `topics`: the exact topics that the bearer may use; undefined for all topics. */
function topicsOf({ topics }: JWTPayload): ReadonlySet<string> | undefined {
  if (topics === undefined) return undefined;
  if (!Array.isArray(topics) || topics.length > MOST_TOPICS || !topics.every((topic) => typeof topic === 'string')) {
    throw new Unusable('token_malformed');
  }
  return new Set(topics);
}

/** Freezes claims to their depth: guards and policies share them. They were JSON, so they have no cycles. */
function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  for (const inner of Object.values(value)) frozen(inner);
  return Object.freeze(value);
}

function reasonOf(error: unknown): keyof typeof WHY {
  if (error instanceof Unusable) return error.reason;
  if (error instanceof errors.JWTExpired) return 'token_expired';
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'token_signature';
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === 'aud') return 'token_audience';
    if (error.claim === 'nbf' && error.reason === 'check_failed') return 'token_not_yet_valid';
    return 'token_malformed';
  }
  if (error instanceof errors.JOSEError) return 'token_malformed';
  throw error;
}
