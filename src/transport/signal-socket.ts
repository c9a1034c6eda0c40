import { WebSocket } from 'ws';
import { CloseCode, messageTooBig, reasonFor } from '../protocol/close-codes.js';
import type { WsConnection } from './ws-connection.js';

/** How long a peer may take to answer our close frame, in milliseconds, before its socket is cut; in a drain, drain-timeout. */
export const CLOSE_TIMEOUT_MS = 5000;
/** How long, in milliseconds, the close frame of a slow consumer may take to get through the backlog before it. */
const SLOW_CLOSE_MS = 1000;

/** A `ws` WebSocket that knows the connection it carries. */
export interface SignalSocket extends WebSocket {
  connection: WsConnection;
}

/**
 * The class that `ws` makes a SignalSocket of for each peer. Owns how a close looks and how long it may take: `ws` begins some
 * by itself, with a code alone (framing errors, oversized messages) or with what the peer sent (the answer to its close).
 * Invariant: every close frame has a code and a reason.
 */
export function signalSocketClass(maxMessageBytes: number): typeof WebSocket {
  return class extends WebSocket {
    override close(...given: [code?: number, reason?: string | Buffer]): void {
      const [code = CloseCode.normal, reason = ''] = given;
      // With a code alone `ws` closes for a reason of its own; otherwise the reason may be the peer's, and empty.
      const own = code === CloseCode.messageTooBig ? this.#tooBig() : reasonFor(code);
      super.close(code, given.length === 1 ? own : reason.length > 0 ? reason : reasonFor(CloseCode.normal));
      if (code !== CloseCode.serviceRestart) this.#cutAfter(code === CloseCode.slowConsumer ? SLOW_CLOSE_MS : CLOSE_TIMEOUT_MS);
    }

    #tooBig(): string {
      (this as unknown as SignalSocket).connection.share.counts.reached('max-message-bytes');
      return messageTooBig(maxMessageBytes).text;
    }

    #cutAfter(milliseconds: number): void {
      if (this.readyState !== WebSocket.CLOSING) return;
      const timer = setTimeout(() => this.terminate(), milliseconds);
      this.once('close', () => clearTimeout(timer));
    }
  };
}
