import { BlockList, isIP } from 'node:net';

/**
 * Networks that peers on the internet do not come from: RFC 1918, RFC 6598, loopback and link-local. A pattern, because
 * this is checked for each connection, and a BlockList takes 7 us.
 */
const PRIVATE_IPV4 =
  /^(?:10|127|169\.254|192\.168|172\.(?:1[6-9]|2\d|3[01])|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7]))\./;

/** The same for IPv6: RFC 4193, loopback and link-local. */
const PRIVATE_IPV6 = new BlockList();
for (const [address, prefix] of [
  ['::1', 128],
  ['fc00::', 7],
  ['fe80::', 10],
] as const) {
  PRIVATE_IPV6.addSubnet(address, prefix, 'ipv6');
}

/**
 * Returns whether this address may be a proxy that nobody configured, with all peers behind it: it is a private
 * address, and there are no trusted proxies. A limit by address would lock all of them out.
 */
export function mayBeProxy(address: string, trustedProxies: readonly unknown[] | undefined): boolean {
  if (trustedProxies !== undefined) return false;
  const version = isIP(address);
  if (version === 6) return PRIVATE_IPV6.check(address, 'ipv6');
  return version === 0 || PRIVATE_IPV4.test(address);
}
