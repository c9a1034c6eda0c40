import type { JWTHeaderParameters, JWTPayload } from 'jose';
import type { IssuerPolicy } from '../../config/jwt-issuers.js';
import { isNeverAccess, tokenType } from '../../config/jwt-values.js';
import { mistakeInAudience } from './claim-mistakes.js';
import { claimAt, holdsOneOf } from './claim-values.js';
import type { KeySource } from './key-source.js';
import { trustDomainOf } from '../spiffe-id.js';

/** Why a token of a known issuer does not open this server, although its issuer signed it. */
export class Unfit extends Error {
  /** `message` is for the peer, and holds nothing of the token. */
  constructor(
    readonly reason: 'token_type' | 'token_claim' | 'token_audience' | 'token_issuer' | 'token_malformed',
    message: string,
  ) {
    super(message);
  }
}

const OTHER_TYPE =
  'This token is no access token for this server, but of another type, such as a logout token; the setting is jwt-typ.';
const ID_TOKEN =
  'This is an ID token, which tells an application who has signed in. Send the access token in its place.';
const OTHER_AUDIENCE = 'This token is for another service.';
const OTHER_DOMAIN = 'The subject of this token is not a SPIFFE ID of its issuer.';

/** Claims that OpenID Connect Core 1.0 puts only into ID tokens: digests of what was issued beside them. */
const DIGESTS = ['at_hash', 'c_hash', 's_hash'];
/** Claims that only access tokens have: RFC 9068, section 2.2; Okta and Entra write `scp`. */
const OF_ACCESS = ['scope', 'scp', 'client_id'];

/**
 * One issuer: what the settings demand of its tokens, and its keys. Knows nothing of signatures.
 * Invariant: a token that passes has an accepted type, is for this service, and has every claim that is required.
 */
export class Issuer {
  constructor(
    readonly policy: IssuerPolicy,
    readonly keys: KeySource,
  ) {}

  /** The claim `iss` of its tokens; undefined where they need not have one. */
  get iss(): string | undefined {
    return this.policy.spiffe ? undefined : this.policy.name;
  }

  /** Throws Unfit unless a token whose signature and times are right opens this server (A4, A11). */
  check(header: Pick<JWTHeaderParameters, 'typ'>, claims: JWTPayload): void {
    const { name, spiffe, audiences, audienceClaim, required } = this.policy;
    if (spiffe && issuerOfSvid(claims.sub) !== name) throw new Unfit('token_issuer', OTHER_DOMAIN);
    this.#checkType(header.typ, claims);
    const held = [audienceClaim, ...(claims.aud === undefined ? [] : ['aud'])];
    if (!held.every((claim) => holdsAudience(claimAt(claims, claim), audiences))) {
      const mistake = audienceClaim === 'aud' ? mistakeInAudience(claims.aud) : undefined;
      throw new Unfit('token_audience', mistake ?? OTHER_AUDIENCE);
    }
    for (const [claim, values] of required) {
      if (holdsOneOf(claims, claim, values)) continue;
      const lack =
        claimAt(claims, claim) === undefined
          ? `This token lacks the claim ${claim}, which this server requires`
          : `The claim ${claim} of this token holds no value that this server requires`;
      throw new Unfit('token_claim', `${lack}; the setting is jwt-require-claim.`);
    }
  }

  #checkType(typ: unknown, claims: JWTPayload): void {
    const { types, idTokens } = this.policy;
    const type = typ === undefined ? 'jwt' : tokenType(typeof typ === 'string' ? typ : '');
    if (!types.includes(type) || isNeverAccess(type)) throw new Unfit('token_type', OTHER_TYPE);
    // RFC 9068, section 5: what is marked as an access token is one.
    if (type === 'at+jwt') return;
    if (isOfAnotherKind(claims)) throw new Unfit('token_type', OTHER_TYPE);
    if (!idTokens && isIdToken(claims)) throw new Unfit('token_type', ID_TOKEN);
  }
}

/** The issuer of a JWT-SVID by its subject: its trust domain, such as `spiffe://example.org`. Undefined for anything else. */
export function issuerOfSvid(sub: unknown): string | undefined {
  const domain = typeof sub === 'string' ? trustDomainOf(sub) : undefined;
  return domain === undefined ? undefined : `spiffe://${domain}`;
}

/** RFC 7519, section 4.1.3: a text, or a list of them. */
function holdsAudience(value: unknown, audiences: readonly string[]): boolean {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return values.some((each) => typeof each === 'string' && audiences.includes(each));
}

/**
 * Whether claims are those of an event (RFC 8417, section 2.2; logout tokens are events), or of what Keycloak marks as
 * a token for itself.
 */
function isOfAnotherKind(claims: JWTPayload): boolean {
  const { events, typ } = claims;
  const isEvent = typeof events === 'object' && events !== null && !Array.isArray(events);
  return isEvent || (typeof typ === 'string' && /^(?:refresh|offline|logout)$/i.test(typ));
}

/**
 * Whether claims are those of an ID token. Its specification has no mark for it, so this goes by what the providers
 * write: Keycloak `typ`, Cognito `token_use`, and all of them the digests of what was issued beside it. A `nonce` comes
 * from the request of a browser; some access tokens repeat it.
 */
function isIdToken(claims: JWTPayload): boolean {
  const has = (claim: string): boolean => claims[claim] !== undefined;
  const { typ, token_use: use } = claims;
  if (typ === 'ID' || use === 'id' || DIGESTS.some(has)) return true;
  return has('nonce') && typ !== 'Bearer' && use !== 'access' && !OF_ACCESS.some(has);
}
