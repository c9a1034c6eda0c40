import { chosen, firstWord } from './for-issuer.js';
import { BY_ISSUER, entriesOf, hasTenants, isSpiffe, issuersOf, policiesOf } from './jwt-issuers.js';
import type { ByIssuer, IssuerPolicy } from './jwt-issuers.js';
import { flagOf } from './setting-names.js';
import { settingsSchema } from './settings.js';
import type { SettingName, Settings } from './settings.js';
import { isKeyUrl } from './values.js';

/** Returns the place where a setting was written. */
type SourceOf = (name: SettingName) => string;

/** Maximum number of tenants: the keys of each are fetched on their own. */
const MOST_TENANTS = 100;

/** Settings whose values have no spaces in them, so that the first of two words can be nothing but an issuer. */
const ONE_WORD: ReadonlySet<ByIssuer> = new Set([
  'jwtTenant',
  'jwtAudienceClaim',
  'jwtTyp',
  'jwtJwksUrl',
  'jwtPrincipalClaim',
]);

/** Settings of which there can be one for an issuer. */
const ONE_EACH: readonly ByIssuer[] = ['jwtAudienceClaim', 'jwtPrincipalClaim', 'jwtJwksTokenFile'];

/** Bytes of a handshake's headers besides its token: those of browsers and proxies, with room for a small cookie. */
const OTHER_HEADER_BYTES = 2048;

/** Bytes of headers that a handshake needs for a JWT of that many, if it comes as a subprotocol, in base64url. */
export function headerBytesFor(jwtBytes: number): number {
  return Math.ceil((jwtBytes * 4) / 3) + OTHER_HEADER_BYTES;
}

/**
 * What is wrong with the combination of JWT settings, one sentence each. `sourceOf` names the place where a setting was
 * written. Each issuer needs its own keys: with shared keys, one issuer could speak for another.
 */
export function jwtFaults(settings: Settings, sourceOf: SourceOf): string[] {
  const { jwtIssuer: issuers } = settings;
  if (issuers === undefined) return [];
  const unknown = BY_ISSUER.flatMap((name) => unknownIssuers(settings, name, sourceOf(name)));
  if (unknown.length > 0) return unknown;
  const names = issuersOf(settings).map(({ name }) => name);
  const twice = new Set(issuers).size < issuers.length || new Set(names).size < names.length;
  return [
    ...(twice ? [`${sourceOf('jwtIssuer')}: an issuer is listed twice`] : []),
    ...consentFaults(settings, sourceOf),
    ...tenantFaults(settings, sourceOf),
    ...keyFaults(settings, sourceOf),
    ...ONE_EACH.flatMap((name) =>
      isTwice(settings, name) ? [`${sourceOf(name)}: there can be one for an issuer`] : [],
    ),
    ...issuers.flatMap((_, i) => issuerFaults(settings, i, sourceOf)),
    ...sizeFaults(settings, sourceOf),
  ];
}

/** ` for issuer 2` where there are several. An issuer is not repeated: it may be a secret in the wrong place. */
function which(issuers: readonly string[], index: number): string {
  return issuers.length === 1 ? '' : ` for issuer ${index + 1}`;
}

/** Entries that begin with an issuer that is not listed, as far as that can be told. */
function unknownIssuers(settings: Settings, name: ByIssuer, source: string): string[] {
  const entries = entriesOf(settings, name);
  return entries.flatMap(({ issuer, value }, i) => {
    const word = firstWord(value);
    if (issuer !== undefined || word === undefined) return [];
    const isIssuer = ONE_WORD.has(name) || (word.includes('://') && !word.includes('='));
    const entry = entries.length === 1 ? '' : `entry ${i + 1} `;
    return isIssuer
      ? [`${source}: ${entry}begins with an issuer that jwt-issuer does not list, letter for letter`]
      : [];
  });
}

function isTwice(settings: Settings, name: ByIssuer): boolean {
  const issuers = entriesOf(settings, name).map(({ issuer }) => issuer);
  return new Set(issuers).size < issuers.length;
}

/** Settings that are lists of issuers must name issuers. */
function consentFaults(settings: Settings, sourceOf: SourceOf): string[] {
  return (['jwtAllowHttp', 'jwtAllowIdTokens'] as const).flatMap((name) => {
    const listed = settings[name] ?? [];
    const { def } = settingsSchema.shape[name];
    const isDefault = 'defaultValue' in def && listed.join() === String(def.defaultValue);
    if (isDefault || listed.every((issuer) => settings.jwtIssuer!.includes(issuer))) return [];
    return [`${sourceOf(name)}: expected issuers as jwt-issuer lists them, letter for letter`];
  });
}

