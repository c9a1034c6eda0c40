import type { WsConnection } from '../../src/transport/ws-connection.js';
import type { Peer } from '../../examples/peer.mjs';
import type { RunningServer } from './server.js';

// The examples' client is the tests' too.
export * from '../../examples/peer.mjs';

/** The server's side of a peer's connection, which it must have. */
export function connectionOf(running: RunningServer, peer: Peer): WsConnection {
  const { localPort } = peer.tcp;
  return ([...running.connections] as WsConnection[]).find(({ socket }) => socket.remotePort === localPort)!;
}
