import type { Writable } from 'node:stream';

/** Frames up to this size, in bytes, are copied. Larger ones have their own memory, which receivers may share. */
const MAX_COPIED_BYTES = 4096;
/** Copies go into blocks. The first is small; each further one is as large as all before it, within these bounds. */
const MIN_BLOCK_BYTES = 512;
const MAX_BLOCK_BYTES = 16_384;
/** Bytes of memory that a piece takes besides its content: the objects around it, here and in Node. */
export const OVERHEAD_BYTES = 256;

/** A peer that frames wait for. */
export interface Lagging {
  readonly socket: Writable;
  /**
   * Reports how many bytes of memory are held for the peer now. At 0 nothing waits any more: the outbox is done, and
   * takes nothing more.
   */
  lags(bytes: number): void;
}

/**
 * Holds what waits for a peer that reads more slowly than it is sent to. Frames that were made one after the other
 * share memory, so a waiting frame would keep the memory of frames that others have received. Also, Node's object for
 * each write is larger than most frames. So frames are copied together, and the socket gets the next piece when it has
 * written the last. Owns the pieces. Knows nothing of limits.
 * Invariant: order is kept. A piece ends where a frame ends. `held` is the memory that is really held.
 */
export class Outbox {
  readonly #pieces: Buffer[] = [];
  /** Bytes used of the last piece if that is a block with room; otherwise 0. */
  #used = 0;
  #waiting = 0;
  /** Bytes of memory of the pieces that the socket has and has not written yet. */
  #handed: number;
  /** Whether something waits that `wrote` will report. */
  #awaited: boolean;
  /** Number of writes whose callback was not called yet. */
  #writes = 0;
  /** Whether nothing waits any more. */
  #done = false;

  /** `awaited` is the memory, in bytes, of what was already written, and that `wrote` will report; 0 for nothing. */
  constructor(
    private readonly peer: Lagging,
    awaited = 0,
  ) {
    this.#handed = awaited + OVERHEAD_BYTES;
    this.#awaited = awaited > 0;
  }

  /** Bytes of memory. */
  get held(): number {
    return this.#waiting + this.#handed;
  }

  /** Takes frames that are contiguous in memory. */
  push(frames: Buffer): void {
    if (frames.length > MAX_COPIED_BYTES && frames.buffer.byteLength === frames.length) this.#add(frames);
    else this.#copy(frames);
  }

  /**
   * Writes to the socket as much as it takes, and goes on when it has written that. Reports how much is held. Does
   * nothing once the socket ends.
   */
  drain(): void {
    const { socket } = this.peer;
    if (this.#done || !socket.writable) return;
    if (!this.#writing) this.#handed = 0;
    while (this.#pieces.length > 0 && !this.#writing) this.#hand();
    if (!this.#writing) this.#handed = 0;
    this.#done = this.held === 0;
    this.peer.lags(this.held);
  }

  /** The system has taken what already waited. */
  wrote(): void {
    this.#awaited = false;
    this.drain();
  }

  /** Writes everything to the socket, because something else will be written after it. Does nothing once it ends. */
  handAll(): void {
    while (this.peer.socket.writable && this.#pieces.length > 0) this.#hand();
  }

  /** Drops what the socket does not have yet. */
  drop(): void {
    this.#pieces.length = 0;
    this.#used = 0;
    this.#waiting = 0;
    this.peer.lags(this.held);
  }

  /** Whether the socket has not written yet what it was given from here. */
  get #writing(): boolean {
    return this.#awaited || (this.#writes > 0 && this.peer.socket.writableLength > 0);
  }

  #hand(): void {
    const piece = this.#pieces.shift()!;
    const last = this.#pieces.length === 0;
    const bytes = last && this.#used > 0 ? piece.subarray(0, this.#used) : piece;
    if (last) this.#used = 0;
    const memory = piece.buffer.byteLength + OVERHEAD_BYTES;
    this.#waiting -= memory;
    this.#writes += 1;
    this.peer.socket.write(bytes, () => {
      this.#writes -= 1;
      this.drain();
    });
    this.#handed = this.#writing ? this.#handed + memory : 0;
  }

  #copy(frames: Buffer): void {
    const block = this.#pieces.at(-1);
    if (block !== undefined && this.#used > 0 && this.#used + frames.length <= block.length) {
      frames.copy(block, this.#used);
      this.#used += frames.length;
      return;
    }
    const size = Math.max(frames.length, Math.min(Math.max(this.#waiting, MIN_BLOCK_BYTES), MAX_BLOCK_BYTES));
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

  /** Closes the last piece. Its unused room is not sent. */
  #trim(): void {
    const last = this.#pieces.length - 1;
    if (this.#used > 0) this.#pieces[last] = this.#pieces[last].subarray(0, this.#used);
    this.#used = 0;
  }
}
