/** Whether an address, as Node writes those of sockets, is one that only this machine itself reaches. */
export function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1' || address.startsWith('::ffff:127.');
}
