import type { Socket } from 'node:net';
import { LONGEST_CONTROL_FRAME } from '../protocol/client-frame.js';

const READ_BYTES = 64 * 1024;
/**
 * Bytes that one read may leave for the next, in whole words. Of unfinished input only heads and control frames are
 * kept as bytes.
 */
const KEPT_BYTES = (LONGEST_CONTROL_FRAME + 3) & ~3;

/**
 * Descriptions of the symbols under which Node keeps the buffer, the callback and the buffer generator of a socket that
 * was opened with `onread`.
 */
const ONREAD_SYMBOLS = ['kBuffer', 'kBufferCb', 'kBufferGen'];

/** Internals of a Node socket. */
interface Internals {
  [symbol: symbol]: unknown;
  readonly _handle: { useUserBuffer?(buffer: Uint8Array): void } | null;
}

/**
 * Owns the memory that all sockets are read into, one after the other. A buffer for each read is most of what reading
 * costs (docs/adr/0008). Node offers this as the option `onread`, but only for sockets that a program opens, not for
 * sockets that a server accepts. They are the same kind of socket, so this class sets what the option would set. Knows
 * nothing of what is read.
 * Invariant: what was read stays until the listener returns, and no longer.
 */
export class ReadBuffer {
  /** Room for the few bytes that the previous read may have left, followed by the read. */
  readonly bytes = Buffer.allocUnsafeSlow(KEPT_BYTES + READ_BYTES);
  /** The same memory. */
  readonly words = new Int32Array(this.bytes.buffer);
  /** Index where a read begins. */
  readonly start = KEPT_BYTES;
  /** The part of `bytes` that is read into. */
  readonly room = this.bytes.subarray(KEPT_BYTES);
  /** Memory of the last message that came in several reads. The next one may take it; undefined while one has it. */
  spare: Buffer | undefined;
  #symbols: readonly symbol[] = [];

  /**
   * Calls `listener`, on the socket, with the length in bytes of each read, instead of emitting `data`. Does nothing and
   * returns false if this version of Node has no such internals.
   */
  readInto(socket: Socket, listener: (this: Socket, length: number) => void): boolean {
    const internals = socket as unknown as Internals;
    if (this.#symbols.length === 0) this.#symbols = symbolsOf(internals);
    const [buffer, callback] = this.#symbols;
    if (callback === undefined || internals._handle?.useUserBuffer === undefined) return false;
    internals._handle.useUserBuffer(this.room);
    internals[buffer] = this.room;
    internals[callback] = listener;
    return true;
  }
}

/** Returns the symbols that ONREAD_SYMBOLS describes; none if one of them is missing. */
function symbolsOf(socket: object): symbol[] {
  const own = Object.getOwnPropertySymbols(socket);
  const found = ONREAD_SYMBOLS.map((name) => own.find(({ description }) => description === name)).filter(
    (symbol) => symbol !== undefined,
  );
  return found.length === ONREAD_SYMBOLS.length ? found : [];
}
