import type { WsConnection } from '../../src/transport/ws-connection.js';
import type { Peer } from './peer.mjs';
import type { RunningServer } from './server.js';

// With the types of TypeScript.
export * from './peer.mjs';

/** Returns the server's side of a peer's connection, which must exist. */
export function connectionOf(running: RunningServer, peer: Peer): WsConnection {
  const { localPort } = peer.tcp;
  return ([...running.connections] as WsConnection[]).find(({ socket }) => socket.remotePort === localPort)!;
}
