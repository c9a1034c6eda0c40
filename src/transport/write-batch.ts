import type { Writable } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { DirectWrites } from './direct-writes.js';
import type { DirectWriter } from './direct-writes.js';
import { Outbox } from './outbox.js';
import type { Lagging } from './outbox.js';

/** Something that writes frames to a socket. Only WriteBatch changes the fields other than the socket. */
export interface Writer extends Lagging, DirectWriter {
  readonly socket: Writable;
  /** Whether more may be written to it. */
  readonly open: boolean;
  /** The next writer of this batch; itself for the last one; undefined if it is not in the batch. */
  next: Writer | undefined;
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
 * Maximum number of pieces that the socket gets in one batch. More are copied together: each piece costs far more than
 * a small frame.
 */
const MAX_PIECES = 16;

/** Memory for a large frame that is written immediately, in bytes: a message of the default size at most, and its head. */
export const BLOCK_BYTES = 68 * 1024;

/**
 * Sends the frames that one read brings for a socket in one system call, at the end of that read (docs/adr/0022). What
 * is sent outside a read leaves at the end of the turn of the event loop. Frames that follow each other in memory leave
 * as one piece (docs/adr/0003). Owns the list of writers that have something to write. Knows nothing of what the frames
 * say.
 * Invariant: order is kept. Nothing is held after the read or the turn, except in the outbox of a peer that lags.
 */
export class WriteBatch {
  readonly #direct = new DirectWrites();
  #first: Writer | undefined;
  #last: Writer | undefined;
  #reading = false;
  /** Memory for the next large frame that is written immediately. */
  #block: Buffer | undefined;

  /** Calls `read`, and sends what it brought. */
  during(reader: { read(length: number): void }, length: number): void {
    this.#reading = true;
    try {
      reader.read(length);
    } finally {
      this.#reading = false;
      this.#end();
    }
  }

  write(writer: Writer, frame: Buffer): void {
    if (writer.next === undefined) this.#add(writer);
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

  /**
   * Writes the frame that `make` makes now, in memory of at least `bytes` bytes that is used again. New memory for each
   * large frame would be garbage outside V8's heap, and V8 would collect all garbage for every thousand of them. Returns
   * the frame; undefined if it cannot be written now.
   */
  writeNow(writer: Writer, bytes: number, make: (memory: Buffer) => Buffer): Buffer | undefined {
    if (bytes > BLOCK_BYTES || !this.#isIdle(writer)) return undefined;
    this.flush(writer);
    if (!this.#isIdle(writer)) return undefined;
    this.#block ??= Buffer.allocUnsafeSlow(BLOCK_BYTES);
    const frame = make(this.#block);
    // The system keeps what it did not take.
    if (!this.#writeDirectly(writer, frame)) this.#block = undefined;
    return frame;
  }

  /** Writes what a writer holds now, as far as the system takes it. */
  flush(writer: Writer): void {
    const { socket } = writer;
    if (writer.unflushed === 0) return;
    writer.unflushed = 0;
    if (writer.held !== undefined) {
      if (writer.pieces === 0 && this.#writeAlone(writer, writer.held)) return;
      this.#hand(writer, writer.held);
    }
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

  #add(writer: Writer): void {
    if (this.#last === undefined) {
      this.#first = writer;
      if (!this.#reading) setImmediate(this.#end);
    } else {
      this.#last.next = writer;
    }
    this.#last = writer;
    writer.next = writer;
  }

  /** Whether nothing waits for the peer, and its socket may be written to directly. */
  #isIdle(writer: Writer): boolean {
    return writer.outbox === undefined && writer.open && this.#direct.takes(writer.socket);
  }

  /** Writes what is held if nothing waits for the peer, and a lone piece costs less than a batch. Returns whether. */
  #writeAlone(writer: Writer, held: Buffer): boolean {
    const { socket } = writer;
    if (this.#isIdle(writer)) {
      this.#writeDirectly(writer, pieceOf(writer, held));
      return true;
    }
    if (!(socket instanceof TLSSocket) || !writer.open || writer.outbox !== undefined) return false;
    if (socket.writableLength > 0) return false;
    const piece = pieceOf(writer, held);
    // TLS never writes immediately.
    writer.outbox = new Outbox(writer, piece.buffer.byteLength, true);
    socket.write(piece, () => writer.wrote());
    writer.outbox.drain();
    return true;
  }

  /** Writes to a socket that is idle. Returns whether nothing of it waits. */
  #writeDirectly(writer: Writer, piece: Buffer): boolean {
    if (this.#direct.write(writer, piece)) return true;
    writer.outbox = new Outbox(writer, piece.buffer.byteLength, true);
    writer.outbox.drain();
    return false;
  }

  /** Moves what is held to the socket or, if that lags, to the outbox. Drops it if the connection takes no more. */
  #hand(writer: Writer, held: Buffer): void {
    const piece = pieceOf(writer, held);
    if (!writer.open) return;
    if (writer.pieces === MAX_PIECES) writer.outbox ??= new Outbox(writer, writer.piecesBytes);
    if (writer.outbox !== undefined) return writer.outbox.push(piece);
    writer.pieces += 1;
    // A piece keeps the whole memory block that it is part of.
    if (piece.buffer !== writer.lastMemory) writer.piecesBytes += piece.buffer.byteLength;
    writer.lastMemory = piece.buffer;
    writer.socket.write(piece);
  }

  readonly #end = (): void => {
    let writer = this.#first;
    this.#first = undefined;
    this.#last = undefined;
    while (writer !== undefined) {
      const next: Writer = writer.next!;
      writer.next = undefined;
      this.flush(writer);
      writer = next === writer ? undefined : next;
    }
  };
}

/** Takes what a writer holds, as one piece. */
function pieceOf(writer: Writer, held: Buffer): Buffer {
  const { heldBytes } = writer;
  writer.held = undefined;
  writer.heldBytes = 0;
  return heldBytes === held.length ? held : Buffer.from(held.buffer, held.byteOffset, heldBytes);
}
