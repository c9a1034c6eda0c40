import { ServerResponse } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { HttpException } from '@nestjs/common';
import { WebSocketServer } from 'ws';
import type { Server as WebSockets, ServerOptions } from 'ws';
import { Refused } from '../auth/refused.js';
import type { Admission, UpgradeGuards } from '../auth/upgrade-guards.js';
import type { UpgradeRequest } from '../auth/upgrade-request.js';
import type { Clock } from '../clock/clock.js';
import { Seldom } from '../clock/seldom.js';
import type { Settings } from '../config/settings.js';
import type { Lifecycle } from '../lifecycle/lifecycle.js';
import type { Log } from '../logging/log.js';
import { nameOf } from '../logging/name-of.js';
import type { ConnectionCounts } from '../metrics/connection-counts.js';
import type { HeldBytes } from '../metrics/held-bytes.js';
import type { LimitCounts } from '../metrics/limit-counts.js';
import type { RefusalCounts } from '../metrics/refusal-counts.js';
import type { TrafficCounts } from '../metrics/traffic-counts.js';
import type { ConnectionSource, MessageHandler } from '../connection/message-handler.js';
import type { Refusal } from '../connection/refusal.js';
import { sourceOf } from '../connection/source.js';
import { SUBPROTOCOL } from '../protocol/subprotocol.js';
import { inTurn, takeTurn } from './answer-order.js';
import { ConnectionLimits } from './connection-limits.js';
import type { Place } from './connection-limits.js';
import { handshakeFault, isWebSocketHandshake, refusalOfHandshake } from './handshake.js';
import { hasTooManyHeaders, TOO_MANY_HEADERS } from './header-count.js';
import { Holdings } from './holdings.js';
import { ReadBuffer } from './read-buffer.js';
import { DRAINING, lingerThenDestroy, NO_PROXY, refusalOf, refuse } from './refusal.js';
import { Heartbeat } from './heartbeat.js';
import { RefusalLog } from './refusal-log.js';
import { capacity, FOR_OPERATORS, mostOpenFiles } from './open-files.js';
import type { Capacity } from './open-files.js';
import { PlainConnections } from './plain-connections.js';
import type { PlainBounds } from './plain-connections.js';
import { originAt, PlainSockets } from './plain-sockets.js';
import { CLOSE_TIMEOUT_MS, SignalSocket } from './signal-socket.js';
import { Throttle } from './throttle.js';
import { TrustedProxies } from './trusted-proxies.js';
import { WriteBatch } from './write-batch.js';
import { WsConnection } from './ws-connection.js';
import type { ConnectionShare } from './ws-connection.js';

/** What the log says of a plain connection that made way. */
const MADE_WAY = {
  network: 'closed a plain connection for a newer one: its address has as many as max-connections-per-ip allows',
  node: 'closed a plain connection for a newer one: there are as many as max-plain-connections allows',
  handles: 'closed a plain connection for a newer one: no file handles are left for both',
};

export interface WsEndpointParts {
  readonly httpServer: Server;
  /** Whether that serves nothing but what is ours; else the application that mounts us bounds its plain connections. */
  readonly ownListener: boolean;
  readonly settings: Settings;
  readonly lifecycle: Lifecycle;
  readonly guards: UpgradeGuards;
  readonly counts: LimitCounts;
  readonly refusals: RefusalCounts;
  readonly traffic: TrafficCounts;
  readonly connections: ConnectionCounts;
  readonly held: HeldBytes;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Turns HTTP upgrades into connections: phase and guards first, each refusal a real HTTP answer, then the WebSocket.
 * Any path upgrades; no extension is negotiated. Knows nothing of messages: it hands them to whom it was told.
 * Invariant: an upgrade ends in one connection or one refusal, and while draining in a refusal.
 */
export class WsEndpoint implements ConnectionSource {
  readonly #webSockets: WebSockets<typeof SignalSocket>;
  readonly #heartbeat: Heartbeat;
  readonly #refusals: RefusalLog;
  readonly #drops: RefusalLog;
  readonly #faults: Seldom;
  readonly #limits: ConnectionLimits;
  readonly #plain: PlainSockets;
  readonly #proxies: TrustedProxies;
  #share: ConnectionShare | undefined;
  #admit: Admission | undefined;
  #onConnection: ((connection: WsConnection) => void) | undefined;
  #lastId = 0;

