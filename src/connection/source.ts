import { isIPv4, isIPv6 } from 'node:net';

/** Of an IPv6 address, as URL writes it, the IPv4 address that was mapped into it (RFC 4291, section 2.5.5.2). */
const MAPPED_IPV4 = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/;

/**
 * An IP address without its zone, and as IPv4 where it was mapped into IPv6, in whatever way that was written. Undefined for what
 * is no address.
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
 * Whose connection this is, as far as bounds go (J8): the authenticated principal, else the network it comes from, which is
 * an IPv4 address or the /64 of an IPv6 one, since a single machine has the whole of it.
 */
export function sourceOf(principal: string | undefined, address: string | undefined): string {
  if (principal !== undefined) return `principal ${principal}`;
  if (address === undefined) return 'unknown';
  const plain = plainAddress(address) ?? address;
  return isIPv6(plain) ? network64(plain) : plain;
}

/** The first four of the eight groups of an IPv6 address, each without leading zeros. */
function network64(address: string): string {
  const [before, after] = address.split('::');
  const groups = before === '' ? [] : before.split(':');
  if (after !== undefined) {
    // An IPv4 tail stands for two groups; its digits lie beyond the /64.
    const tail = after === '' ? 0 : after.split(':').length + (after.includes('.') ? 1 : 0);
    while (groups.length + tail < 8) groups.push('0');
    groups.push(...after.split(':'));
  }
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}
