import { createHash } from 'node:crypto';

/**
 * Identifies who announced a record (J1): the source together with the peer id or, if there is none, with the set of
 * addresses. It is a hash, since a source is an IP address. It is the same on every node, since nodes compare it (N6).
 * Its cost grows with the announcement, so compute it once.
 */
export function announcerOf(source: string, peerId: string, addresses: readonly string[]): string {
  const who = [source, peerId, ...(peerId === '' ? setOf(addresses) : [])];
  return createHash('sha256').update(JSON.stringify(who)).digest('base64url');
}

/** Sorts the addresses and drops duplicates. Not with a Set: a peer could choose addresses that collide in it. */
function setOf(addresses: readonly string[]): string[] {
  return addresses.toSorted().filter((address, i, sorted) => i === 0 || address !== sorted[i - 1]);
}
