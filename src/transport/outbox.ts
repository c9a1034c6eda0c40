import type { Writable } from 'node:stream';

/** Frames up to this size, in bytes, are copied; larger ones have memory of their own, which receivers may share. */
const LARGEST_COPIED = 4096;
/** Copies go into blocks: the first is small, each further one as large as all before it, within bounds. */
const LEAST_BLOCK_BYTES = 512;
const LARGEST_BLOCK_BYTES = 16_384;
/** Memory that a piece takes beside its bytes: the objects around it, here and in Node. */
const OVERHEAD_BYTES = 256;
const NOTHING = Buffer.alloc(0);

/** For whom frames wait. */
export interface Lagging {
  readonly socket: Writable;
  /** Memory is held for it now, in bytes; 0 when nothing waits any more: the outbox is done, and takes nothing more. */
  lags(bytes: number): void;
}

/**
 * What waits for a peer that reads more slowly than it is sent to. Frames made one after the other share memory, so one that waits for
 * long would keep what others were sent; and to Node each is an object larger than most frames. So they are copied together, and the
 * socket is handed the next piece when it has got rid of the last.
 * Owns the pieces. Knows nothing of limits. Invariant: order is kept; a piece ends where a frame does; `held` is the memory that is held.
 */
export class Outbox {
  readonly #pieces: Buffer[] = [];
  /** Bytes used of the last piece when that is a block that has room, else 0. */
  #used = 0;
  #waiting = 0;
  /** Memory of the pieces that the socket was handed and has not got rid of. */
  #handed: number;
  #marked = false;
  /** Whether nothing waits any more. */
  #done = false;

  /** `handed` is the memory, in bytes, of what waits in the socket already. */
  constructor(
    private readonly peer: Lagging,
    handed: number,
  ) {
    this.#handed = handed + OVERHEAD_BYTES;
  }

  /** Bytes of memory. */
  get held(): number {
    return this.#waiting + this.#handed;
  }

  /** Takes frames that lie one behind the other. */
  push(frames: Buffer): void {
    if (frames.length > LARGEST_COPIED && frames.buffer.byteLength === frames.length) this.#add(frames);
    else this.#copy(frames);
  }

  /** Hands the socket as much as it gets rid of at once, and goes on when it has; tells the peer how much is held. Does nothing once the socket ends. */
  drain(): void {
    const { socket } = this.peer;
    if (this.#done || !socket.writable) return;
    while (this.#pieces.length > 0 && socket.writableLength === 0) this.#hand();
    if (socket.writableLength > 0) this.#mark();
    else this.#handed = 0;
    this.#done = this.held === 0;
    this.peer.lags(this.held);
  }

  /** Hands the socket everything, since something else is written behind it. */
  handAll(): void {
    while (this.#pieces.length > 0) this.#hand();
  }

  /** Forgets what the socket was not handed. */
  drop(): void {
    this.#pieces.length = 0;
    this.#used = 0;
    this.#waiting = 0;
    this.peer.lags(this.held);
  }

  #hand(): void {
    const piece = this.#pieces.shift()!;
    const last = this.#pieces.length === 0;
    const bytes = last && this.#used > 0 ? piece.subarray(0, this.#used) : piece;
    if (last) this.#used = 0;
    const memory = piece.buffer.byteLength + OVERHEAD_BYTES;
    this.#waiting -= memory;
    this.peer.socket.write(bytes);
    this.#handed = this.peer.socket.writableLength === 0 ? 0 : this.#handed + memory;
  }

  /** Has Node say when the socket has got rid of all that it was handed: nothing, written behind it, has a callback. */
  #mark(): void {
    if (this.#marked) return;
    this.#marked = true;
    this.peer.socket.write(NOTHING, () => {
      this.#marked = false;
      this.drain();
    });
  }

  #copy(frames: Buffer): void {
    const block = this.#pieces.at(-1);
    if (block !== undefined && this.#used > 0 && this.#used + frames.length <= block.length) {
      frames.copy(block, this.#used);
      this.#used += frames.length;
      return;
    }
    const size = Math.max(frames.length, Math.min(Math.max(this.#waiting, LEAST_BLOCK_BYTES), LARGEST_BLOCK_BYTES));
    const next = Buffer.allocUnsafeSlow(size);
    frames.copy(next);
    this.#add(next);
    this.#used = frames.length;
  }

  #add(piece: Buffer): void {
    this.#trim();
    this.#pieces.push(piece);
    this.#waiting += piece.buffer.byteLength + OVERHEAD_BYTES;
  }

  /** The last piece takes no more: what it has no bytes for is not sent. */
  #trim(): void {
    const last = this.#pieces.length - 1;
    if (this.#used > 0) this.#pieces[last] = this.#pieces[last].subarray(0, this.#used);
    this.#used = 0;
  }
}
