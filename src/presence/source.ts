import { isIPv6 } from 'node:net';

/**
 * Whose connection this is, as far as bounds go (J8): the authenticated principal, else the network it comes from, which is
 * an IPv4 address or the /64 of an IPv6 one, since a single machine has the whole of it.
 */
export function sourceOf(principal: string | undefined, address: string | undefined): string {
  if (principal !== undefined) return `principal ${principal}`;
  if (address === undefined) return 'unknown';
  const ipv4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  return ipv4 ?? (isIPv6(address) ? network64(address) : address);
}

/** The first four of the eight groups of an IPv6 address, each without leading zeros. */
function network64(address: string): string {
  const [before, after] = address.split('%')[0].split('::');
  const groups = before === '' ? [] : before.split(':');
  if (after !== undefined) {
    // An IPv4 tail stands for two groups; its digits lie beyond the /64.
    const tail = after === '' ? 0 : after.split(':').length + (after.includes('.') ? 1 : 0);
    while (groups.length + tail < 8) groups.push('0');
    groups.push(...after.split(':'));
  }
  return `${groups.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`;
}
