import { chosen, forIssuer } from './for-issuer.js';
import type { ForIssuer } from './for-issuer.js';
import { readClaim, tokenType } from './jwt-values.js';
import type { Settings } from './settings.js';

/** Where the keys of an issuer are. */
export type KeysAt =
  /** The file of `jwt-public-key`. */
  | { readonly file: string }
  /** A `jwt-jwks-url`; undefined for OpenID Connect Discovery. */
  | { readonly url: string | undefined };

/** What the settings say of one issuer. */
export interface IssuerPolicy {
  /** As the claim `iss` has it; of SPIFFE, the trust domain, such as `spiffe://example.org`. */
  readonly name: string;
  /** Whether it is a SPIFFE trust domain: its tokens have no `iss`, and their `sub` names it. */
  readonly spiffe: boolean;
  /** Whether it is one of several tenants that one entry of `jwt-issuer` stands for. */
  readonly tenant: boolean;
  readonly keysAt: KeysAt;
  /** File of a bearer token to show where the keys are fetched. */
  readonly tokenFile: string | undefined;
  /** Whether the keys may be fetched over `http:`. */
  readonly plainHttp: boolean;
  readonly audiences: readonly string[];
  /** Claim that holds the audience. */
  readonly audienceClaim: string;
  readonly principalClaim: string;
  /** Accepted values of the header `typ`, in small letters and without `application/`; `jwt` also stands for none. */
  readonly types: readonly string[];
  /** Whether its ID tokens are accepted. */
  readonly idTokens: boolean;
  /** By the name of a claim, the values of which it must hold one. */
  readonly required: ReadonlyMap<string, readonly string[]>;
}

/** The names of settings whose entries may begin with an issuer. */
export const BY_ISSUER = [
  'jwtTenant',
  'jwtAudience',
  'jwtAudienceClaim',
  'jwtRequireClaim',
  'jwtTyp',
  'jwtJwksUrl',
  'jwtJwksTokenFile',
  'jwtPublicKey',
  'jwtPrincipalClaim',
] as const;
export type ByIssuer = (typeof BY_ISSUER)[number];

/** What the types of JWTs are by default: RFC 7519, section 5.1, and RFC 9068, section 2.1. */
const TYPES = ['jwt', 'at+jwt'];
/** JWT-SVID, section 2.3. */
const SPIFFE_TYPES = ['jwt', 'jose'];

const TENANT = /\{tenantid\}/gi;

/** The entries of a setting, each with its issuer. */
export function entriesOf(settings: Settings, name: ByIssuer): ForIssuer[] {
  return (settings[name] ?? []).map((entry) => forIssuer(entry, settings.jwtIssuer ?? []));
}

/** Whether a name of an issuer is that of a SPIFFE trust domain, or meant to be. */
export function isSpiffe(issuer: string): boolean {
  return /^spiffe:/i.test(issuer);
}

/** Whether a name of an issuer stands for several tenants. */
export function hasTenants(issuer: string): boolean {
  return issuer.search(TENANT) >= 0;
}

/** What the settings say of each issuer. */
export function issuersOf(settings: Settings): IssuerPolicy[] {
  return (settings.jwtIssuer ?? []).flatMap((_, index) => policiesOf(settings, index));
}

/** What the settings say of one entry of `jwt-issuer`: of one issuer, or of each of its tenants. */
export function policiesOf(settings: Settings, index: number): IssuerPolicy[] {
  const { jwtIssuer: issuers = [], jwtAllowHttp: plain = [], jwtAllowIdTokens: idTokens } = settings;
  const issuer = issuers[index];
  const spiffe = isSpiffe(issuer);
  const valuesOf = (name: ByIssuer): string[] => chosen(entriesOf(settings, name), issuer);
  const valueOf = (name: ByIssuer): string | undefined => valuesOf(name)[0];
  // What is said of all issuers is said of access tokens.
  const types = chosen(
    entriesOf(settings, 'jwtTyp').filter((entry) => !spiffe || entry.issuer === issuer),
    issuer,
  );
  const keysAt = keysOf(settings, issuer, index);
  const policy = {
    spiffe,
    plainHttp: plain.includes(issuer),
    tokenFile: valueOf('jwtJwksTokenFile'),
    audiences: valuesOf('jwtAudience'),
    audienceClaim: (spiffe ? undefined : valueOf('jwtAudienceClaim')) ?? 'aud',
    principalClaim: (spiffe ? undefined : valueOf('jwtPrincipalClaim')) ?? 'sub',
    types: types.length > 0 ? types.map(tokenType) : spiffe ? SPIFFE_TYPES : TYPES,
    idTokens: idTokens.includes(issuer),
    required: requiredOf(entriesOf(settings, 'jwtRequireClaim'), issuer),
  };
  if (!hasTenants(issuer)) return [{ ...policy, name: issuer, tenant: false, keysAt }];
  return valuesOf('jwtTenant').map((tenant) => {
    const of = (text: string): string => text.replace(TENANT, tenant);
    const url = 'url' in keysAt && keysAt.url !== undefined ? { url: of(keysAt.url) } : keysAt;
    return { ...policy, name: of(issuer), tenant: true, keysAt: url };
  });
}

function keysOf(settings: Settings, issuer: string, index: number): KeysAt {
  const [file] = chosen(entriesOf(settings, 'jwtPublicKey'), issuer);
  if (file !== undefined) return { file };
  const urls = entriesOf(settings, 'jwtJwksUrl');
  const inOrder = urls.every((entry) => entry.issuer === undefined);
  return { url: inOrder ? urls[index]?.value : urls.find((entry) => entry.issuer === issuer)?.value };
}

/** The claims that an issuer's tokens must have: for each claim, the issuer's own entries or else those for all. */
function requiredOf(entries: readonly ForIssuer[], issuer: string): ReadonlyMap<string, readonly string[]> {
  const claims = entries.map((entry) => ({ issuer: entry.issuer, ...readClaim(entry.value)! }));
  return new Map(
    [...new Set(claims.map(({ claim }) => claim))].flatMap((name) => {
      const values = chosen(
        claims.filter(({ claim }) => claim === name),
        issuer,
      );
      return values.length === 0 ? [] : [[name, values] as const];
    }),
  );
}
