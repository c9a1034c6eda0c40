import type { OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import { decodeJwt, decodeProtectedHeader, errors, jwtVerify } from 'jose';
import type { CryptoKey, JWSHeaderParameters, JWTPayload } from 'jose';
import type { Clock } from '../../clock/clock.js';
import { readAnew, readSecretFile } from '../../config/secret-file.js';
import type { Settings } from '../../config/settings.js';
import { bearerToken } from '../../config/values.js';
import type { Log } from '../../logging/log.js';
import type { RefusalReason } from '../../protocol/refusal-reasons.js';
import type { Credential } from '../bearer-tokens.js';
import { Refusal } from '../../connection/refusal.js';
import { TokenVerifier } from '../token-verifier.js';
import type { NamedIssuer } from '../token-verifier.js';
import { issuersOf } from '../../config/jwt-issuers.js';
import type { IssuerPolicy } from '../../config/jwt-issuers.js';
import {
  ENCRYPTED,
  EXTENSIONS,
  isEncrypted,
  mistakeInBearer,
  mistakeInIssuer,
  mistakeInParts,
  mistakeInTimes,
  UNUSABLE,
} from './claim-mistakes.js';
import { claimAt } from './claim-values.js';
import { grantedTopics, TopicsMistake, topicsThatFit } from './granted-topics.js';
import { Issuer, issuerOfSvid, Unfit } from './issuer.js';
import { isTooDeep, jwtProof, MOST_DEEP } from './jwt-proof.js';
import { KeysUnavailable, KeyUnknown } from './key-source.js';
import type { KeySource } from './key-source.js';
import { PublicKeys } from './public-keys.js';
import { ownKeys } from './own-keys.js';
import { RemoteKeys } from './remote-keys.js';
import type { RemoteKeysParts } from './remote-keys.js';

/** RFC 7515, section 3.1. The signature may be empty here, so that an unsigned token gets its own refusal. */
const COMPACT_JWS = /^[\w-]+\.[\w-]+\.[\w-]*$/;

/** What a peer is told about a JWT that is refused with 401 (RFC 6750, section 3.1), unless there is more to say. */
const WHY = {
  token_too_long: 'This token is too long; the setting is max-jwt-bytes.',
  token_malformed: `${UNUSABLE}it is not a JWT as RFC 7519 has it.`,
  token_algorithm:
    'This token is signed with an algorithm that this server does not accept; the setting is jwt-algorithms.',
  token_issuer: 'This server does not know the issuer of this token.',
  token_key: 'This token is signed with a key that does not belong to its issuer.',
  token_signature: 'The signature of this token is wrong.',
  token_expired: 'This token has expired.',
  token_not_yet_valid: 'This token is not valid yet.',
} as const satisfies { readonly [Reason in RefusalReason]?: string };

const NO_KEYS = "This server cannot get the keys of this token's issuer at the moment; try again.";
const UNKNOWN_KEY =
  'This server does not know the key of this token yet, and has asked its issuer for keys a moment ago; try again.';

/**
 * Owns the sources of the issuers' keys, and judges JWTs (RFC 7519, RFC 8725) by them. Knows nothing of requests.
 * Invariant: a token is verified with the keys of the issuer that it names and with an allowed algorithm. Before that,
 * no claim but the issuer's name is used. Keys and key URLs inside the token are never used. A token that cannot be
 * verified lets nobody in.
 */
export class JwtVerifier extends TokenVerifier implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly on = true;
  readonly #issuers: ReadonlyMap<string, Issuer>;
  readonly #algorithms: readonly string[];

  /** Throws a StartupError if a `jwt-public-key` or a `jwt-jwks-token-file` cannot be used. */
  constructor(
    private readonly settings: Settings,
    private readonly clock: Clock,
    log: Log<'auth'>,
  ) {
    super();
    this.#algorithms = settings.jwtAlgorithms;
    const keysOf = (policy: IssuerPolicy): KeySource =>
      'file' in policy.keysAt
        ? new PublicKeys(policy.keysAt.file, policy, settings.jwtAlgorithms)
        : new RemoteKeys({ ...remotely(policy, policy.keysAt.url), clock, log });
    this.#issuers = new Map(issuersOf(settings).map((policy) => [policy.name, new Issuer(policy, keysOf(policy))]));
  }

  /**
   * Fetches the keys before they are needed. The start neither waits for them nor fails without them. Those of tenants
   * are fetched when one comes.
   */
  onApplicationBootstrap(): void {
    for (const { keys, policy } of this.#issuers.values()) {
      if (keys instanceof RemoteKeys && !policy.tenant) void keys.fetch();
    }
  }

  onApplicationShutdown(): void {
    for (const { keys } of this.#issuers.values()) if (keys instanceof RemoteKeys) keys.close();
  }

  readKeysAgain(path: string): number {
    const files = [...this.#issuers.values()].map(({ keys }) => keys).filter((keys) => keys instanceof PublicKeys);
    // Tenants have a file in common.
    const sizes = files.filter((keys) => keys.path === path).map((keys) => keys.renew());
    return sizes[0] ?? 0;
  }

  takes(token: string): boolean {
    return COMPACT_JWS.test(token) || isEncrypted(token);
  }

  async verify(token: string, found: (named: NamedIssuer) => void = () => undefined): Promise<Credential> {
    try {
      const { claims, issuer } = await this.#verified(token, found);
      return {
        proof: jwtProof(issuer.policy.name, token),
        revoked: false,
        principal: this.#principal(claims, issuer.policy),
        topics: grantedTopics(claims),
        expiresAt: claims.exp! * 1000 + this.settings.jwtClockTolerance,
      };
    } catch (error) {
      if (error instanceof KeyUnknown) {
        throw new Refusal(503, 'token_key_unknown', UNKNOWN_KEY, { retryAfter: error.retryAfter });
      }
      if (error instanceof KeysUnavailable) {
        throw new Refusal(503, 'keys_unavailable', NO_KEYS, { retryAfter: error.retryAfter });
      }
      if (error instanceof Unfit) throw new Refusal(401, error.reason, error.message);
      const { reason, message } = unusable(error);
      throw new Refusal(401, reason, message);
    }
  }

  async #verified(token: string, found: (named: NamedIssuer) => void): Promise<{ claims: JWTPayload; issuer: Issuer }> {
    const { maxJwtBytes } = this.settings;
    if (token.length > maxJwtBytes) throw new Unusable('token_too_long', tooLong(token, maxJwtBytes));
    if (isEncrypted(token)) throw new Unusable('token_malformed', ENCRYPTED);
    const { header, claims: unproven } = unverified(token);
    if (header.crit !== undefined) throw new Unusable('token_malformed', EXTENSIONS);
    if (!this.#algorithms.includes(header.alg!)) throw new Unusable('token_algorithm');
    const issuer = this.#issuerOf(unproven);
    if (issuer === undefined) {
      const isSvid = issuerOfSvid(unproven.sub) !== undefined;
      throw new Unusable('token_issuer', isSvid ? undefined : mistakeInIssuer(unproven.iss));
    }
    const { name } = issuer.policy;
    found({ issuer: name, proved: false });
    const claims = await this.#signed(header, token, issuer).catch((error: unknown) => {
      if (isBehindTheSignature(error)) found({ issuer: name, proved: true });
      throw error;
    });
    found({ issuer: name, proved: true });
    if (isTooDeep(claims)) {
      throw new Unfit('token_malformed', `The claims of this token are nested more than ${MOST_DEEP} deep.`);
    }
    issuer.check(header, claims);
    return { claims, issuer };
  }

  /** The issuer that a token names: in `iss`, or by the trust domain of its `sub` (JWT-SVID, section 3.1). */
  #issuerOf({ iss, sub }: JWTPayload): Issuer | undefined {
    return this.#issuers.get(iss!) ?? this.#issuers.get(issuerOfSvid(sub)!);
  }

  async #signed(header: JWSHeaderParameters, token: string, { keys, iss }: Issuer): Promise<JWTPayload> {
    for (;;) {
      try {
        return await this.#signedWith(await keys.candidates(header), token, iss);
      } catch (error) {
        // The issuer may have a new key: under a new `kid`, under the same one, or without one.
        if (!isOfTheKey(error) || !(await keys.renewed(header))) throw error;
      }
    }
  }

  /** Returns the claims of a token that one of the keys verifies. */
  async #signedWith(keys: readonly CryptoKey[], token: string, issuer: string | undefined): Promise<JWTPayload> {
    const options = {
      algorithms: [...this.#algorithms],
      ...(issuer !== undefined && { issuer }),
      clockTolerance: this.settings.jwtClockTolerance / 1000,
      currentDate: new Date(this.clock.now()),
    };
    for (const [i, key] of keys.entries()) {
      try {
        const { payload } = await jwtVerify(token, key, options);
        // A token that never expires could never be withdrawn.
        const mistake = mistakeInTimes(payload);
        if (mistake !== undefined) throw new Unusable('token_malformed', mistake);
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
  #principal(claims: JWTPayload, { name, principalClaim, spiffe }: IssuerPolicy): string {
    const value = claimAt(claims, principalClaim);
    const mistake = mistakeInBearer(principalClaim, value);
    if (mistake !== undefined) throw new Unusable('token_malformed', mistake);
    // A SPIFFE ID begins with its trust domain, and is the principal of a certificate as well.
    return spiffe ? (value as string) : `${name}|${value as string}`;
  }
}

/** Says why a token is refused. */
class Unusable extends Error {
  constructor(
    readonly reason: keyof typeof WHY,
    message: string = WHY[reason],
  ) {
    super(message);
  }
}

/** Reads a token that is not verified yet. */
function unverified(token: string): { header: JWSHeaderParameters; claims: JWTPayload } {
  try {
    return { header: decodeProtectedHeader(token), claims: decodeJwt(token) };
  } catch {
    throw new Unusable('token_malformed', mistakeInParts(token));
  }
}

/** What is said of a token that is too long, and how much one of the right length can hold. */
function tooLong(token: string, most: number): string {
  const { topics, digests } = topicsThatFit(token, most);
  const why = `This token has more than ${most} characters; the setting is max-jwt-bytes.`;
  return digests === 0
    ? why
    : `${why} About ${topics} of cairn's topics fit into its claim topics, or ${digests} digests into topics_sha256.`;
}

/** How the keys of an issuer are fetched. */
function remotely(
  policy: IssuerPolicy,
  url: string | undefined,
): Pick<RemoteKeysParts, 'issuer' | 'url' | 'own' | 'plainHttp' | 'bearer'> {
  const { name: issuer, tokenFile, plainHttp } = policy;
  const read = (path: string): string => readSecretFile('jwt-jwks-token-file', path, bearerToken);
  return {
    issuer,
    url,
    own: (published) => ownKeys(published, policy),
    plainHttp,
    bearer: tokenFile === undefined ? undefined : readAnew(tokenFile, () => read(tokenFile)),
  };
}

/** Whether a newer key of the issuer may lead to another answer. */
function isOfTheKey(error: unknown): boolean {
  return (
    error instanceof errors.JWSSignatureVerificationFailed ||
    (error instanceof Unusable && error.reason === 'token_key')
  );
}

/** Whether a token is refused for its times, which nobody looks at before the signature is right. */
function isBehindTheSignature(error: unknown): boolean {
  return (
    error instanceof errors.JWTExpired ||
    error instanceof errors.JWTClaimValidationFailed ||
    (error instanceof Unusable && error.reason === 'token_malformed')
  );
}

function unusable(error: unknown): Unusable {
  if (error instanceof Unusable) return error;
  if (error instanceof TopicsMistake) return new Unusable('token_malformed', error.message);
  if (error instanceof errors.JWSSignatureVerificationFailed) return new Unusable('token_signature');
  if (error instanceof errors.JWTExpired || error instanceof errors.JWTClaimValidationFailed) {
    return claimRefused(error);
  }
  if (error instanceof errors.JOSEError) return new Unusable('token_malformed');
  throw error;
}

function claimRefused({ claim, payload }: errors.JWTClaimValidationFailed | errors.JWTExpired): Unusable {
  const mistake = mistakeInTimes(payload);
  if (mistake !== undefined) return new Unusable('token_malformed', mistake);
  if (claim === 'exp') return new Unusable('token_expired');
  return new Unusable(claim === 'nbf' ? 'token_not_yet_valid' : 'token_malformed');
}
