import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Server as TlsServer } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import { plainAddress, sourceOf } from '../connection/source.js';
import type { Origin, PlainConnection, PlainConnections } from './plain-connections.js';

/** Where connections and requests come from. */
export interface Origins {
  /** Undefined for a proxy that says so only with a request. */
  ofConnection(socket: Socket): Origin | undefined;
  ofRequest(request: IncomingMessage): Origin;
}

/** A place on the network. Undefined is what the system says of a connection that is gone already. */
export function originAt(address: string | undefined): Origin {
  return { address: plainAddress(address ?? '') ?? 'unknown', network: sourceOf(undefined, address) };
}

/** Where a socket keeps what is tracked of it: there are very many, and a WeakMap of them costs the garbage collector far more. */
const TRACKED = Symbol('tracked');
type Trackable = Duplex & { [TRACKED]?: Tracked | undefined };

/** What is kept of a TCP connection; over TLS two sockets are one. */
interface Tracked {
  readonly tcp: Socket;
  readonly plain: PlainConnection;
  readonly onClose: () => void;
}

/**
 * Tells PlainConnections what becomes of the TCP connections of an HTTP server. Knows nothing of bounds.
 * Invariant: a connection of the server is plain from the moment it was accepted until it ends, less the time that it is a peer's.
 */
export class PlainSockets {
  /** Those whose TLS handshake is not done, by their addresses: Node does not say which TCP connection a TLS socket is of. */
  readonly #shakingHands = new Map<string, Tracked>();

  constructor(
    private readonly server: Server,
    private readonly connections: PlainConnections,
    private readonly origins: Origins,
  ) {
    server.prependListener('connection', this.#onConnection);
    server.prependListener('secureConnection', this.#onSecureConnection);
    server.prependListener('request', this.#onRequest);
  }

  close(): void {
    this.server.off('connection', this.#onConnection);
    this.server.off('secureConnection', this.#onSecureConnection);
    this.server.off('request', this.#onRequest);
  }

  /** A peer's place was taken for the connection, which is plain no longer. */
  tookPlace(socket: Trackable): void {
    const tracked = socket[TRACKED];
    if (tracked !== undefined) this.connections.leave(tracked.plain);
  }

  /** The connection is a peer's to its end: nothing of it is kept, since there may be very many. */
  becamePeer(socket: Trackable): void {
    const tracked = socket[TRACKED];
    if (tracked === undefined) return;
    tracked.tcp.off('close', tracked.onClose);
    (tracked.tcp as Trackable)[TRACKED] = undefined;
    socket[TRACKED] = undefined;
  }

  /** The connection becomes no peer's; all it waits for is that the peer reads why. */
  refused(socket: Trackable): void {
    const tracked = socket[TRACKED];
    if (tracked !== undefined && !tracked.tcp.destroyed) this.connections.rest(tracked.plain);
  }

  readonly #onConnection = (tcp: Socket): void => {
    const plain = this.connections.enter(this.origins.ofConnection(tcp), () => tcp.destroy());
    const ends = this.server instanceof TlsServer ? endsOf(tcp) : undefined;
    const onClose = (): void => {
      this.connections.leave(plain);
      if (ends !== undefined && this.#shakingHands.get(ends) === tracked) this.#shakingHands.delete(ends);
    };
    const tracked = { tcp, plain, onClose };
    (tcp as Trackable)[TRACKED] = tracked;
    if (ends !== undefined) this.#shakingHands.set(ends, tracked);
    tcp.once('close', onClose);
  };

  readonly #onSecureConnection = (socket: TLSSocket): void => {
    const ends = endsOf(socket);
    const tracked = this.#shakingHands.get(ends);
    if (tracked === undefined) return;
    this.#shakingHands.delete(ends);
    (socket as Trackable)[TRACKED] = tracked;
  };

  readonly #onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    const tracked = (request.socket as Trackable)[TRACKED];
    if (tracked === undefined) return;
    this.connections.asks(tracked.plain, this.origins.ofRequest(request));
    let answered = false;
    const answer = (): void => {
      if (!answered) this.connections.answered(tracked.plain);
      answered = true;
    };
    response.once('finish', answer);
    response.once('close', answer);
  };
}

/** What no two open connections of a server have in common. */
function endsOf({ remoteAddress, remotePort, localAddress }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress}`;
}
