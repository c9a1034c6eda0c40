import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';
import * as tls from 'node:tls';
import type { Certificates } from './certificates.js';

/**
 * Both ends of a new connection over loopback: the one that a server accepted, and its peer. Over TLS with certificates.
 * Nothing listens any more.
 */
export async function socketPair(certificates?: Certificates): Promise<[Socket, Socket]> {
  const server = certificates
    ? tls.createServer({ cert: readFileSync(certificates.chain), key: readFileSync(certificates.key) })
    : createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const accepted = once(server, certificates ? 'secureConnection' : 'connection') as Promise<[Socket]>;
  const peer = certificates
    ? tls.connect({ port, host: '127.0.0.1', ca: certificates.ca })
    : connect(port, '127.0.0.1');
  const [socket] = await accepted;
  server.close();
  return [socket, peer];
}