  constructor(private readonly parts: WsEndpointParts) {
    const { settings } = parts;
    this.#refusals = new RefusalLog(parts.log, parts.clock);
    this.#drops = new RefusalLog(parts.log, parts.clock, 'dropped a connection: no file handles are left for it');
    this.#faults = new Seldom(parts.clock);
    const { connections, sockets } = this.#capacity();
    this.#limits = new ConnectionLimits(connections, settings, parts.counts, parts.log);
    this.#proxies = new TrustedProxies(settings.trustedProxies ?? [], settings.forwardedHeader);
    const plain = new PlainConnections(this.#plainBounds(sockets));
    parts.connections.plain = plain;
    this.#plain = new PlainSockets(parts.httpServer, plain, {
      ofConnection: ({ remoteAddress }) => (this.#proxies.isProxy(remoteAddress) ? undefined : originAt(remoteAddress)),
      ofRequest: (request) => originAt(this.#proxies.addressOf(request)),
    });
    this.#heartbeat = new Heartbeat(settings, parts.clock);
    this.#heartbeat.start();
    const options: ServerOptions<typeof SignalSocket> & { closeTimeout: number } = {
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      // The longest that any close may take; SignalSocket ends those sooner that are not a drain's.
      closeTimeout: settings.drainTimeout + CLOSE_TIMEOUT_MS,
      handleProtocols: (offered: Set<string>) => offered.has(SUBPROTOCOL) && SUBPROTOCOL,
      WebSocket: SignalSocket,
    };
    this.#webSockets = new WebSocketServer(options);
    this.#webSockets.on('wsClientError', (error, socket, request) =>
      this.#refuse(request, socket, refusalOfHandshake(error, request)),
    );
    parts.httpServer.prependListener('request', takeTurn);
    parts.httpServer.on('upgrade', this.#onUpgrade);
    parts.httpServer.on('connect', this.#onConnect);
    parts.httpServer.on('drop', this.#onDrop);
  }

  deliverTo(handler: MessageHandler): void {
    const { settings, clock, counts, traffic, connections, held } = this.parts;
    const { maxMessageBytes, maxBufferedBytes, maxBufferedTotalBytes, maxUnfinishedTotalBytes } = settings;
    const backlog = new Holdings<WsConnection>(maxBufferedTotalBytes, held.buffered, (connection) =>
      connection.overflow(maxBufferedTotalBytes),
    );
    const unfinished = new Holdings<WsConnection>(maxUnfinishedTotalBytes, held.unfinished, (connection) =>
      connection.abandon(maxUnfinishedTotalBytes),
    );
    const writes = new WriteBatch();
    const throttle = new Throttle(settings, clock, counts);
    const readBuffer = new ReadBuffer();
    const limits = { maxMessageBytes, maxBufferedBytes };
    this.#share = {
      handler,
      writes,
      backlog,
      unfinished,
      heartbeat: this.#heartbeat,
      throttle,
      readBuffer,
      counts,
      traffic,
      connections,
      ...limits,
    };
    this.#admit = this.parts.guards.of(handler);
  }

  /** Takes every step of an upgrade but the last; wrong tokens and limits count as for one, refusals do not, since no peer was kept out. */
  async rehearse(request: UpgradeRequest): Promise<Refusal | undefined> {
    const place = this.#place(request);
    // Peers need it while guards take their time; and who asked may be gone by then.
    if ('release' in place) place.release();
    const refusal = 'status' in place ? place : ((await this.#judge(request)) ?? this.#draining());
    if (refusal !== undefined) this.#refusals.refused(refusal.status, request.peerAddress);
    return refusal;
  }

  /** Has `listener` called with every new connection, before its first message. */
  onConnection(listener: (connection: WsConnection) => void): void {
    this.#onConnection = listener;
  }

  /** No more upgrades from here on. */
  close(): void {
    this.#heartbeat.stop();
    this.#plain.close();
    this.parts.httpServer.off('request', takeTurn);
    this.parts.httpServer.off('upgrade', this.#onUpgrade);
    this.parts.httpServer.off('connect', this.#onConnect);
    this.parts.httpServer.off('drop', this.#onDrop);
    this.#webSockets.close();
  }

  readonly #onUpgrade = (request: UpgradeRequest, socket: Duplex, head: Buffer): void => {
    // Until `ws` takes over, or the answer is out, a reset must not end the process.
    socket.on('error', destroyThis);
    inTurn(socket, () => this.#answer(request, socket, head));
  };

  #answer(request: UpgradeRequest, socket: Duplex, head: Buffer): void {
    if (hasTooManyHeaders(request)) {
      this.#refuse(request, socket, TOO_MANY_HEADERS);
      return;
    }
    if (!isWebSocketHandshake(request)) {
      answerAsHttp(this.parts.httpServer, request, socket);
      return;
    }
    this.#upgrade(request, socket, head).catch((error: unknown) => {
      this.#logFault(error);
      socket.destroy();
    });
  }

  readonly #onConnect = (request: IncomingMessage, socket: Duplex): void => {
    socket.on('error', destroyThis);
    inTurn(socket, () => this.#refuse(request, socket, NO_PROXY));
  };

  /** The process has as many TCP connections as it has handles for. */
  readonly #onDrop = (dropped?: { remoteAddress?: string }): void => {
    this.parts.counts.reached('max-connections');
    this.parts.refusals.refused('handles');
    this.#drops.refused(undefined, dropped?.remoteAddress);
  };

  async #upgrade(request: UpgradeRequest, socket: Duplex, head: Buffer): Promise<void> {
    const place = this.#place(request);
    if ('status' in place) return this.#refuse(request, socket, place);
    this.#plain.tookPlace(socket);
    // Until a connection has it; `ws` may still find fault with the handshake, or the peer be gone.
    socket.once('close', place.release);
    const refusal = (await this.#judge(request)) ?? this.#draining() ?? handshakeFault(request);
    if (refusal === undefined) return this.#open(request, socket, head, place);
    // Not when the socket is closed: a refused peer may take its time to read why.
    place.release();
    return this.#refuse(request, socket, refusal);
  }

  /** Finds out where a request comes from, and takes a place for it. */
  #place(request: UpgradeRequest): Place | Refusal {
    const origin = originAt(this.#proxies.addressOf(request));
    request.peerAddress = origin.address;
    request.peerNetwork = origin.network;
    return this.#draining() ?? this.#limits.take(origin);
  }

  /** What the guards say: undefined to let the request in. */
  async #judge(request: UpgradeRequest): Promise<Refusal | undefined> {
    try {
      await this.#admit!(request);
      // A guard may have taken its time.
      if (request.credential?.revoked === true) throw new Refused(401, 'token_revoked', 'This token was revoked.');
      return undefined;
    } catch (error) {
      if (!(error instanceof HttpException)) this.#logFault(error);
      return refusalOf(error);
    }
  }

  /** How many connections there may be, given the handles that the process may open; those are no limit to be run into. */
  #capacity(): Capacity {
    const { maxConnections, managementAddr } = this.parts.settings;
    const { connections, sockets } = capacity(
      maxConnections,
      mostOpenFiles(),
      managementAddr === undefined ? 0 : FOR_OPERATORS,
    );
    // One that is accepted beyond them has another one closed; only where there is none to close it is dropped.
    if (sockets !== undefined) this.parts.httpServer.maxConnections = sockets + 1;
    if (connections < maxConnections) {
      this.parts.log.warn(
        'max-connections is more than the files that this process may open allow: raise "ulimit -n"',
        { maxConnections, allowed: connections },
      );
    }
    this.parts.connections.most = connections;
    return { connections, sockets };
  }

  /** Plain connections may take the handles that peers do not. */
  #plainBounds(sockets = Infinity): PlainBounds {
    const { settings, ownListener, counts, log, clock } = this.parts;
    const most = ownListener && settings.maxPlainConnections > 0 ? settings.maxPlainConnections : Infinity;
    const logs = {
      network: new RefusalLog(log, clock, MADE_WAY.network),
      node: new RefusalLog(log, clock, MADE_WAY.node),
      handles: new RefusalLog(log, clock, MADE_WAY.handles),
    };
    const handles = (): number => sockets - this.#limits.taken;
    return {
      most: () => Math.min(most, handles()),
      mostOf: (origin, plain) => (ownListener ? this.#limits.plainOf(origin, plain) : Infinity),
      answersMayEnd: ownListener,
      madeWay: (reason, origin) => {
        counts.reached(reason === 'network' ? 'max-connections-per-ip' : 'max-plain-connections');
        logs[reason === 'node' && handles() < most ? 'handles' : reason].refused(undefined, origin?.address);
      },
    };
  }

  #draining(): Refusal | undefined {
    return this.parts.lifecycle.phase === 'draining' ? DRAINING : undefined;
  }

