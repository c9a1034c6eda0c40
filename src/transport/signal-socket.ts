import { WebSocket } from 'ws';
import { CloseCode, messageTooBig, reasonFor } from '../protocol/close-codes.js';
import type { CloseReason } from '../protocol/close-codes.js';
import type { WsConnection } from './ws-connection.js';

/** How long a peer may take to answer our close frame, in milliseconds, before its socket is cut; in a drain, drain-timeout. */
export const CLOSE_TIMEOUT_MS = 5000;
/** How long, in milliseconds, one may take that does not read, or does not stop sending. */
const SOON_MS = 1000;

/** What `ws` keeps to itself, looked at here alone. */
interface Parser {
  /** The opcode of a message in fragments that has begun, else 0. */
  readonly _fragmented: number;
  readonly _state: number;
  readonly _bufferedBytes: number;
}
const FRAME_BEGINS = 0;

function parserOf(socket: object): Parser {
  return (socket as { _receiver: Parser })._receiver;
}

/** A `ws` WebSocket that knows the connection it carries. */
export interface SignalSocket extends WebSocket {
  connection: WsConnection;
  /** Begins the closing handshake for a reason of ours. With `soon` the socket is cut before `ws` would do it. */
  dismiss(reason: CloseReason, soon: boolean): void;
  /** The code that this server closed with, if it was the first to close. */
  readonly ownCode: number | undefined;
  /** Whether the peer has begun a message in fragments and not finished it. */
  readonly unfinished: boolean;
  /** Whether the first byte of a message would come next. */
  readonly between: boolean;
  /** Cuts the socket, which is closing, once the peer has had the time to see why. */
  cutSoon(): void;
}

/**
 * The class that `ws` makes a SignalSocket of for each peer. Owns how a close looks and how long it may take: `ws` begins some
 * by itself, with a code alone (framing errors, oversized messages) or with what the peer sent (the answer to its close).
 * Invariant: every close frame has a code and a reason.
 */
export function signalSocketClass(maxMessageBytes: number): typeof WebSocket {
  return class extends WebSocket {
    declare connection: WsConnection;
    #ownCode: number | undefined;

    get ownCode(): number | undefined {
      return this.#ownCode;
    }

    get unfinished(): boolean {
      return parserOf(this)._fragmented !== 0;
    }

    get between(): boolean {
      const parser = parserOf(this);
      return parser._fragmented === 0 && parser._state === FRAME_BEGINS && parser._bufferedBytes === 0;
    }

    dismiss({ code, text }: CloseReason, soon: boolean): void {
      this.#closeFirst(code);
      this.connection.flush();
      super.close(code, text);
      if (soon) this.#cutAfter(code === CloseCode.slowConsumer ? SOON_MS : CLOSE_TIMEOUT_MS);
    }

    cutSoon(): void {
      this.#cutAfter(SOON_MS);
    }

    /** Called by `ws`. */
    override close(...given: [code?: number, reason?: string | Buffer]): void {
      const [code = CloseCode.normal, reason = ''] = given;
      this.connection.flush();
      if (given.length === 1) {
        this.#closeFirst(code);
        super.close(code, this.#reasonOfOwn(code));
      } else super.close(code, reason.length > 0 ? reason : reasonFor(CloseCode.normal));
      this.#cutAfter(CLOSE_TIMEOUT_MS);
    }

    /** Why `ws` closes by itself. */
    #reasonOfOwn(code: number): string {
      if (code !== CloseCode.messageTooBig) return reasonFor(code);
      const { text, limit } = messageTooBig(maxMessageBytes);
      this.connection.share.counts.reached(limit!);
      return text;
    }

    #closeFirst(code: number): void {
      if (this.readyState === WebSocket.OPEN) this.#ownCode ??= code;
    }

    #cutAfter(milliseconds: number): void {
      if (this.readyState !== WebSocket.CLOSING) return;
      const timer = setTimeout(() => this.terminate(), milliseconds);
      this.once('close', () => clearTimeout(timer));
    }
  };
}
