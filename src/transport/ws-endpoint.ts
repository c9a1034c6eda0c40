import { maxHeaderSize, ServerResponse } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Injectable } from '@nestjs/common';
import { Audit } from '../audit/audit.js';
import { Access } from '../auth/access.js';
import { shownIn } from '../auth/shown-in.js';
import type { UpgradeRequest } from '../auth/upgrade-request.js';
import type { UpgradeResponse } from '../auth/upgrade-response.js';
import { Clock } from '../clock/clock.js';
import { headerBytesFor } from '../config/jwt-faults.js';
import { Settings } from '../config/settings.js';
import type { ConnectionSource, MessageHandler } from '../connection/message-handler.js';
import { Refusal } from '../connection/refusal.js';
import { sourceOf } from '../connection/source.js';
import { Log, Logs } from '../logging/log.js';
import { inTurn, takeTurn } from './answer-order.js';
import { ConnectionLimits } from './connection-limits.js';
import type { Place } from './connection-limits.js';
import { ConnectionShare } from './connection-share.js';
import { acceptance, handshakeFault, isWebSocketHandshake, selectedProtocol } from './handshake.js';
import { hasTooManyHeaders, TOO_MANY_HEADERS } from './header-count.js';
import { BAD_HOST, hasBadHost } from './host-header.js';
import { isLoopback } from './loopback.js';
import { Handles } from './open-files.js';
import type { OtherGateways } from './other-gateways.js';
import { plainBounds } from './plain-bounds.js';
import { PlainConnections } from './plain-connections.js';
import { originAt, PlainSockets } from './plain-sockets.js';
import { ProxyDoor } from './proxy-door.js';
import { RefusalLog } from './refusal-log.js';
import { ServedPath } from './served-path.js';
import { peerOf, TrustedProxies } from './trusted-proxies.js';
import { answerRefusal, DRAINING, lingerThenDestroy, NOBODYS_PATH, NOT_A_PROXY } from './upgrade-answer.js';
import { UpgradeGate } from './upgrade-gate.js';
import { UpgradeRouting } from './upgrade-routing.js';
import { WsConnection } from './ws-connection.js';

/** The HTTP server that a WsEndpoint is bound to. */
export interface Binding {
  /** Whether it serves nothing but what is ours. */
  readonly ownListener: boolean;
  /** What else an adapter serves on it. */
  readonly others: OtherGateways;
}

/**
 * Turns HTTP upgrades into connections: asks UpgradeGate, and then answers with a refusal over HTTP or opens a
 * WebSocket. No extension is negotiated. Owns the listeners on the HTTP server. Knows nothing of
 * messages.
 * Invariant: an upgrade ends in one connection or one refusal; while the server drains, in a refusal.
 */
@Injectable()
export class WsEndpoint implements ConnectionSource {
  readonly #log: Log<'upgrade'>;
  #server: Server | undefined;
  #plain: PlainSockets | undefined;
  #routing: UpgradeRouting | undefined;
  #door: ProxyDoor | undefined;
  #onConnection: ((connection: WsConnection) => void) | undefined;
  #lastId = 0;
  #closed = false;

  constructor(
    private readonly gate: UpgradeGate,
    private readonly access: Access,
    private readonly limits: ConnectionLimits,
    private readonly handles: Handles,
    private readonly proxies: TrustedProxies,
    private readonly refusals: RefusalLog,
    private readonly audit: Audit,
    private readonly share: ConnectionShare,
    private readonly path: ServedPath,
    private readonly settings: Settings,
    private readonly clock: Clock,
    private readonly logs: Logs,
  ) {
    this.#log = logs.for('upgrade');
  }

