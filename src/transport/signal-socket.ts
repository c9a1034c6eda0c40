import type { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import { WebSocket } from 'ws';
import { CloseCode, reasonFor } from '../protocol/close-codes.js';
import type { CloseReason } from '../protocol/close-codes.js';

/** The connection that a WebSocket carries. */
export interface Carrier {
  readonly socket: Socket;
  /** Writes everything that was sent so far, before `ws` writes anything else. */
  flush(): void;
  /**
   * Called when the WebSocket is completely closed. `own` is the code of this server if it closed first. `ofPeer` is
   * the code that came from the peer.
   */
  ended(own: number | undefined, ofPeer: number): void;
}

/**
 * Milliseconds that a peer may take to answer our close frame before its socket is cut. In a drain, drain-timeout
 * applies.
 */
export const CLOSE_TIMEOUT_MS = 5000;
/** The same for a peer that does not read, or does not stop sending. */
const SOON_MS = 1000;

/**
 * The WebSocket that `ws` makes for each peer. Owns how a close looks and how long it may take. Knows the connection
 * that it carries, and nothing of messages. `ws` starts some closes itself: with only a code (for a faulty close
 * frame), or with what the peer sent (the answer to its close).
 * Invariant: every close frame has a code and a reason.
 */
export class SignalSocket extends WebSocket {
  #carrier: Carrier | undefined;
  #ownCode: number | undefined;

  /** Set once, as soon as there is a connection. */
  set carrier(carrier: Carrier) {
    this.#carrier = carrier;
    // Shared functions rather than closures: a node holds tens of thousands of idle connections.
    this.on('close', onClose);
    this.on('error', onError);
  }

  /**
   * Begins the closing handshake with a reason of the server. With `soon`, the socket is cut before `ws` would cut it.
   */
  dismiss({ code, text }: CloseReason, soon: boolean): void {
    this.#closeFirst(code);
    this.#carrier!.flush();
    super.close(code, text);
    if (soon) this.#cutAfter(code === CloseCode.slowConsumer ? SOON_MS : CLOSE_TIMEOUT_MS);
  }

  /** Begins the closing handshake without waiting for an answer: nothing more is read from the peer. */
  fail(reason: CloseReason): void {
    this.dismiss(reason, true);
    this.#carrier!.socket.end();
  }

  /** Passes the peer's complete close frame, still masked, to `ws`, which checks and answers it. */
  answerClose(frame: Buffer): void {
    (this as unknown as { _receiver: Writable })._receiver.write(frame);
  }

  /** Cuts the socket, which is closing, once the peer has had time to read why. */
  cutSoon(): void {
    this.#cutAfter(SOON_MS);
  }

  /** Called by `ws`. */
  override close(...given: [code?: number, reason?: string | Buffer]): void {
    const [code = CloseCode.normal, reason = ''] = given;
    this.#carrier!.flush();
    if (given.length === 1) {
      this.#closeFirst(code);
      super.close(code, reasonFor(code));
    } else super.close(code, reason.length > 0 ? reason : reasonFor(CloseCode.normal));
    this.#cutAfter(CLOSE_TIMEOUT_MS);
  }

  /** Called on the socket's close. */
  ended(code: number): void {
    this.#carrier!.ended(this.#ownCode, code);
  }

  #closeFirst(code: number): void {
    if (this.readyState === WebSocket.OPEN) this.#ownCode ??= code;
  }

  #cutAfter(milliseconds: number): void {
    if (this.readyState !== WebSocket.CLOSING) return;
    const timer = setTimeout(() => this.terminate(), milliseconds);
    this.once('close', () => clearTimeout(timer));
  }
}

function onClose(this: WebSocket, code: number): void {
  (this as SignalSocket).ended(code);
}

/**
 * Ignores errors. `ws` reports broken close frames and resets here, and closes the socket itself. All of them are the
 * peer's doing, and none is news.
 */
function onError(): void {
  // Without a listener, the error would end the process.
}
