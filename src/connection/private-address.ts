import { BlockList, isIP } from 'node:net';

/** Networks that peers on the internet do not come from: those of RFC 1918, RFC 6598, loopback and link-local. Asked at each connection, where a BlockList costs 7 us. */
const PRIVATE_IPV4 =
  /^(?:10|127|169\.254|192\.168|172\.(?:1[6-9]|2\d|3[01])|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7]))\./;

/** And those of RFC 4193, loopback and link-local. */
const PRIVATE_IPV6 = new BlockList();
for (const [address, prefix] of [
  ['::1', 128],
  ['fc00::', 7],
  ['fe80::', 10],
] as const) {
  PRIVATE_IPV6.addSubnet(address, prefix, 'ipv6');
}

/**
 * Whether all peers of a proxy that nobody named may stand behind this address: it is a private one, and there are no trusted
 * proxies. A limit by address would shut all of them out together.
 */
export function mayBeProxy(address: string, trustedProxies: readonly unknown[] | undefined): boolean {
  if (trustedProxies !== undefined) return false;
  const version = isIP(address);
  if (version === 6) return PRIVATE_IPV6.check(address, 'ipv6');
  return version === 0 || PRIVATE_IPV4.test(address);
}
