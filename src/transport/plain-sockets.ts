import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { plainAddress, sourceOf } from '../connection/source.js';
import type { Origin, PlainConnection, PlainConnections } from './plain-connections.js';
import { ShakingHands } from './shaking-hands.js';
import { carryOver } from './trusted-proxies.js';

/** Tells where connections and requests come from. */
export interface Origins {
  /** Returns undefined for a proxy: only its requests tell where they come from. */
  ofConnection(socket: Socket): Origin | undefined;
  ofRequest(request: IncomingMessage): Origin;
}

/** Returns the origin of an address. The system reports undefined for a connection that is already gone. */
export function originAt(address: string | undefined): Origin {
  const plain = plainAddress(address ?? '');
  return { address: plain ?? 'unknown', network: sourceOf(undefined, plain ?? address) };
}

/**
 * Key of what is tracked about a socket, on the socket itself. There are very many sockets, and a WeakMap of them costs
 * the garbage collector far more.
 */
const TRACKED = Symbol('tracked');
type Trackable = Duplex & { [TRACKED]?: Tracked | undefined };

/** What is tracked about a TCP connection. Over TLS, two sockets share one entry. */
interface Tracked {
  readonly tcp: Socket;
  readonly plain: PlainConnection;
  readonly onClose: () => void;
}

/**
 * Tells PlainConnections what happens to the TCP connections of an HTTP server. Owns the listeners on that server.
 * Knows nothing of bounds.
 * Invariant: a connection of the server is plain from when it is accepted until it ends, except while it belongs to a
 * peer.
 */
export class PlainSockets {
  readonly #shakingHands: ShakingHands | undefined;
  #elsewhere = 0;

  constructor(
    private readonly server: Server,
    private readonly connections: PlainConnections,
    private readonly origins: Origins,
  ) {
    this.#shakingHands = ShakingHands.of(server);
    server.prependListener('connection', this.#onConnection);
    server.prependListener('secureConnection', this.#onSecureConnection);
    server.prependListener('request', this.#onRequest);
  }

  close(): void {
    this.server.off('connection', this.#onConnection);
    this.server.off('secureConnection', this.#onSecureConnection);
    this.server.off('request', this.#onRequest);
  }

  /** Notes that a PROXY header said who opened the connection. */
  named(tcp: Trackable): void {
    const tracked = tcp[TRACKED];
    if (tracked !== undefined) this.connections.named(tracked.plain, this.origins.ofConnection(tracked.tcp));
  }

  /** Open connections that somebody else in the application upgraded. */
  get elsewhere(): number {
    return this.#elsewhere;
  }

  /** Notes that a connection took a place for a peer, and is not plain any more. */
  tookPlace(socket: Trackable): void {
    const tracked = socket[TRACKED];
    if (tracked !== undefined) this.connections.leave(tracked.plain);
  }

  /**
   * Notes that a connection belongs to a peer until it ends. Nothing about it is kept, because there may be very many.
   */
  becamePeer(socket: Trackable): void {
    const tracked = socket[TRACKED];
    if (tracked === undefined) return;
    tracked.tcp.off('close', tracked.onClose);
    (tracked.tcp as Trackable)[TRACKED] = undefined;
    socket[TRACKED] = undefined;
  }

  /**
   * Somebody else in the application upgrades the connection: it is not plain any more, and nothing here may close it.
   */
  wentElsewhere(socket: Trackable): void {
    const tracked = socket[TRACKED];
    if (tracked === undefined) return;
    this.tookPlace(socket);
    this.becamePeer(socket);
    if (tracked.tcp.destroyed) return;
    this.#elsewhere += 1;
    tracked.tcp.once('close', () => (this.#elsewhere -= 1));
  }

  /** Notes that a connection was refused. It only waits for the peer to read the answer. */
  refused(socket: Trackable): void {
    const tracked = socket[TRACKED];
    if (tracked !== undefined && !tracked.tcp.destroyed) this.connections.rest(tracked.plain);
  }

  readonly #onConnection = (tcp: Socket): void => {
    const plain = this.connections.enter(this.origins.ofConnection(tcp), () => tcp.destroy());
    const onClose = (): void => this.connections.leave(plain);
    (tcp as Trackable)[TRACKED] = { tcp, plain, onClose };
    tcp.once('close', onClose);
  };

  readonly #onSecureConnection = (socket: TLSSocket): void => {
    const tcp = this.#shakingHands?.under(socket);
    if (tcp === undefined) return;
    (socket as Trackable)[TRACKED] = (tcp as Trackable)[TRACKED];
    carryOver(tcp, socket);
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
