import type { Writable } from 'node:stream';
import { DirectWrites } from './direct-writes.js';
import type { DirectWriter } from './direct-writes.js';
import { OVERHEAD_BYTES, Outbox } from './outbox.js';
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
  /** What is held before that, in pieces without gaps. */
  earlier: Buffer[] | undefined;
  /** Bytes that were not flushed yet. */
  unflushed: number;
  /** Frames that wait while the socket is still writing; undefined while the peer keeps up. */
  outbox: Outbox | undefined;
}

/** Pieces are copied together up to this size, in bytes. Each write costs far more than copying a small piece. */
const JOINED_BYTES = 16_384;

/** Maximum number of pieces that are held before the last one. */
const MAX_EARLIER = 32;

/** Memory for a large frame that is written immediately, in bytes: a message of the default size at most, and its head. */
const BLOCK_BYTES = 68 * 1024;
/** Memory that waits for a peer, in bytes, if the system does not take all of such a frame. */
export const BLOCK_MEMORY_BYTES = BLOCK_BYTES + OVERHEAD_BYTES;

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
  /** Memory for the next pieces that are copied together. */
  #joined: Buffer | undefined;

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
      // Each piece takes memory of its own, which nothing counts.
      if (writer.earlier?.length === MAX_EARLIER) this.flush(writer);
      else (writer.earlier ??= []).push(take(writer, held));
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
    if (!this.#writeDirectly(writer, frame)) {
      this.#block = undefined;
      writer.outbox!.drain();
    }
    return frame;
  }

  /** Writes what a writer holds now, as far as the system takes it. */
  flush(writer: Writer): void {
    const { held, earlier } = writer;
    writer.unflushed = 0;
    if (held === undefined) return;
    const last = take(writer, held);
    writer.earlier = undefined;
    if (!writer.open) return;
    if (earlier === undefined) {
      this.#hand(writer, last);
    } else {
      earlier.push(last);
      this.#handPieces(writer, earlier);
    }
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
    writer.earlier = undefined;
    writer.unflushed = 0;
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

  /** Writes a piece if nothing waits for the peer. Otherwise it waits, too. */
  #hand(writer: Writer, piece: Buffer): void {
    if (this.#isIdle(writer)) {
      this.#writeDirectly(writer, piece);
    } else {
      writer.outbox ??= new Outbox(writer);
      writer.outbox.push(piece);
    }
  }

  /** The same with several pieces. Those that are small are copied together. */
  #handPieces(writer: Writer, pieces: readonly Buffer[]): void {
    let together: Buffer[] = [];
    let bytes = 0;
    for (const piece of pieces) {
      if (bytes + piece.length > JOINED_BYTES) {
        this.#handTogether(writer, together, bytes);
        together = [];
        bytes = 0;
      }
      together.push(piece);
      bytes += piece.length;
    }
    this.#handTogether(writer, together, bytes);
  }

  #handTogether(writer: Writer, pieces: readonly Buffer[], bytes: number): void {
    if (pieces.length < 2 || writer.outbox !== undefined) {
      for (const piece of pieces) this.#hand(writer, piece);
    } else if (!this.#isIdle(writer)) {
      // A stream keeps what it is given.
      this.#hand(writer, Buffer.concat(pieces, bytes));
    } else {
      this.#joined ??= Buffer.allocUnsafeSlow(JOINED_BYTES);
      let at = 0;
      for (const piece of pieces) {
        this.#joined.set(piece, at);
        at += piece.length;
      }
      if (!this.#writeDirectly(writer, this.#joined.subarray(0, bytes))) this.#joined = undefined;
    }
  }

  /** Writes to a socket that is idle. Returns whether nothing of it waits. */
  #writeDirectly(writer: Writer, piece: Buffer): boolean {
    if (this.#direct.write(writer, piece)) return true;
    writer.outbox = new Outbox(writer, piece.buffer.byteLength);
    return false;
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

/** Takes from a writer what it holds without a gap, as one piece. */
function take(writer: Writer, held: Buffer): Buffer {
  const { heldBytes } = writer;
  writer.held = undefined;
  writer.heldBytes = 0;
  return heldBytes === held.length ? held : Buffer.from(held.buffer, held.byteOffset, heldBytes);
}
