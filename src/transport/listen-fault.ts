import type { ListenAddress } from '../config/values.js';

/** What an operator should do about an address that cannot be listened on, in one line. */
export function listenFault(error: NodeJS.ErrnoException, { host, port }: ListenAddress): string {
  const where = `cannot listen on ${authority(host, port)}`;
  switch (error.code) {
    case 'EADDRINUSE':
      return `${where}: the port is in use; stop what holds it or choose another, such as --listen-addr ${authority(host, port === 8080 ? 8081 : 8080)}`;
    case 'EACCES':
      return `${where}: no permission; a port below 1024 needs the right to it, so try --listen-addr 0.0.0.0:8080`;
    case 'EADDRNOTAVAIL':
      return `${where}: this machine does not have that address; --listen-addr 0.0.0.0:${port} listens on all it has`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `${where}: the name does not resolve; give an address, such as --listen-addr 0.0.0.0:${port}`;
    default:
      return `${where}: ${error.message}`;
  }
}

/** `host:port`, an IPv6 address in brackets. */
export function authority(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
