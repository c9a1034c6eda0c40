/** Most bytes of a SPIFFE ID, and of the name of a trust domain (SPIFFE-ID, sections 2.1 and 2.3). */
const MOST_BYTES = 2048;
const MOST_DOMAIN_BYTES = 255;

/** Scheme, trust domain, and at least one segment of path (SPIFFE-ID, sections 2.1 and 2.2; X509-SVID, section 3.1). */
const SPIFFE_ID = /^spiffe:\/\/([a-z0-9._-]+)((?:\/[A-Za-z0-9._-]+)+)$/;
/** The SPIFFE ID of a trust domain, which authorities have. */
const TRUST_DOMAIN = /^spiffe:\/\/([a-z0-9._-]+)$/;

/**
 * Returns the trust domain of the SPIFFE ID of a workload. Returns undefined for anything else, such as an ID without a
 * path, with `.` or `..` in it, with a port, a query or an escape, or in capitals.
 */
export function trustDomainOf(uri: string): string | undefined {
  const [, domain, path] = SPIFFE_ID.exec(uri) ?? [];
  if (domain === undefined) return undefined;
  return path.split('/').some((segment) => segment === '.' || segment === '..') ? undefined : domain;
}

/** The same, and undefined for an ID that is longer than SPIFFE allows. */
export function trustDomainWithinBounds(uri: string): string | undefined {
  const domain = uri.length <= MOST_BYTES ? trustDomainOf(uri) : undefined;
  return domain !== undefined && domain.length <= MOST_DOMAIN_BYTES ? domain : undefined;
}

/** Returns the trust domain that an authority says it belongs to by its names; undefined if it says none. */
export function trustDomainOfAuthority(uris: readonly string[]): string | undefined {
  return uris.length === 1 ? (TRUST_DOMAIN.exec(uris[0])?.[1] ?? trustDomainWithinBounds(uris[0])) : undefined;
}
