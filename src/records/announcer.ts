import { createHash } from 'node:crypto';

/**
 * Who announced a record (J1): a source together with the peer's id or, where it gave none, with its set of addresses. A hash, since a source is an
 * address; the same on every node, which compare it (N6). Costs time in the bytes of the announcement, so it is computed once.
 */
export function announcerOf(source: string, peerId: string, addresses: readonly string[]): string {
  const who = [source, peerId, ...(peerId === '' ? setOf(addresses) : [])];
  return createHash('sha256').update(JSON.stringify(who)).digest('base64url');
}

/** Each once, in order. No Set: whoever chooses what goes into one could choose what collides. */
function setOf(addresses: readonly string[]): string[] {
  return addresses.toSorted().filter((address, i, sorted) => i === 0 || address !== sorted[i - 1]);
}
