import { isIPv4, isIPv6 } from 'node:net';

/** Matches an IPv6 address, as URL writes it, with an IPv4 address mapped into it (RFC 4291, section 2.5.5.2). */
const MAPPED_IPV4 = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/;

/**
 * Returns an IP address without its zone. An IPv4 address that was mapped into IPv6, in any spelling, is returned as
 * IPv4. Returns undefined for anything that is not an address.
 */
export function plainAddress(written: string): string | undefined {
  if (isIPv4(written)) return written;
  const [address] = written.split('%');
  if (isIPv4(address)) return address;
  if (!isIPv6(address)) return undefined;
  const mapped = MAPPED_IPV4.exec(new URL(`http://[${address}]`).hostname);
  if (mapped === null) return address;
  return mapped
    .slice(1)
    .flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 255])
    .join('.');
}

/**
 * Returns who a connection counts for, as far as bounds go (J8): the authenticated principal, or else its network. That
 * is an IPv4 address, or the /64 of an IPv6 address, because a single machine has a whole /64.
 */
export function sourceOf(principal: string | undefined, address: string | undefined): string {
  if (principal !== undefined) return `principal ${principal}`;
  if (address === undefined) return 'unknown';
  const plain = plainAddress(address) ?? address;
  return isIPv6(plain) ? network64(plain) : plain;
}

/** Returns the first four of the eight groups of an IPv6 address, each without leading zeros. */
function network64(address: string): string {
  const [before, after] = address.split('::');
  const groups = before === '' ? [] : before.split(':');
  if (after !== undefined) {
    // An IPv4 tail stands for two groups. Its digits are beyond the /64.
    const tail = after === '' ? 0 : after.split(':').length + (after.includes('.') ? 1 : 0);
    while (groups.length + tail < 8) groups.push('0');
    groups.push(...after.split(':'));
  }
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}
