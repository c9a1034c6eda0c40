import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import { Connection } from '../presence/connection.js';
import type { MessageHandler } from '../presence/connection.js';
import type { CloseReason } from '../protocol/close-codes.js';
import type { SignalSocket } from './signal-socket.js';
import type { WriteBatch, Writer } from './write-batch.js';

/**
 * One peer's WebSocket as the domain's Connection. Owns the socket's listeners; frames are written below `ws`, which
 * keeps reading, pings and the closing handshake. Knows nothing of topics or of what a message says.
 * Invariant: the handler hears of messages in the order they came, and of none after onClose.
 */
export class WsConnection extends Connection implements Writer {
  corked = false;
  /** Called once, when the WebSocket is closed for good. Set by the adapter. */
  onClose: (() => void) | undefined;

  constructor(
    readonly id: number,
    readonly principal: string | undefined,
    readonly source: string,
    readonly socket: Duplex,
    readonly handler: MessageHandler,
    private readonly webSocket: SignalSocket,
    private readonly writes: WriteBatch,
  ) {
    super();
    webSocket.connection = this;
    // Shared functions rather than closures: a node holds tens of thousands of idle connections.
    webSocket.on('message', onMessage);
    webSocket.on('close', onClose);
    webSocket.on('error', onError);
  }

  send(frame: Buffer): boolean {
    if (this.webSocket.readyState !== WebSocket.OPEN) return false;
    this.writes.write(this, frame);
    return true;
  }

  close(reason: CloseReason): void {
    this.webSocket.close(reason.code, reason.text);
  }

  terminate(): void {
    this.webSocket.terminate();
  }
}

function onMessage(this: WebSocket, message: WebSocket.RawData, isBinary: boolean): void {
  const { connection } = this as SignalSocket;
  if (isBinary) connection.handler.binaryMessage(connection, message as Buffer);
  else connection.handler.textMessage(connection, message as Buffer);
}

function onClose(this: WebSocket): void {
  (this as SignalSocket).connection.onClose?.();
}

/** `ws` reports broken framing and resets here, and closes by itself: all of it is the peer's doing and none of it news. */
function onError(): void {
  // Without a listener the error would end the process.
}
