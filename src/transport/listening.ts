import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { lstatSync, unlinkSync } from 'node:fs';
import type { Server } from 'node:http';
import { connect, createServer, isIP } from 'node:net';
import type { AddressInfo, Server as TcpServer } from 'node:net';
import type { ListenAddress, TcpAddress, UnixAddress } from '../config/values.js';
import { isLoopback } from './loopback.js';

/** Connections that the system may hold for us before we accept them. */
const BACKLOG = 1024;

/** A socket that listens already: systemd passes them by their number (sd_listen_fds(3)). */
export interface InheritedSocket {
  readonly fd: number;
}

/** All addresses of a name. */
type Resolve = (name: string) => Promise<readonly string[]>;

const resolveAll: Resolve = async (name) => (await lookup(name, { all: true })).map(({ address }) => address);

/**
 * Listens: on every address of a name that this machine has, by a server more for each but the first, which are
 * returned. A Unix socket that a process left behind is replaced, and one that a process listens on is not. Rejects
 * with the error of the system.
 */
export async function listenOn(
  server: Server,
  address: ListenAddress | InheritedSocket,
  resolve = resolveAll,
): Promise<readonly TcpServer[]> {
  if ('host' in address && isIP(address.host) === 0) return listenOnName(server, address, resolve);
  if (!('path' in address)) {
    await listen(server, address);
    return [];
  }
  try {
    await listenOnPath(server, address);
  } catch (error) {
    if (codeOf(error) !== 'EADDRINUSE' || !(await isLeftBehind(address.path))) throw error;
    unlinkSync(address.path);
    await listenOnPath(server, address);
  }
  return [];
}

async function listenOnName(
  server: Server,
  { host, port }: TcpAddress,
  resolve: Resolve,
): Promise<readonly TcpServer[]> {
  // An address that others reach goes first: it is the one that is announced, and warned of.
  const addresses = [...new Set(await resolve(host))].toSorted((a, b) => Number(isLoopback(a)) - Number(isLoopback(b)));
  const others: TcpServer[] = [];
  let absent: unknown;
  for (const address of addresses) {
    const listener = server.listening ? otherDoorOf(server) : server;
    try {
      await listen(listener, { host: address, port: server.listening ? addressOf(server).port : port });
      if (listener !== server) others.push(listener);
    } catch (error) {
      absent = error;
      if (codeOf(error) === 'EADDRNOTAVAIL' || codeOf(error) === 'EAFNOSUPPORT') continue;
      for (const other of others) other.close();
      throw error;
    }
  }
  if (!server.listening) throw absent;
  return others;
}

/** A server whose connections are those of `server`. */
function otherDoorOf(server: Server): TcpServer {
  const other = createServer({ allowHalfOpen: true, noDelay: true }, (tcp) => server.emit('connection', tcp));
  other.on('drop', (dropped) => server.emit('drop', dropped));
  other.maxConnections = server.maxConnections;
  return other;
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

/** Where a server listens. A Unix socket has its path for an address, and port 0. */
export function addressOf(server: TcpServer): AddressInfo {
  const address = server.address();
  return typeof address === 'string' ? { address, family: 'Unix', port: 0 } : address!;
}

async function listenOnPath(server: Server, { path, mode }: UnixAddress): Promise<void> {
  // The socket is made within the call, with these rights and never with more.
  const before = process.umask(0o777 & ~mode);
  const listening = listen(server, { path });
  process.umask(before);
  await listening;
}

async function listen(server: TcpServer, where: object): Promise<void> {
  server.listen({ ...where, backlog: BACKLOG });
  await once(server, 'listening');
}

/** Whether this is a socket that nobody listens on. */
async function isLeftBehind(path: string): Promise<boolean> {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() !== true) return false;
  const socket = connect({ path });
  try {
    await once(socket, 'connect');
    return false;
  } catch (error) {
    return codeOf(error) === 'ECONNREFUSED';
  } finally {
    socket.destroy();
  }
}
