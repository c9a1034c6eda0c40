/** What a peer may send: messages, and the control frames that it counts like them. */
export type Incoming = 'binary' | 'text' | 'ping' | 'pong';

const KINDS: readonly Incoming[] = ['binary', 'text', 'ping', 'pong'];
/** A length of 4 bytes and a kind of 1: less than the head of the frame it came in, which has 6 or more. */
const HEAD_BYTES = 5;
const LEAST_BYTES = 4096;
/** Memory that they take beside their bytes: the objects around them. */
const OVERHEAD_BYTES = 256;

/**
 * Messages that wait for their turn, in the order they came, as bytes in one piece: a read may bring ten thousand of them,
 * and an object for each would take far more room than they came in. Knows nothing of who sent them or when they may go.
 * Invariant: takes at most about twice the bytes of the most that waited.
 */
export class HeldMessages {
  #bytes = Buffer.allocUnsafe(LEAST_BYTES);
  #start = 0;
  #end = 0;

  get empty(): boolean {
    return this.#start === this.#end;
  }

  /** Bytes of memory. */
  get memory(): number {
    return this.#bytes.length + OVERHEAD_BYTES;
  }

  /** `data` is copied. */
  push(kind: Incoming, data: Buffer): void {
    const needed = HEAD_BYTES + data.length;
    if (this.#end + needed > this.#bytes.length) this.#makeRoom(needed);
    this.#bytes.writeUInt32LE(data.length, this.#end);
    this.#bytes[this.#end + 4] = KINDS.indexOf(kind);
    data.copy(this.#bytes, this.#end + HEAD_BYTES);
    this.#end += needed;
  }

  /** Takes out the first one; there must be one. Its data is its own: nothing writes into it any more. */
  shift(): { kind: Incoming; data: Buffer } {
    const begin = this.#start + HEAD_BYTES;
    const end = begin + this.#bytes.readUInt32LE(this.#start);
    const kind = KINDS[this.#bytes[this.#start + 4]];
    this.#start = end;
    return { kind, data: this.#bytes.subarray(begin, end) };
  }

  /** Forgets pings and pongs. Whether nothing is left. */
  forgetControl(): boolean {
    const held: { kind: Incoming; data: Buffer }[] = [];
    while (!this.empty) {
      const message = this.shift();
      if (message.kind === 'binary' || message.kind === 'text') held.push(message);
    }
    for (const { kind, data } of held) this.push(kind, data);
    return this.empty;
  }

  /** Into fresh memory, since what was taken out may still be read. */
  #makeRoom(needed: number): void {
    const waiting = this.#bytes.subarray(this.#start, this.#end);
    const room = Buffer.allocUnsafe(Math.max(LEAST_BYTES, 2 * (waiting.length + needed)));
    waiting.copy(room);
    this.#bytes = room;
    this.#start = 0;
    this.#end = waiting.length;
  }
}
