import { existsSync, lstatSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ListenAddress, UnixAddress } from '../config/values.js';

/** The settings that name an address to listen on. */
export type AddressSetting = 'listen-addr' | 'management-addr';

/**
 * Addresses to suggest. Peers come from anywhere. Operators come from this machine: there is neither TLS nor a token.
 */
const SUGGESTED = {
  'listen-addr': { host: '0.0.0.0', ports: [8080, 8081], why: 'listens on every address' },
  'management-addr': { host: '127.0.0.1', ports: [9090, 9091], why: 'exists on every machine' },
} as const;

/** Says in one line why the server cannot listen on an address, and what the operator should do. */
export function listenFault(error: NodeJS.ErrnoException, address: ListenAddress, setting: AddressSetting): string {
  const where = `cannot listen on ${addressText(address)}`;
  if ('path' in address) return `${where}: ${pathFault(error, address)}`;
  const { host, port } = address;
  const suggested = SUGGESTED[setting];
  const [first, second] = suggested.ports;
  const otherPort = port === first ? second : first;
  switch (error.code) {
    case 'EADDRINUSE':
      return (
        `${where}: the port is in use; stop the program that uses it, or choose another port: ` +
        `--${setting} ${authority(host, otherPort)}`
      );
    case 'EACCES':
      return `${where}: no permission; ports below 1024 need a privilege: try --${setting} ${authority(host, first)}`;
    case 'EADDRNOTAVAIL':
      return (
        `${where}: this machine does not have that address; ` +
        `--${setting} ${authority(suggested.host, port)} ${suggested.why}`
      );
    case 'EINVAL':
      return host.includes('%')
        ? `${where}: this machine has no interface ${JSON.stringify(host.slice(host.indexOf('%') + 1))}`
        : `${where}: this machine cannot listen on such an address; --${setting} ${authority(suggested.host, port)} ${suggested.why}`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return (
        `${where}: the name does not resolve; ` +
        `give an address, such as --${setting} ${authority(suggested.host, port)}`
      );
    default:
      return `${where}: ${error.message}`;
  }
}

/** Returns whether an address stands for all addresses of the machine. Not every system can connect to one. */
export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}
function pathFault({ code, message }: NodeJS.ErrnoException, { path }: UnixAddress): string {
  const folder = dirname(path);
  switch (code) {
    case 'EADDRINUSE':
      return lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true
        ? 'another process listens there; stop it or choose another path'
        : 'there is something else than a socket; choose another path';
    case 'EACCES':
      return existsSync(folder)
        ? `no permission to make a socket in ${folder}`
        : `there is no folder ${folder} (systemd makes one with RuntimeDirectory=)`;
    default:
      return message;
  }
}

/** An address as it is written in the settings. */
export function addressText(address: ListenAddress): string {
  return 'path' in address ? `unix:${address.path}` : authority(address.host, address.port);
}

/** Returns `host:port`, with an IPv6 address in brackets. */
export function authority(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
