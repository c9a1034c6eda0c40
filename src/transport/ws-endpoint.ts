import { ServerResponse } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { ServerOptions } from 'ws';
import type { Admission, UpgradeGuards } from '../auth/upgrade-guards.js';
import type { UpgradeRequest } from '../auth/upgrade-request.js';
import type { Settings } from '../config/settings.js';
import type { Lifecycle } from '../lifecycle/lifecycle.js';
import type { Log } from '../logging/log.js';
import type { ConnectionSource, MessageHandler } from '../presence/connection.js';
import { sourceOf } from '../presence/source.js';
import { SUBPROTOCOL } from '../protocol/subprotocol.js';
import { DRAINING, refusalOf, refuse } from './refusal.js';
import type { Refusal } from './refusal.js';
import { signalSocketClass } from './signal-socket.js';
import type { SignalSocket } from './signal-socket.js';
import { WriteBatch } from './write-batch.js';
import { WsConnection } from './ws-connection.js';

/** Parts of one message: enough for a byte a frame over a bad line, too few to fill memory with bookkeeping. */
const MAX_FRAGMENTS = 4096;
/** How long a peer may take to answer our close frame, in milliseconds, before its socket is destroyed. */
const CLOSE_TIMEOUT_MS = 5000;

export interface WsEndpointParts {
  readonly httpServer: Server;
  readonly settings: Settings;
  readonly lifecycle: Lifecycle;
  readonly guards: UpgradeGuards;
  readonly log: Log;
}

/**
 * Turns HTTP upgrades into connections: phase and guards first, each refusal a real HTTP answer, then the WebSocket.
 * Any path upgrades; no extension is negotiated. Knows nothing of messages: it hands them to whom it was told.
 */
export class WsEndpoint implements ConnectionSource {
  readonly #webSockets: WebSocketServer;
  readonly #writes = new WriteBatch();
  #handler: MessageHandler | undefined;
  #admit: Admission | undefined;
  #onConnection: ((connection: WsConnection) => void) | undefined;
  #lastId = 0;

  constructor(private readonly parts: WsEndpointParts) {
    const options: ServerOptions & { maxFragments: number; maxBufferedChunks: number; closeTimeout: number } = {
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: parts.settings.maxMessageBytes,
      maxFragments: MAX_FRAGMENTS,
      maxBufferedChunks: MAX_FRAGMENTS,
      closeTimeout: CLOSE_TIMEOUT_MS,
      handleProtocols: (offered: Set<string>) => offered.has(SUBPROTOCOL) && SUBPROTOCOL,
      WebSocket: signalSocketClass(parts.settings.maxMessageBytes),
    };
    this.#webSockets = new WebSocketServer(options);
    this.#webSockets.on('wsClientError', (error, socket, request) => this.#refuse(request, socket, malformed(error, request)));
    parts.httpServer.on('upgrade', this.#onUpgrade);
  }

  deliverTo(handler: MessageHandler): void {
    this.#handler = handler;
    this.#admit = this.parts.guards.of(handler);
  }

  /** Has `listener` called with every new connection, before its first message. */
  onConnection(listener: (connection: WsConnection) => void): void {
    this.#onConnection = listener;
  }

  /** No more upgrades from here on. */
  close(): void {
    this.parts.httpServer.off('upgrade', this.#onUpgrade);
    this.#webSockets.close();
  }

  readonly #onUpgrade = (request: UpgradeRequest, socket: Duplex, head: Buffer): void => {
    if (!isWebSocketHandshake(request)) {
      answerAsHttp(this.parts.httpServer, request, socket);
      return;
    }
    // Until `ws` takes over, or the answer is out, a reset must not end the process.
    socket.on('error', destroyThis);
    this.#decide(request).then(
      (refusal) => {
        if (refusal !== undefined) this.#refuse(request, socket, refusal);
        else this.#open(request, socket, head);
      },
      (error: unknown) => this.#refuse(request, socket, refusalOf(error)),
    );
  };

  async #decide(request: UpgradeRequest): Promise<Refusal | undefined> {
    if (this.parts.lifecycle.phase === 'draining') return DRAINING;
    await this.#admit!(request);
    // The guards may have taken their time.
    return this.#isDraining() ? DRAINING : undefined;
  }

  #isDraining(): boolean {
    return this.parts.lifecycle.phase === 'draining';
  }

  #open(request: UpgradeRequest, socket: Duplex, head: Buffer): void {
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      socket.off('error', destroyThis);
      const { principal } = request;
      const source = sourceOf(principal, request.socket.remoteAddress);
      const connection = new WsConnection(++this.#lastId, principal, source, socket, this.#handler!, webSocket as SignalSocket, this.#writes);
      this.#onConnection!(connection);
      this.parts.log.debug('connected', { connection: connection.id });
    });
  }

  #refuse(request: IncomingMessage, socket: Duplex, refusal: Refusal): void {
    this.parts.log.info('refused an upgrade', { status: refusal.status, remote: request.socket.remoteAddress });
    refuse(socket, refusal);
  }
}

function destroyThis(this: Duplex): void {
  this.destroy();
}

/** Whether this asks for a WebSocket (RFC 6455, section 4.1), well-formed or not; otherwise it is a plain request that offers some upgrade. */
function isWebSocketHandshake(request: IncomingMessage): boolean {
  return request.headers.upgrade?.toLowerCase() === 'websocket' && request.headers['sec-websocket-key'] !== undefined;
}

/** RFC 9110, section 7.8: a server may ignore an upgrade it does not want and answer the request as it stands. */
function answerAsHttp(server: Server, request: IncomingMessage, socket: Duplex): void {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  socket.on('error', destroyThis);
  response.assignSocket(socket as never);
  response.once('finish', () => {
    response.detachSocket(socket as never);
    socket.end(() => socket.destroy());
  });
  server.emit('request', request, response);
}

function malformed(error: Error, request: IncomingMessage): Refusal {
  const text = `Not a valid WebSocket handshake: ${error.message}.`;
  if (request.method !== 'GET') return { status: 405, text, headers: { Allow: 'GET' } };
  return { status: 400, text, headers: { 'Sec-WebSocket-Version': '13' } };
}
