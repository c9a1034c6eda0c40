import type { Writable } from 'node:stream';
import type { Backlog, Waiter } from './backlog.js';

/** Something that writes frames to a socket. All but the socket is kept by WriteBatch alone. */
export interface Writer extends Waiter {
  readonly socket: Writable;
  /** Whether it writes in this turn. */
  batched: boolean;
  /** The frame to be written next, and the bytes from its beginning to the end of the last one that lies right behind. */
  held: Buffer | undefined;
  heldBytes: number;
  /** All bytes that the system was not handed yet. */
  unflushed: number;
}

/**
 * Lets the frames that one turn of the event loop writes to a socket leave in one system call, at the turn's end. Frames that
 * lie in memory one right behind the other, as those made one after the other do, leave as one piece (docs/adr/0003).
 * Invariant: order is kept, and nothing is held after the turn.
 */
export class WriteBatch {
  #writers: Writer[] = [];

  /** `backlog` is told of every writer for which something waits when the turn is over. */
  constructor(private readonly backlog: Backlog) {}

  write(writer: Writer, frame: Buffer): void {
    if (!writer.batched) {
      writer.batched = true;
      if (this.#writers.push(writer) === 1) setImmediate(this.#endTurn);
    }
    const { held } = writer;
    if (held === undefined) {
      writer.held = frame;
    } else if (held.byteOffset + writer.heldBytes !== frame.byteOffset || held.buffer !== frame.buffer) {
      if (writer.socket.writableCorked === 0) writer.socket.cork();
      this.#hand(writer, held);
      writer.held = frame;
    }
    writer.heldBytes += frame.length;
    writer.unflushed += frame.length;
  }

  /** Hands what a writer holds to the system now. Whatever else writes to its socket has to call this before. */
  flush(writer: Writer): void {
    if (writer.held === undefined) return;
    this.#hand(writer, writer.held);
    writer.unflushed = 0;
    if (writer.socket.writableCorked > 0) writer.socket.uncork();
  }

  /** Hands what is held to the socket, or forgets it when nothing is read there any more. */
  #hand(writer: Writer, held: Buffer): void {
    const { heldBytes } = writer;
    writer.held = undefined;
    writer.heldBytes = 0;
    if (writer.open) writer.socket.write(heldBytes === held.length ? held : Buffer.from(held.buffer, held.byteOffset, heldBytes));
  }

  readonly #endTurn = (): void => {
    const writers = this.#writers;
    this.#writers = [];
    for (const writer of writers) {
      writer.batched = false;
      this.flush(writer);
      if (writer.socket.writableLength !== writer.waiting) this.backlog.note(writer);
    }
  };
}
