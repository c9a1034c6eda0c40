import type { Writable } from 'node:stream';
import type { Backlog, Waiter } from './backlog.js';

/** Something that writes frames to a socket. */
export interface Writer extends Waiter {
  readonly socket: Writable;
  /** Whether its frames of this turn are being held together; kept by WriteBatch alone. */
  corked: boolean;
}

/**
 * Lets the frames that one turn of the event loop writes to a socket leave in one system call, at the turn's end.
 * Invariant: order is kept, also with what `ws` writes to the same socket, and nothing stays behind after the turn.
 */
export class WriteBatch {
  #corked: Writer[] = [];

  /** `backlog` is told of every writer for which something waits when the turn is over. */
  constructor(private readonly backlog: Backlog) {}

  write(writer: Writer, frame: Buffer): void {
    if (!writer.corked) {
      writer.corked = true;
      writer.socket.cork();
      if (this.#corked.push(writer) === 1) setImmediate(this.#endTurn);
    }
    writer.socket.write(frame);
  }

  /** Hands what a writer holds to the system now; what it writes later in the turn is held again. */
  flush(writer: Writer): void {
    if (!writer.corked) return;
    writer.socket.uncork();
    writer.socket.cork();
  }

  readonly #endTurn = (): void => {
    const corked = this.#corked;
    this.#corked = [];
    for (const writer of corked) {
      writer.corked = false;
      writer.socket.uncork();
      if (writer.socket.writableLength !== writer.waiting) this.backlog.note(writer);
    }
  };
}
