/** Returns whether only this machine can reach an address. `address` is as Node writes it for sockets. */
export function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1' || address.startsWith('::ffff:127.');
}