  #open(request: UpgradeRequest, socket: Duplex, head: Buffer, place: Place): void {
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      socket.off('error', destroyThis);
      socket.off('close', place.release);
      this.#plain.becamePeer(socket);
      const { principal, credential, peerAddress, peerNetwork } = request;
      const source = principal === undefined ? peerNetwork : sourceOf(principal, peerAddress);
      const identity = { id: ++this.#lastId, principal, source, credential, place };
      const connection = new WsConnection(identity, socket as Socket, webSocket, this.#share!);
      this.parts.connections.opened += 1;
      this.#onConnection!(connection);
      this.parts.log.debug('connected', { connection: connection.id, ...(principal !== undefined && { principal }) });
    });
  }

  #refuse(request: IncomingMessage, socket: Duplex, refusal: Refusal): void {
    this.#plain.refused(socket);
    this.parts.refusals.refused(refusal.reason);
    this.#refusals.refused(refusal.status, (request as UpgradeRequest).peerAddress ?? request.socket.remoteAddress);
    refuse(socket, refusal);
  }

  /** At most one line in a while: it may be a guard of the application's that throws, for any stranger, and what it throws may hold what it was shown. */
  #logFault(error: unknown): void {
    const { log } = this.parts;
    log.debug('an upgrade could not be decided', { error: error instanceof Error ? error.stack : typeof error });
    if (this.#faults.due()) log.error('an upgrade could not be decided', { error: nameOf(error) });
  }
}

function destroyThis(this: Duplex): void {
  this.destroy();
}

/** RFC 9110, section 7.8: a server may ignore an upgrade it does not want and answer the request as it stands. */
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
