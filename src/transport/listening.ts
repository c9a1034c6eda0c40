import { once } from 'node:events';
import { lstatSync, unlinkSync } from 'node:fs';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { ListenAddress, UnixAddress } from '../config/values.js';

/** Connections that the system may hold for us before we accept them. */
const BACKLOG = 1024;

/** A socket that listens already: systemd passes them by their number (sd_listen_fds(3)). */
export interface InheritedSocket {
  readonly fd: number;
}

/**
 * Listens. A Unix socket that a process left behind is replaced, and one that a process listens on is not. Rejects with the error
 * of the system.
 */
export async function listenOn(server: Server, address: ListenAddress | InheritedSocket): Promise<void> {
  if (!('path' in address)) return listen(server, address);
  try {
    return await listenOnPath(server, address);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || !(await isLeftBehind(address.path))) throw error;
    unlinkSync(address.path);
    return listenOnPath(server, address);
  }
}

/** Where a server listens. A Unix socket has its path for an address, and port 0. */
export function addressOf(server: Server): AddressInfo {
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

async function listen(server: Server, where: object): Promise<void> {
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
    return (error as NodeJS.ErrnoException).code === 'ECONNREFUSED';
  } finally {
    socket.destroy();
  }
}
