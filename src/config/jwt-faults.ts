import type { SettingName, Settings } from './settings.js';
import { isKeyUrl } from './values.js';

/**
 * What is wrong with the settings of JWTs together, a sentence each; `sourceOf` tells where one that is set was written. Each issuer must have keys of
 * its own: with keys for all, one issuer could speak for another.
 */
export function jwtFaults(settings: Settings, sourceOf: (name: SettingName) => string): string[] {
  const { jwtIssuer: issuers, jwtJwksUrl: urls, jwtPublicKey: publicKey } = settings;
  if (issuers === undefined) return [];
  const faults: string[] = [];
  if (new Set(issuers).size < issuers.length) faults.push(`${sourceOf('jwtIssuer')}: names an issuer twice`);
  if (urls !== undefined && publicKey !== undefined) {
    faults.push(`${sourceOf('jwtJwksUrl')} and ${sourceOf('jwtPublicKey')} are both set: keys come from one of them`);
  } else if (urls !== undefined && urls.length !== issuers.length) {
    faults.push(
      `${sourceOf('jwtJwksUrl')}: expected one address for each issuer of ${sourceOf('jwtIssuer')}, in the same order: there are ${urls.length} for ${issuers.length}`,
    );
  } else if (publicKey !== undefined && issuers.length > 1) {
    faults.push(
      `${sourceOf('jwtPublicKey')}: keys of one issuer cannot tell ${issuers.length} apart: give each its jwt-jwks-url`,
    );
  } else if (urls === undefined && publicKey === undefined && !issuers.every(isDiscoverable)) {
    faults.push(
      `${sourceOf('jwtIssuer')}: only an https: address without a query says where the keys are: set jwt-jwks-url or jwt-public-key`,
    );
  }
  return faults;
}

/** OpenID Connect Discovery 1.0, section 2: an issuer is an https address without query and fragment. */
function isDiscoverable(issuer: string): boolean {
  return isKeyUrl(issuer) && !issuer.includes('?');
}
