import { WebSocket } from 'ws';
import { CloseCode, messageTooBig, reasonFor } from '../protocol/close-codes.js';
import type { WsConnection } from './ws-connection.js';

/** A `ws` WebSocket that knows the connection it carries. */
export interface SignalSocket extends WebSocket {
  connection: WsConnection;
}

/**
 * The class that `ws` makes a SignalSocket of for each peer, giving every close a reason: `ws` begins some closes by itself,
 * with a code alone (framing errors, oversized messages) or with nothing (the answer to a peer that closed with no code).
 */
export function signalSocketClass(maxMessageBytes: number): typeof WebSocket {
  const tooBig = messageTooBig(maxMessageBytes).text;

  return class extends WebSocket {
    override close(code: number = CloseCode.normal, reason?: string | Buffer): void {
      const given = reason !== undefined && reason.length > 0;
      super.close(code, given ? reason : code === CloseCode.messageTooBig ? tooBig : reasonFor(code));
    }
  };
}
