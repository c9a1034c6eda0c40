import type { JWK, JSONWebKeySet } from 'jose';
import type { IssuerPolicy } from '../../config/jwt-issuers.js';

/** A key of a key set, with the members that issuers add. */
interface PublishedKey extends JWK {
  /** Entra: the issuer that the key signs for, maybe with `{tenantid}` for any tenant. */
  readonly issuer?: unknown;
}

/**
 * Returns what an issuer may sign with, of a key set that it publishes. Of a SPIFFE bundle those are the keys for
 * JWT-SVIDs (SPIFFE Trust Domain and Bundle, section 4.2.2). Where a key names the issuer that it is for, as Entra's do
 * in one set for all tenants, it counts for that one alone. Throws if it is not a key set.
 */
export function ownKeys(published: unknown, { name, spiffe }: Pick<IssuerPolicy, 'name' | 'spiffe'>): JSONWebKeySet {
  const { keys } = published as { keys: PublishedKey[] };
  if (!Array.isArray(keys)) throw new TypeError('not a key set');
  if (!spiffe) return { keys: keys.filter((key) => isFor(key?.issuer, name)) };
  const svid = keys.filter((key) => key?.use === 'jwt-svid');
  return { keys: svid.map((key) => ({ ...key, use: 'sig' })) };
}

function isFor(issuer: unknown, name: string): boolean {
  if (typeof issuer !== 'string' || !URL.canParse(issuer)) return true;
  return issuer === name || /\{tenantid\}/i.test(issuer);
}
