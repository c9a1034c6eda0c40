import type { Writable } from 'node:stream';
import { Outbox } from './outbox.js';
import type { Lagging } from './outbox.js';

/** Something that writes frames to a socket. All but the socket is kept by WriteBatch alone. */
export interface Writer extends Lagging {
  readonly socket: Writable;
  /** Whether anything more is written to it. */
  readonly open: boolean;
  /** Whether it writes in this turn. */
  batched: boolean;
  /** The frame to be written next, and the bytes from its beginning to the end of the last one that lies right behind. */
  held: Buffer | undefined;
  heldBytes: number;
  /** All bytes that the system was not handed yet. */
  unflushed: number;
  /** How many pieces the socket was handed since the last flush, the memory that they keep, in bytes, and that of the last of them. */
  pieces: number;
  piecesBytes: number;
  lastMemory: ArrayBufferLike | undefined;
  /** What waits behind a socket that has not got rid of what it was handed; undefined while the peer keeps up. */
  outbox: Outbox | undefined;
}

/** Pieces that the socket is handed in one turn; more are copied together, since each costs far more than a small frame. */
const MOST_PIECES = 16;

/**
 * Lets the frames that one turn of the event loop writes to a socket leave in one system call, at the turn's end. Frames that
 * lie in memory one right behind the other, as those made one after the other do, leave as one piece (docs/adr/0003).
 * Invariant: order is kept, and nothing is held after the turn but in the outbox of a peer that lags.
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

  /** Hands what a writer holds to the system now, as far as that takes it. */
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

  /** Hands all that waits for a writer to its socket. Whatever else writes to the socket has to call this before. */
  flushAll(writer: Writer): void {
    this.flush(writer);
    writer.outbox?.handAll();
  }

  /** Forgets what the socket was not handed yet. */
  drop(writer: Writer): void {
    writer.held = undefined;
    writer.heldBytes = 0;
    writer.outbox?.drop();
  }

  /** Hands what is held to the socket or, where that lags, to the outbox; or forgets it when nothing is read there any more. */
  #hand(writer: Writer, held: Buffer): void {
    const { heldBytes } = writer;
    writer.held = undefined;
    writer.heldBytes = 0;
    if (!writer.open) return;
    const piece = heldBytes === held.length ? held : Buffer.from(held.buffer, held.byteOffset, heldBytes);
    if (writer.pieces === MOST_PIECES) writer.outbox ??= new Outbox(writer, writer.piecesBytes);
    if (writer.outbox !== undefined) return writer.outbox.push(piece);
    writer.pieces += 1;
    // A piece keeps all the memory that it is part of.
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
