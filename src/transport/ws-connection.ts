import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import type { ExpiryList } from '../clock/expiry-list.js';
import { Connection } from '../presence/connection.js';
import type { MessageHandler } from '../presence/connection.js';
import { CloseCode, slowConsumer } from '../protocol/close-codes.js';
import type { CloseReason } from '../protocol/close-codes.js';
import type { Heartbeat, Pulse } from './heartbeat.js';
import type { SignalSocket } from './signal-socket.js';
import type { WriteBatch, Writer } from './write-batch.js';

/** What all connections of an endpoint share. */
export interface ConnectionShare {
  readonly handler: MessageHandler;
  readonly writes: WriteBatch;
  readonly heartbeat: Heartbeat;
  /** Bytes that may wait for one peer; 0 for no limit. */
  readonly maxBufferedBytes: number;
}

/** Whose connection it is. */
export interface ConnectionIdentity {
  readonly id: number;
  readonly principal: string | undefined;
  readonly source: string;
}

/**
 * One peer's WebSocket as the domain's Connection. Owns the socket's listeners; frames are written below `ws`, which
 * keeps reading, pings and the closing handshake. Knows nothing of topics or of what a message says.
 * Invariant: the handler hears of messages in the order they came, and of none after onClose; what waits for the peer is
 * never more than max-buffered-bytes and one frame.
 */
export class WsConnection extends Connection implements Writer, Pulse {
  readonly id: number;
  readonly principal: string | undefined;
  readonly source: string;
  corked = false;
  heard = false;
  checkAt = 0;
  previous: Pulse | undefined;
  next: Pulse | undefined;
  list: ExpiryList<Pulse> | undefined;
  /** Whether its messages are ignored: it broke a rule, and is on its way out. */
  ignored = false;
  /** Called once, when the WebSocket is closed for good. Set by the adapter. */
  onClose: (() => void) | undefined;

  constructor(
    identity: ConnectionIdentity,
    readonly socket: Duplex,
    private readonly webSocket: SignalSocket,
    readonly share: ConnectionShare,
  ) {
    super();
    this.id = identity.id;
    this.principal = identity.principal;
    this.source = identity.source;
    webSocket.connection = this;
    // Shared functions rather than closures: a node holds tens of thousands of idle connections.
    webSocket.on('message', onMessage);
    webSocket.on('ping', onLife);
    webSocket.on('pong', onLife);
    webSocket.on('close', onClose);
    webSocket.on('error', onError);
    share.heartbeat.add(this);
  }

  send(frame: Buffer): boolean {
    if (this.webSocket.readyState !== WebSocket.OPEN) return false;
    const { writes, maxBufferedBytes } = this.share;
    writes.write(this, frame);
    if (maxBufferedBytes > 0 && this.socket.writableLength > maxBufferedBytes) this.#relieve();
    return true;
  }

  ping(): void {
    if (this.webSocket.readyState === WebSocket.OPEN) this.webSocket.ping();
  }

  close(reason: CloseReason): void {
    // A draining peer may still have something to say; whoever is closed for a fault may not go on with it.
    if (reason.code !== CloseCode.serviceRestart) this.ignored = true;
    this.webSocket.close(reason.code, reason.text);
  }

  terminate(): void {
    this.webSocket.terminate();
  }

  /** Too much waits. Some of it may wait only for the end of this turn; if it is the peer that does not read, it is closed. */
  #relieve(): void {
    const { writes, maxBufferedBytes } = this.share;
    writes.flush(this);
    // The close frame stands behind the backlog; both go when the socket is cut.
    if (this.socket.writableLength > maxBufferedBytes) this.close(slowConsumer(maxBufferedBytes));
  }
}

function onMessage(this: WebSocket, message: WebSocket.RawData, isBinary: boolean): void {
  const { connection } = this as SignalSocket;
  connection.heard = true;
  if (connection.ignored) return;
  if (isBinary) connection.share.handler.binaryMessage(connection, message as Buffer);
  else connection.share.handler.textMessage(connection, message as Buffer);
}

function onLife(this: WebSocket): void {
  (this as SignalSocket).connection.heard = true;
}

function onClose(this: WebSocket): void {
  const { connection } = this as SignalSocket;
  connection.share.heartbeat.remove(connection);
  connection.onClose?.();
}

/** `ws` reports broken framing and resets here, and closes by itself: all of it is the peer's doing and none of it news. */
function onError(): void {
  // Without a listener the error would end the process.
}
