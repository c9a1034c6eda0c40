import type { SettingName, Settings } from './settings.js';
import { isKeyUrl } from './values.js';

/**
 * What is wrong with the combination of JWT settings, one sentence each. `sourceOf` names the place where a setting was
 * written. Each issuer needs its own keys: with shared keys, one issuer could speak for another.
 */
export function jwtFaults(settings: Settings, sourceOf: (name: SettingName) => string): string[] {
  const { jwtIssuer: issuers, jwtJwksUrl: urls, jwtPublicKey: publicKey } = settings;
  if (issuers === undefined) return [];
  const faults: string[] = [];
  if (new Set(issuers).size < issuers.length) faults.push(`${sourceOf('jwtIssuer')}: an issuer is listed twice`);
  if (urls !== undefined && publicKey !== undefined) {
    faults.push(`${sourceOf('jwtJwksUrl')} and ${sourceOf('jwtPublicKey')} are both set: set only one of them`);
  } else if (urls !== undefined && urls.length !== issuers.length) {
    faults.push(
      `${sourceOf('jwtJwksUrl')}: expected one address for each issuer of ${sourceOf('jwtIssuer')}, ` +
        `in the same order, but there are ${urls.length} for ${issuers.length} issuers`,
    );
  } else if (publicKey !== undefined && issuers.length > 1) {
    faults.push(
      `${sourceOf('jwtPublicKey')}: these keys belong to one issuer, but there are ${issuers.length}: ` +
        'set a jwt-jwks-url for each',
    );
  } else if (urls === undefined && publicKey === undefined && !issuers.every(isDiscoverable)) {
    const schemeMissing = issuers.some(
      (issuer) => /^[\w-]+\.[^:]*$/.test(issuer) && isDiscoverable(`https://${issuer}`),
    );
    faults.push(
      `${sourceOf('jwtIssuer')}: discovery needs an https: address without a query: ` +
        `${schemeMissing ? 'add https:// as in the claim "iss", or ' : ''}set jwt-jwks-url or jwt-public-key`,
    );
  }
  return faults;
}

/**
 * Whether OpenID Connect Discovery 1.0 (section 2) can find the keys: it needs an https address without query and
 * fragment.
 */
function isDiscoverable(issuer: string): boolean {
  return isKeyUrl(issuer) && !issuer.includes('?');
}
