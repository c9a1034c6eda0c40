/** Kinds of input from a peer: messages, and the control frames that count as messages. */
export type Incoming = 'binary' | 'text' | 'ping' | 'pong';

const KINDS: readonly Incoming[] = ['binary', 'text', 'ping', 'pong'];
/** Bytes before each message: a length of 4 and a kind of 1. The head of the frame it came in has 6 or more. */
const HEAD_BYTES = 5;
const MIN_BYTES = 4096;
/** Bytes of memory besides the content: the objects around it. */
const OVERHEAD_BYTES = 256;

/**
 * Holds messages that wait for their turn, in order, as bytes in one block. One read may bring ten thousand of them,
 * and an object for each would take far more memory. Knows nothing of who sent them or when they may go.
 * Invariant: takes at most about twice the largest number of bytes that waited.
 */
export class HeldMessages {
  #bytes = Buffer.allocUnsafe(MIN_BYTES);
  #start = 0;
  #end = 0;

  get empty(): boolean {
    return this.#start === this.#end;
  }

  /** Bytes of memory in use. */
  get memory(): number {
    return this.#bytes.length + OVERHEAD_BYTES;
  }

  /** Appends a copy of `data`. */
  push(kind: Incoming, data: Buffer): void {
    const needed = HEAD_BYTES + data.length;
    if (this.#end + needed > this.#bytes.length) this.#makeRoom(needed);
    this.#bytes.writeUInt32LE(data.length, this.#end);
    this.#bytes[this.#end + 4] = KINDS.indexOf(kind);
    data.copy(this.#bytes, this.#end + HEAD_BYTES);
    this.#end += needed;
  }

  /** The first message; there must be one. */
  get first(): { kind: Incoming; data: Buffer } {
    const begin = this.#start + HEAD_BYTES;
    const end = begin + this.#bytes.readUInt32LE(this.#start);
    return { kind: KINDS[this.#bytes[this.#start + 4]], data: this.#bytes.subarray(begin, end) };
  }

  /** Removes and returns the first message; there must be one. Nothing writes into its data any more. */
  shift(): { kind: Incoming; data: Buffer } {
    const { first } = this;
    this.#start += HEAD_BYTES + first.data.length;
    return first;
  }

  /** Drops pings and pongs. Returns whether nothing is left. */
  forgetControl(): boolean {
    const held: { kind: Incoming; data: Buffer }[] = [];
    while (!this.empty) {
      const message = this.shift();
      if (message.kind === 'binary' || message.kind === 'text') held.push(message);
    }
    for (const { kind, data } of held) this.push(kind, data);
    return this.empty;
  }

  /** Moves what waits to new memory, because what was taken out may still be read. */
  #makeRoom(needed: number): void {
    const waiting = this.#bytes.subarray(this.#start, this.#end);
    const room = Buffer.allocUnsafe(Math.max(MIN_BYTES, 2 * (waiting.length + needed)));
    waiting.copy(room);
    this.#bytes = room;
    this.#start = 0;
    this.#end = waiting.length;
  }
}
