import { afterFirstWord, firstWord } from './for-issuer.js';
import { filePath, isWebAddress, list } from './values.js';

/**
 * The kinds of values of the `jwt-*` settings. An entry of most of them may begin with an issuer and a space. Which
 * issuers there are is another setting, so what stands here are entries as they were written: jwt-issuers.ts reads them.
 */

/** Issuers of JWTs, exactly as their JWTs name them. Without `|`, which ends the issuer in a principal. */
export const jwtIssuers = list('names of issuers as in the claim "iss", such as https://id.example.com/', (word) =>
  /^[!-{}~]{1,255}$/.test(word) ? word : undefined,
).meta({ value: 'NAMES' });

/** Audiences of JWTs: the services that they are issued for. */
export const jwtAudiences = entries('audiences as in the claim "aud"', (value) =>
  /^[\x20-\x7e]{1,255}$/.test(value),
).meta({ value: 'NAMES' });

/** Addresses from which key sets are fetched. */
export const keySetUrls = entries(
  'https: addresses, such as https://id.example.com/keys (http: on loopback only, or by jwt-allow-http)',
  isWebAddress,
).meta({ value: 'URLS' });

/** Files of keys or tokens. */
export const jwtFiles = entries(
  'paths of files',
  (value) => filePath.safeParse(pathIn(value)).success,
  (word) => filePath.safeParse(pathIn(word)).error!.issues[0].message,
).meta({ value: 'PATHS' });

/** The path in an entry. A path may have spaces itself, so only a URL before it is an issuer for sure. */
function pathIn(entry: string): string {
  return firstWord(entry)?.includes('://') === true ? afterFirstWord(entry)! : entry;
}

/** Names of claims in a JWT, or paths to a claim inside of another. */
export const claimNames = entries('names of claims, such as sub', (value) => CLAIM_NAME.test(value)).meta({
  value: 'NAMES',
});
const CLAIM_NAME = /^[\x21-\x7e]{1,128}$/;

/** Claims that a JWT must have: its name, and a value. */
export const requiredClaims = entries(
  'claims as NAME=VALUE, such as repository_owner=acme',
  (value) => readClaim(value) !== undefined,
  (word) =>
    `expected a claim as NAME=VALUE, such as repository_owner=acme${
      word.includes('=') ? '' : '; in a flag or variable, commas separate claims: write one entry for each value'
    }`,
).meta({ value: 'CLAIMS' });

/** Reads `NAME=VALUE`. The value may hold any characters. Returns undefined for anything else. */
export function readClaim(written: string): { readonly claim: string; readonly value: string } | undefined {
  const [, claim = '', value = ''] = /^([\x21-\x3c\x3e-\x7e]{1,128})=(.{1,512})$/u.exec(written) ?? [];
  return claim === '' ? undefined : { claim, value };
}

/**
 * Types of what is signed for another purpose than access: OpenID Connect Back-Channel Logout, RFC 8417, RFC 9449, RFC
 * 9701, RFC 9101, OpenID Federation, OpenID4VCI, SD-JWT and others in the registry of media types.
 */
const NEVER = new Set([
  'logout',
  'secevent',
  'dpop',
  'token-introspection',
  'oauth-authz-req',
  'client-authentication',
  'oauth-client-attestation',
  'oauth-client-attestation-pop',
  'entity-statement',
  'trust-mark',
  'jwk-set',
  'openid4vci-proof',
  'statuslist',
  'kb',
  'vc',
  'vp',
  'dc+sd',
  'vc+sd',
]);

/**
 * The kind of token that the header `typ` names, ready to compare: media types have no case, and `application/` may be
 * left out (RFC 7515, section 4.1.9).
 */
export function tokenType(written: string): string {
  return written.toLowerCase().replace(/^application\//, '');
}

/** Whether a token of this type opens no server, whatever the settings say. */
export function isNeverAccess(type: string): boolean {
  return NEVER.has(type.replace(/[+-]jwt$/, ''));
}

/** Values of the header `typ`. */
export const tokenTypes = entries(
  'types as in the header "typ", such as at+jwt',
  (value) => /^[\w!#$&^.+/-]{1,127}$/.test(value) && !isNeverAccess(tokenType(value)),
  (word) =>
    isNeverAccess(tokenType(afterFirstWord(word) ?? word))
      ? 'tokens of this type are no access tokens, and never open the server'
      : 'expected a type as in the header "typ", such as at+jwt',
).meta({ value: 'TYPES' });

/** Tenants, by the ids that take the place of `{tenantid}` in the name of an issuer. */
export const tenants = entries(
  'ids of tenants',
  (value) => /^[\w.-]{1,64}$/.test(value) && !isShared(value),
  (word) =>
    isShared(afterFirstWord(word) ?? word)
      ? 'this stands for many tenants: list each by its id'
      : 'expected the id of a tenant, such as 8eaef023-2b34-4da1-9baa-8bc8c9d6a490',
).meta({ value: 'IDS' });

/** Names by which Entra calls tenants of all kinds. No token names one of them. */
function isShared(tenant: string): boolean {
  return /^(?:common|organizations|consumers)$/i.test(tenant);
}

/** A list whose entries may begin with an issuer and a space. Gives the entries as they were written. */
function entries(what: string, isValue: (value: string) => boolean, fault?: (word: string) => string) {
  const isEntry = (word: string): boolean =>
    isValue(word) || (!word.startsWith('-') && isValue(afterFirstWord(word) ?? ''));
  return list(what, (word) => (isEntry(word) ? word : undefined), fault).meta({ byIssuer: true });
}