function tenantFaults(settings: Settings, sourceOf: SourceOf): string[] {
  const { jwtIssuer = [], jwtTenant } = settings;
  const withTenants = jwtIssuer.filter(hasTenants);
  if (jwtTenant !== undefined) {
    if (withTenants.length === 0) {
      return [`${sourceOf('jwtTenant')} is set but no issuer of jwt-issuer has {tenantid} in its name`];
    }
    if (issuersOf(settings).filter(({ tenant }) => tenant).length > MOST_TENANTS) {
      return [`${sourceOf('jwtTenant')}: expected at most ${MOST_TENANTS} tenants`];
    }
  }
  if (jwtIssuer.some((issuer) => /[{}]/.test(issuer.replace(/\{tenantid\}/gi, '')))) {
    return [`${sourceOf('jwtIssuer')}: what stands for a tenant is written {tenantid}`];
  }
  const tenants = entriesOf(settings, 'jwtTenant');
  if (withTenants.every((issuer) => chosen(tenants, issuer).length > 0)) return [];
  return [
    `${sourceOf('jwtIssuer')} has {tenantid} but ${flagOf('jwtTenant')} lists no tenant for it: ` +
      'without a list, every tenant of the provider could connect',
  ];
}

/** Faults of where keys are, beyond a single issuer. */
function keyFaults(settings: Settings, sourceOf: SourceOf): string[] {
  const { jwtIssuer: issuers = [] } = settings;
  const [urls, files, tokens] = (['jwtJwksUrl', 'jwtPublicKey', 'jwtJwksTokenFile'] as const).map((name) =>
    entriesOf(settings, name),
  );
  const faults: string[] = [];
  const inOrder = urls.filter(({ issuer }) => issuer === undefined);
  const both = `${sourceOf('jwtJwksUrl')} and ${sourceOf('jwtPublicKey')} are both set`;
  if (inOrder.length > 0 && files.some(({ issuer }) => issuer === undefined)) {
    faults.push(`${both}: set only one of them`);
  } else if (inOrder.length > 0 && inOrder.length < urls.length) {
    faults.push(`${sourceOf('jwtJwksUrl')}: begin each address with its issuer and a space, or none`);
  } else if (inOrder.length > 0 && inOrder.length !== issuers.length) {
    faults.push(
      `${sourceOf('jwtJwksUrl')}: expected one address for each issuer of ${sourceOf('jwtIssuer')}, ` +
        `in the same order, but there are ${inOrder.length} for ${issuers.length} issuers; ` +
        'or begin each with its issuer and a space',
    );
  } else if (files.some(({ issuer }) => issuer === undefined) && issuers.length > 1) {
    faults.push(
      `${sourceOf('jwtPublicKey')}: these keys belong to one issuer, but there are ${issuers.length}: ` +
        'begin the path with the issuer and a space, or set a jwt-jwks-url for each',
    );
  } else {
    const two = issuers.findIndex(
      (issuer) => files.some((file) => file.issuer === issuer) && urlsOf(urls, issuer, issuers).length > 0,
    );
    if (two >= 0) faults.push(`${both}${which(issuers, two)}: set only one of them`);
  }
  if (isTwice(settings, 'jwtPublicKey')) faults.push(`${sourceOf('jwtPublicKey')}: there can be one for an issuer`);
  else if (new Set(files.map(({ value }) => value)).size < files.length) {
    faults.push(`${sourceOf('jwtPublicKey')}: two issuers have the same keys: each could speak for the other`);
  }
  if (inOrder.length === 0 && isTwice(settings, 'jwtJwksUrl')) {
    faults.push(`${sourceOf('jwtJwksUrl')}: there can be one for an issuer`);
  }
  if (tokens.some(({ issuer }) => issuer === undefined) && issuers.length > 1) {
    faults.push(
      `${sourceOf('jwtJwksTokenFile')}: begin the path with the issuer that the token is for, and a space: ` +
        'otherwise the other issuers would learn the token',
    );
  }
  return faults;
}

function urlsOf(
  urls: readonly { issuer: string | undefined }[],
  issuer: string,
  issuers: readonly string[],
): unknown[] {
  return urls.filter((url, i) => url.issuer === issuer || (url.issuer === undefined && issuers[i] === issuer));
}

