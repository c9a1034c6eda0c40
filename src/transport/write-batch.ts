import type { Writable } from 'node:stream';
import { Outbox } from './outbox.js';
import type { Lagging } from './outbox.js';

/** Something that writes frames to a socket. Only WriteBatch changes the fields other than the socket. */
export interface Writer extends Lagging {
  readonly socket: Writable;
  /** Whether more may be written to it. */
  readonly open: boolean;
  /** Whether it writes in this turn of the event loop. */
  batched: boolean;
  /**
   * The first frame that is held, and the number of bytes from its beginning to the end of the last frame that follows
   * it without a gap in memory.
   */
  held: Buffer | undefined;
  heldBytes: number;
  /** Bytes that were not flushed yet. */
  unflushed: number;
  /**
   * Since the last flush: the number of pieces that the socket got, the memory that they keep, in bytes, and the memory
   * of the last of them.
   */
  pieces: number;
  piecesBytes: number;
  lastMemory: ArrayBufferLike | undefined;
  /** Frames that wait while the socket is still writing; undefined while the peer keeps up. */
  outbox: Outbox | undefined;
}

/**
 * Maximum number of pieces that the socket gets in one turn. More are copied together: each piece costs far more than a
 * small frame.
 */
const MAX_PIECES = 16;

/**
 * Sends the frames that one turn of the event loop writes to a socket in one system call, at the end of the turn.
 * Frames that follow each other in memory leave as one piece (docs/adr/0003). Owns the list of this turn's writers.
 * Knows nothing of what the frames say.
 * Invariant: order is kept. Nothing is held after the turn, except in the outbox of a peer that lags.
 */
export class WriteBatch {
  #writers: Writer[] = [];

  write(writer: Writer, frame: Buffer): void {
    if (!writer.batched) {
      writer.batched = true;
      if (this.#writers.push(writer) === 1) setImmediate(this.#endTurn);
    }
    const { held } = writer;
    if (held === undefined) {
      writer.held = frame;
    } else if (held.byteOffset + writer.heldBytes !== frame.byteOffset || held.buffer !== frame.buffer) {
      if (writer.outbox === undefined && writer.socket.writableCorked === 0) writer.socket.cork();
      this.#hand(writer, held);
      writer.held = frame;
    }
    writer.heldBytes += frame.length;
    writer.unflushed += frame.length;
  }

  /** Writes what a writer holds now, as far as the system takes it. */
  flush(writer: Writer): void {
    const { socket } = writer;
    if (writer.unflushed === 0) return;
    if (writer.held !== undefined) this.#hand(writer, writer.held);
    writer.unflushed = 0;
    if (socket.writableCorked > 0) socket.uncork();
    if (socket.writableLength > 0) writer.outbox ??= new Outbox(writer, writer.piecesBytes);
    writer.pieces = 0;
    writer.piecesBytes = 0;
    writer.lastMemory = undefined;
    writer.outbox?.drain();
  }

  /**
   * Writes everything that waits for a writer to its socket. Anything else that writes to the socket must call this
   * first.
   */
  flushAll(writer: Writer): void {
    this.flush(writer);
    writer.outbox?.handAll();
  }

  /** Drops what the socket does not have yet. */
  drop(writer: Writer): void {
    writer.held = undefined;
    writer.heldBytes = 0;
    writer.outbox?.drop();
  }

  /** Moves what is held to the socket or, if that lags, to the outbox. Drops it if the connection takes no more. */
  #hand(writer: Writer, held: Buffer): void {
    const { heldBytes } = writer;
    writer.held = undefined;
    writer.heldBytes = 0;
    if (!writer.open) return;
    const piece = heldBytes === held.length ? held : Buffer.from(held.buffer, held.byteOffset, heldBytes);
    if (writer.pieces === MAX_PIECES) writer.outbox ??= new Outbox(writer, writer.piecesBytes);
    if (writer.outbox !== undefined) return writer.outbox.push(piece);
    writer.pieces += 1;
    // A piece keeps the whole memory block that it is part of.
    if (piece.buffer !== writer.lastMemory) writer.piecesBytes += piece.buffer.byteLength;
    writer.lastMemory = piece.buffer;
    writer.socket.write(piece);
  }

  readonly #endTurn = (): void => {
    const writers = this.#writers;
    this.#writers = [];
    for (const writer of writers) {
      writer.batched = false;
      this.flush(writer);
    }
  };
}
