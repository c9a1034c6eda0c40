import { BlockList, isIP } from 'node:net';

/** Networks that peers on the internet do not come from: those of RFC 1918, RFC 6598, RFC 4193, loopback and link-local. */
const PRIVATE = new BlockList();
for (const [address, prefix] of [
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
] as const) {
  PRIVATE.addSubnet(address, prefix, 'ipv4');
}
for (const [address, prefix] of [
  ['::1', 128],
  ['fc00::', 7],
  ['fe80::', 10],
] as const) {
  PRIVATE.addSubnet(address, prefix, 'ipv6');
}

/**
 * Whether all peers of a proxy that nobody named may stand behind this address: it is a private one, and there are no trusted
 * proxies. A limit by address would shut all of them out together.
 */
export function mayBeProxy(address: string, trustedProxies: readonly unknown[] | undefined): boolean {
  if (trustedProxies !== undefined) return false;
  const version = isIP(address);
  return version === 0 || PRIVATE.check(address, version === 4 ? 'ipv4' : 'ipv6');
}