/** Faults of one entry of `jwt-issuer`. */
function issuerFaults(settings: Settings, index: number, sourceOf: SourceOf): string[] {
  const issuers = settings.jwtIssuer!;
  const [policy] = policiesOf(settings, index);
  if (policy === undefined) return [];
  const issuer = issuers[index];
  const forWhich = which(issuers, index);
  const own = (name: ByIssuer): boolean => entriesOf(settings, name).some((entry) => entry.issuer === issuer);
  const faults: string[] = [];
  if (settings.jwtAudience !== undefined && policy.audiences.length === 0) {
    faults.push(`${sourceOf('jwtAudience')}: there is none${forWhich}: tokens for other services would open this one`);
  }
  if (isSpiffe(issuer)) {
    if (!/^spiffe:\/\/[a-z0-9._-]+$/.test(issuer)) {
      faults.push(
        `${sourceOf('jwtIssuer')}: a trust domain is written as spiffe://example.org, in small letters and without a path`,
      );
    } else if ('url' in policy.keysAt && policy.keysAt.url === undefined) {
      faults.push(
        `${sourceOf('jwtIssuer')}: a SPIFFE trust domain has no discovery: ` +
          'set jwt-jwks-url to its bundle endpoint, or jwt-public-key to a file with its bundle',
      );
    }
    if (own('jwtPrincipalClaim')) {
      faults.push(`${sourceOf('jwtPrincipalClaim')}: the principal of a JWT-SVID is its SPIFFE ID`);
    }
    if (own('jwtAudienceClaim')) faults.push(`${sourceOf('jwtAudienceClaim')}: a JWT-SVID must have aud`);
  }
  return [...faults, ...fetchFaults(policy, forWhich, sourceOf)];
}

/** What is wrong with how the keys of an issuer are fetched. */
function fetchFaults(policy: IssuerPolicy, forWhich: string, sourceOf: SourceOf): string[] {
  const { keysAt, name: issuer, plainHttp, tokenFile, spiffe } = policy;
  if ('file' in keysAt) {
    return tokenFile === undefined
      ? []
      : [`${sourceOf('jwtJwksTokenFile')}: the keys${forWhich} are in a file, so nothing is fetched`];
  }
  const { url } = keysAt;
  if (tokenFile !== undefined && !isKeyUrl(url ?? issuer)) {
    return [`${sourceOf('jwtJwksTokenFile')}: over http: anyone on the way could read the token`];
  }
  if (url !== undefined) {
    if (isKeyUrl(url, plainHttp)) return [];
    return [
      `${sourceOf('jwtJwksUrl')}: the address${forWhich} is not an https: one (http: on loopback only); ` +
        'if nobody else is on the way, consent by naming the issuer in jwt-allow-http',
    ];
  }
  if (spiffe || isDiscoverable(issuer, plainHttp)) return [];
  const schemeMissing = /^[\w-]+\.[^:]*$/.test(issuer) && isDiscoverable(`https://${issuer}`, false);
  const advice = [
    ...(schemeMissing ? ['add https:// as in the claim "iss"'] : []),
    ...(isDiscoverable(issuer, true) ? ['consent to http: by naming the issuer in jwt-allow-http'] : []),
    'set jwt-jwks-url or jwt-public-key',
  ].join(', or ');
  return [`${sourceOf('jwtIssuer')}: discovery${forWhich} needs an https: address without a query: ${advice}`];
}

/** A13: a JWT of the length that is allowed must fit into the headers that are. */
function sizeFaults({ maxJwtBytes, maxHeaderBytes }: Settings, sourceOf: SourceOf): string[] {
  const needed = headerBytesFor(maxJwtBytes);
  if (needed <= maxHeaderBytes) return [];
  return [
    `${sourceOf('maxJwtBytes')} does not fit into ${sourceOf('maxHeaderBytes')}: as a subprotocol, which browsers use, ` +
      `a JWT of ${maxJwtBytes} bytes needs headers of ${needed}; raise max-header-bytes to that, ` +
      `or lower max-jwt-bytes to ${jwtBytesIn(maxHeaderBytes)}`,
  ];
}

/** The longest JWT, in bytes, that headers of that many bytes have room for. */
function jwtBytesIn(headerBytes: number): number {
  return Math.floor(((headerBytes - OTHER_HEADER_BYTES) * 3) / 4);
}

/**
 * Whether OpenID Connect Discovery 1.0 (section 2) can find the keys: it needs an https address without query and
 * fragment.
 */
function isDiscoverable(issuer: string, plainHttp: boolean): boolean {
  return isKeyUrl(issuer, plainHttp) && !issuer.includes('?');
}
