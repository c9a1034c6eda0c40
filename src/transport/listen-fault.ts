import type { ListenAddress } from '../config/values.js';

/** The settings that name an address to listen on. */
export type AddressSetting = 'listen-addr' | 'management-addr';

/** What is suggested instead: peers come from anywhere, operators from this machine, since there is neither TLS nor a token. */
const SUGGESTED = {
  'listen-addr': { host: '0.0.0.0', ports: [8080, 8081], why: 'listens on all it has' },
  'management-addr': { host: '127.0.0.1', ports: [9090, 9091], why: 'is there on every machine' },
} as const;

/** What an operator should do about an address that cannot be listened on, in one line. */
export function listenFault(
  error: NodeJS.ErrnoException,
  { host, port }: ListenAddress,
  setting: AddressSetting,
): string {
  const where = `cannot listen on ${authority(host, port)}`;
  const suggested = SUGGESTED[setting];
  const [first, second] = suggested.ports;
  switch (error.code) {
    case 'EADDRINUSE':
      return `${where}: the port is in use; stop what holds it or choose another, such as --${setting} ${authority(host, port === first ? second : first)}`;
    case 'EACCES':
      return `${where}: no permission; a port below 1024 needs the right to it, so try --${setting} ${authority(host, first)}`;
    case 'EADDRNOTAVAIL':
      return `${where}: this machine does not have that address; --${setting} ${authority(suggested.host, port)} ${suggested.why}`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `${where}: the name does not resolve; give an address, such as --${setting} ${authority(suggested.host, port)}`;
    default:
      return `${where}: ${error.message}`;
  }
}

/** `host:port`, an IPv6 address in brackets. */
export function authority(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
