import type { WsConnection } from '../../src/transport/ws-connection.js';
import type { Peer } from './peer.js';
import type { RunningServer } from './server.js';

/** The server's side of a peer's connection, which it must have. */
export function connectionOf(running: RunningServer, peer: Peer): WsConnection {
  const { localPort } = (peer.socket as unknown as { _socket: { localPort: number } })._socket;
  return ([...running.connections] as WsConnection[]).find(({ socket }) => socket.remotePort === localPort)!;
}