  /** Serves the upgrades of an HTTP server that are for this server. */
  bind(server: Server, { ownListener, others }: Binding): void {
    const { settings, limits, share, clock, handles } = this;
    const { sockets } = handles;
    // The one connection beyond that makes another one close. Node drops it only if there is none to close.
    if (sockets !== undefined) server.maxConnections = sockets + 1;
    const elsewhere = (): number => this.#plain!.elsewhere;
    const bounds = { sockets, elsewhere, ownListener, settings, limits, counts: share.counts, clock, log: this.#log };
    const plain = new PlainConnections(plainBounds(bounds));
    share.connections.plain = plain;
    // Before PlainSockets, which counts connections when they are accepted.
    if (ownListener) this.#door = this.#openDoor(server);
    else this.#checkHeaders(server);
    this.#plain = new PlainSockets(server, plain, {
      ofConnection: (socket) => (this.proxies.isProxy(socket) ? undefined : originAt(peerOf(socket))),
      ofRequest: (request) => this.gate.originOf(request),
    });
    server.prependListener('request', takeTurn);
    this.#routing = new UpgradeRouting(server, this.path, others, clock, {
      ours: this.#onUpgrade,
      elsewhere: (socket) => this.#plain!.wentElsewhere(socket),
      nobody: this.#onNobodys,
    });
    server.on('connect', this.#onConnect);
    server.on('drop', this.#onDrop);
    server.on('listening', this.#onListening);
    share.heartbeat.start();
    this.#server = server;
  }

  /** Warns of an application's server that does not take the headers of the longest JWT. */
  #checkHeaders(server: Server & { readonly maxHeaderSize?: number }): void {
    const { jwtIssuer, maxJwtBytes } = this.settings;
    const [takes, needed] = [server.maxHeaderSize ?? maxHeaderSize, headerBytesFor(maxJwtBytes)];
    if (jwtIssuer === undefined || takes >= needed) return;
    this.#log.write('headers_too_small', { takes, needed });
  }

  /** Says so where a proxy sends PROXY headers to operators' address, which takes none. */
  watch(management: Server): void {
    void new ProxyDoor(management, {
      expects: () => false,
      timeout: this.settings.handshakeTimeout,
      named: () => undefined,
      refused: (_fault, tcp) => this.refusals.proxied('management', peerOf(tcp)),
    });
  }

  deliverTo(handler: MessageHandler): void {
    this.share.codec.deliverTo(handler);
    this.gate.askGuardsOf(handler);
  }

  /** Calls `listener` with every new connection, before its first message. */
  onConnection(listener: (connection: WsConnection) => void): void {
    this.#onConnection = listener;
  }

  /** Stops taking upgrades. */
  close(): void {
    this.share.heartbeat.stop();
    this.#door?.close();
    this.#plain?.close();
    this.#server?.off('request', takeTurn);
    this.#routing?.close();
    this.#server?.off('connect', this.#onConnect);
    this.#server?.off('drop', this.#onDrop);
    this.#server?.off('listening', this.#onListening);
    this.#closed = true;
  }

  #openDoor(server: Server): ProxyDoor {
    const { proxyProtocol, handshakeTimeout } = this.settings;
    return new ProxyDoor(server, {
      expects: (tcp) => proxyProtocol && this.proxies.isProxy(tcp),
      timeout: handshakeTimeout,
      named: (tcp) => this.#plain!.named(tcp),
      refused: (fault, tcp) => {
        this.#plain!.refused(tcp);
        this.refusals.proxied(fault === 'unexpected' && !proxyProtocol ? 'off' : fault, peerOf(tcp));
      },
    });
  }

  readonly #onUpgrade = (asked: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const request = asked as UpgradeRequest;
    // Until there is a connection, or the answer is out, a reset must not end the process.
    socket.on('error', destroyThis);
    inTurn(socket, () => this.#answer(request, socket, head));
  };

  /**
   * Refuses an upgrade that nothing in the application takes; a request that asks for no WebSocket is answered as it
   * stands.
   */
  readonly #onNobodys = (request: IncomingMessage, socket: Duplex): void => {
    socket.on('error', destroyThis);
    inTurn(socket, () => {
      if (isWebSocketHandshake(request)) this.#refuse(request, socket, NOBODYS_PATH);
      else answerAsHttp(this.#server!, request, socket);
    });
  };

  readonly #onConnect = (request: IncomingMessage, socket: Duplex): void => {
    socket.on('error', destroyThis);
    inTurn(socket, () => this.#refuse(request, socket, NOT_A_PROXY));
  };

  readonly #onDrop = (dropped?: { remoteAddress?: string }): void => {
    this.refusals.dropped(dropped?.remoteAddress);
  };

  /** Warns if anyone outside this machine may connect, and about listeners that get no upgrade. */
  readonly #onListening = (): void => {
    if (this.#routing!.ignores) this.logs.for('server').write('upgrades_ignored');
    const address = this.#server!.address();
    const local = address !== null && (typeof address === 'string' || isLoopback(address.address));
    if (!this.access.open || (local && this.settings.trustedProxies === undefined)) return;
    this.logs.for('server').write('open_to_anyone');
  };

  #answer(request: UpgradeRequest, socket: Duplex, head: Buffer): void {
    if (hasTooManyHeaders(request)) {
      this.#refuse(request, socket, TOO_MANY_HEADERS);
    } else if (!isWebSocketHandshake(request)) {
      answerAsHttp(this.#server!, request, socket);
    } else if (hasBadHost(request)) {
      this.#refuse(request, socket, BAD_HOST);
    } else {
      this.#upgrade(request, socket, head).catch((error: unknown) => {
        this.gate.fault(error);
        socket.destroy();
      });
    }
  }

  async #upgrade(request: UpgradeRequest, socket: Duplex, head: Buffer): Promise<void> {
    const place = this.gate.place(request);
    if (place instanceof Refusal) return this.#refuse(request, socket, place);
    this.#plain!.tookPlace(socket);
    // Until a connection owns the place: the handshake may still be refused, or the peer may leave.
    const release = (): void => place.release();
    socket.on('close', release);
    const refusal = (await this.gate.judge(request, place)) ?? handshakeFault(request) ?? this.#late() ?? place.claim();
    if (refusal === undefined) return this.#open(request, socket, head, place, release);
    // Not only when the socket closes: a refused peer may take its time to read the answer.
    place.release();
    return this.#refuse(request, socket, refusal);
  }

  /** `release` listens for the end of the socket until the connection owns its place. */
  #open(request: UpgradeRequest, socket: Duplex, head: Buffer, place: Place, release: () => void): void {
    // The peer has already left.
    if (!socket.readable || !socket.writable) {
      socket.destroy();
      return;
    }
    const protocol = selectedProtocol(request);
    socket.write(acceptance(request, protocol, (request.res as UpgradeResponse | undefined)?.welcome() ?? []));
    const { principal, credential, peerAddress, peerNetwork } = request;
    const source = principal === undefined ? peerNetwork : sourceOf(principal, peerAddress);
    const tally = this.audit.tally();
    const identity = {
      id: ++this.#lastId,
      principal,
      source,
      address: peerAddress,
      credential,
      place,
      tally,
      protocol,
    };
    const connection = new WsConnection(identity, socket as Socket, head, this.share);
    socket.off('error', destroyThis);
    socket.off('close', release);
    this.#plain!.becamePeer(socket);
    this.share.connections.opened += 1;
    this.#onConnection!(connection);
    if (tally !== undefined) this.audit.connected(connection, shownIn(request), protocol ?? '');
    this.#log.write('peer_connected', { connection: connection.id, principal });
  }

  /** The refusal of what guards let in after this server had been closed. */
  #late(): Refusal | undefined {
    return this.#closed ? DRAINING : undefined;
  }

  #refuse(request: IncomingMessage, socket: Duplex, refusal: Refusal): void {
    this.#plain!.refused(socket);
    const { peerAddress = peerOf(request.socket) } = request as Partial<UpgradeRequest>;
    this.refusals.refused(refusal, peerAddress, shownIn(request as Partial<UpgradeRequest>));
    answerRefusal(socket, refusal);
  }
}

function destroyThis(this: Duplex): void {
  this.destroy();
}

/**
 * Answers a request without upgrading it. A server may ignore an upgrade that it does not want (RFC 9110, section 7.8).
 */
function answerAsHttp(server: Server, request: IncomingMessage, socket: Duplex): void {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket as never);
  response.once('finish', () => {
    response.detachSocket(socket as never);
    socket.end();
    lingerThenDestroy(socket);
  });
  server.emit('request', request, response);
}
