import type { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import { WebSocket } from 'ws';
import { CloseCode, reasonFor } from '../protocol/close-codes.js';
import type { CloseReason } from '../protocol/close-codes.js';

/** The connection that a WebSocket carries. */
export interface Carrier {
  readonly socket: Socket;
  /** Writes what was sent so far, before `ws` writes anything else. */
  flush(): void;
  /** The WebSocket is closed for good: with `own`, the code that this server closed with first, if it did, and the one that came from the peer. */
  ended(own: number | undefined, ofPeer: number): void;
}

/** How long a peer may take to answer our close frame, in milliseconds, before its socket is cut; in a drain, drain-timeout. */
export const CLOSE_TIMEOUT_MS = 5000;
/** How long, in milliseconds, one may take that does not read, or does not stop sending. */
const SOON_MS = 1000;

/**
 * The WebSocket that `ws` makes for each peer; it knows the connection it carries. Owns how a close looks and how long it may take: `ws`
 * begins some by itself, with a code alone (a close frame in which it finds a fault) or with what the peer sent (the answer to its
 * close). Invariant: every close frame has a code and a reason.
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

  /** Begins the closing handshake for a reason of ours. With `soon` the socket is cut before `ws` would do it. */
  dismiss({ code, text }: CloseReason, soon: boolean): void {
    this.#closeFirst(code);
    this.#carrier!.flush();
    super.close(code, text);
    if (soon) this.#cutAfter(code === CloseCode.slowConsumer ? SOON_MS : CLOSE_TIMEOUT_MS);
  }

  /** The same where nothing more of the peer is read: it need not answer. */
  fail(reason: CloseReason): void {
    this.dismiss(reason, true);
    this.#carrier!.socket.end();
  }

  /** The peer's whole close frame came, still masked: `ws` judges and answers it. */
  answerClose(frame: Buffer): void {
    (this as unknown as { _receiver: Writable })._receiver.write(frame);
  }

  /** Cuts the socket, which is closing, once the peer has had the time to see why. */
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

/** `ws` reports broken close frames and resets here, and closes by itself: all of it is the peer's doing and none of it news. */
function onError(): void {
  // Without a listener the error would end the process.
}
