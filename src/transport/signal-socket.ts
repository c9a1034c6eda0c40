import { isUtf8 } from 'node:buffer';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { contentOf } from '../protocol/client-frame.js';
import { CloseCode, reasonFor } from '../protocol/close-codes.js';
import type { CloseReason } from '../protocol/close-codes.js';
import { closeFrame } from '../protocol/websocket-frame.js';

/** The connection that a WebSocket carries. */
export interface Carrier {
  /** Writes everything that was sent so far, before anything else is written. */
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

/** What a close frame without a code stands for, and the end without a close frame (RFC 6455, section 7.1.5). */
const NO_CODE = 1005;
const ABNORMAL = 1006;

/** Key of a WebSocket on its socket, so that all of them share their listeners: there may be very many. */
const CARRIED = Symbol('carried');
type Carrying = Duplex & { [CARRIED]?: SignalSocket };

/**
 * The WebSocket of each peer, after the handshake and below the messages. Owns the closing handshake (RFC 6455, section
 * 7): how it looks, and how long it may take. Knows the connection that it carries, and nothing of messages.
 * Invariant: every close frame has a code and a reason, and there is at most one. A socket that is closing is cut in
 * the end, whatever the peer does.
 */
export class SignalSocket {
  #state: 'open' | 'closing' | 'closed' = 'open';
  #ownCode: number | undefined;
  #codeOfPeer = ABNORMAL;
  /** Whether our close frame has left, and whether nothing more is expected of the peer: its own came, or a broken one. */
  #said = false;
  #heard = false;
  /** When the socket is cut, in milliseconds on the clock of timers; undefined while it is open. */
  #cut: { readonly at: number; readonly timer: NodeJS.Timeout } | undefined;

  /** `mostClosing` is how long any close may take, in milliseconds. */
  constructor(
    private readonly socket: Duplex,
    private readonly carrier: Carrier,
    private readonly mostClosing: number,
  ) {
    (socket as Carrying)[CARRIED] = this;
    if (socket instanceof Socket) {
      socket.setTimeout(0);
      socket.setNoDelay();
    }
    socket.on('close', onClose);
    socket.on('end', onEnd);
    socket.on('error', onError);
  }

  get open(): boolean {
    return this.#state === 'open';
  }

  /**
   * Begins the closing handshake with a reason of the server. With `soon`, the socket is cut before `mostClosing` is
   * over.
   */
  dismiss({ code, text }: CloseReason, soon: boolean): void {
    this.#closeFirst(code);
    this.#close(code, text);
    if (soon) this.#cutAfter(code === CloseCode.slowConsumer ? SOON_MS : CLOSE_TIMEOUT_MS);
  }

  /** Begins the closing handshake without waiting for an answer: nothing more is read from the peer. */
  fail(reason: CloseReason): void {
    this.dismiss(reason, true);
    this.socket.end();
  }

  /** Takes the peer's complete close frame, still masked: checks it, and answers it unless it is the answer. */
  answerClose(frame: Buffer): void {
    const content = contentOf(frame);
    const code = content.length === 0 ? undefined : content.readUInt16BE(0);
    const reason = content.subarray(2);
    const fault = code === undefined ? undefined : faultOfClose(code, reason);
    this.#heard = true;
    // The end of the socket comes behind what the peer may still have sent.
    process.nextTick(resume, this.socket);
    if (fault === undefined) {
      this.#codeOfPeer = code ?? NO_CODE;
      this.#close(code ?? CloseCode.normal, reason.length > 0 ? reason : reasonFor(CloseCode.normal));
    } else {
      this.#closeFirst(fault);
      this.#close(fault, reasonFor(fault));
    }
    this.#cutAfter(CLOSE_TIMEOUT_MS);
  }

  /** Cuts the socket, which is closing, once the peer has had time to read why. */
  cutSoon(): void {
    this.#cutAfter(SOON_MS);
  }

  /** Cuts the socket, without a close frame. */
  terminate(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closing';
    this.socket.destroy();
  }

  pause(): void {
    if (this.#state !== 'closed') this.socket.pause();
  }

  resume(): void {
    if (this.#state !== 'closed') this.socket.resume();
  }

  /** Called at the end of what the peer sends. What waits for it may never leave: it need not read. */
  halfClosed(): void {
    // Over TLS, answers to what came with the end wait for the end of the turn.
    if (this.#state === 'open') this.carrier.flush();
    this.#state = 'closing';
    this.socket.end();
    this.#cutAfter(Math.min(this.mostClosing, CLOSE_TIMEOUT_MS));
  }

  /** Called once the socket is closed. */
  ended(): void {
    clearTimeout(this.#cut?.timer);
    this.#state = 'closed';
    this.carrier.ended(this.#ownCode, this.#codeOfPeer);
  }

  #closeFirst(code: number): void {
    if (this.#state === 'open') this.#ownCode ??= code;
  }

  /** Sends the one close frame. The socket ends once both sides have said what they have to. */
  #close(code: number, reason: string | Buffer): void {
    this.carrier.flush();
    if (this.#state === 'closing') this.#endIfDone();
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    this.socket.write(closeFrame(code, reason), (error) => {
      if (error) return;
      this.#said = true;
      this.#endIfDone();
    });
    this.#cutAfter(this.mostClosing);
  }

  #endIfDone(): void {
    if (this.#said && this.#heard) this.socket.end();
  }

  /** Of several times, the earliest counts. */
  #cutAfter(milliseconds: number): void {
    if (this.#state !== 'closing') return;
    const at = performance.now() + milliseconds;
    if (this.#cut !== undefined && this.#cut.at <= at) return;
    clearTimeout(this.#cut?.timer);
    this.#cut = { at, timer: setTimeout(() => this.terminate(), milliseconds) };
  }
}

/** Returns the code with which a broken close frame is answered; undefined for a good one. */
function faultOfClose(code: number, reason: Buffer): number | undefined {
  if (!isSendable(code)) return CloseCode.protocolError;
  return isUtf8(reason) ? undefined : CloseCode.invalidText;
}

/** Whether a code may be in a close frame (RFC 6455, section 7.4, and its registry). */
function isSendable(code: number): boolean {
  return (code >= 1000 && code <= 1014 && (code < 1004 || code > 1006)) || (code >= 3000 && code <= 4999);
}

function resume(socket: Duplex): void {
  socket.resume();
}

function onClose(this: Carrying): void {
  this[CARRIED]!.ended();
}

function onEnd(this: Carrying): void {
  this[CARRIED]!.halfClosed();
}

/** A reset is the peer's doing, and no news. Without a listener, it would end the process. */
function onError(this: Carrying): void {
  this[CARRIED]!.terminate();
}
