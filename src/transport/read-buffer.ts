import type { Socket } from 'node:net';
import { LONGEST_CONTROL_FRAME } from '../protocol/client-frame.js';

const READ_BYTES = 64 * 1024;
/** What a read may leave for the next one, in whole words: of what is not finished only heads and control frames are kept as bytes. */
const KEPT_BYTES = (LONGEST_CONTROL_FRAME + 3) & ~3;

/** Where Node keeps, on a socket that was opened with `onread`, its buffer, its callback, and what would make the next buffer. */
const OF_ONREAD = ['kBuffer', 'kBufferCb', 'kBufferGen'];

/** A socket, as far as Node keeps it to itself. */
interface Innards {
  [symbol: symbol]: unknown;
  readonly _handle: { useUserBuffer?(buffer: Uint8Array): void } | null;
}

/**
 * The memory that all sockets are read into, one after the other: a buffer for each read is most of what reading costs
 * (docs/adr/0008). Node has that as the option `onread` for sockets that a program opens, not for those that a server accepts,
 * although they are the same; so what the option sets is set here. Knows nothing of what is read.
 * Invariant: what was read stays until the listener returns, and no longer.
 */
export class ReadBuffer {
  /** Room for the few bytes that the read before may have left, then the read. */
  readonly bytes = Buffer.allocUnsafeSlow(KEPT_BYTES + READ_BYTES);
  /** The same memory. */
  readonly words = new Int32Array(this.bytes.buffer);
  /** Where a read begins. */
  readonly start = KEPT_BYTES;
  /** From there on. */
  readonly room = this.bytes.subarray(KEPT_BYTES);
  #symbols: readonly symbol[] = [];

  /** Has `listener` told of each read, by its length in bytes, instead of `data`. False, and nothing done, where this Node has no such parts. */
  readInto(socket: Socket, listener: (length: number) => void): boolean {
    const innards = socket as unknown as Innards;
    if (this.#symbols.length === 0) this.#symbols = symbolsOf(innards);
    const [buffer, callback] = this.#symbols;
    if (callback === undefined || innards._handle?.useUserBuffer === undefined) return false;
    innards._handle.useUserBuffer(this.room);
    innards[buffer] = this.room;
    innards[callback] = listener;
    return true;
  }
}

/** The symbols of OF_ONREAD; none when one of them is missing. */
function symbolsOf(socket: object): symbol[] {
  const own = Object.getOwnPropertySymbols(socket);
  const found = OF_ONREAD.map((name) => own.find(({ description }) => description === name)).filter(
    (symbol) => symbol !== undefined,
  );
  return found.length === OF_ONREAD.length ? found : [];
}
