import { NOT_SIMPLE, TOO_SHORT_TO_TELL, messageStart, simpleFrameLength, unmask } from '../protocol/client-frame.js';
import type { ReadBuffer } from './read-buffer.js';

/** For whom frames are read. */
export interface FrameReceiver {
  /** Whether `ws` waits for the beginning of a message, and would still take one. */
  readonly between: boolean;
  /** Has `ws` read bytes, which are its own. */
  leave(bytes: Buffer): void;
  /** Takes a binary message, which is there until this returns. */
  message(message: Buffer): void;
}

/** What a frame that takes several reads has room for at first. */
const PARTIAL_BYTES = 1024;

/**
 * Finds a peer's messages in what was read, where that is simple. The rest is left to `ws`: every frame that is not simple, and
 * whatever a read brings behind one or while `ws` is in the midst of something.
 * Invariant: each byte is read by one of the two, in order; `ws` alone decides what is a fault.
 */
export class FrameReader {
  /** The beginning of a frame, too short to tell what it is. In Latin-1: a Buffer of a few bytes would keep a pool of 8 KiB. */
  #head = '';
  /** What is there of a simple frame that the last read did not end; of how many bytes, and how many there will be. */
  #partial: Buffer | undefined;
  #partialBytes = 0;
  #frameBytes = 0;

  constructor(
    private readonly buffer: ReadBuffer,
    private readonly receiver: FrameReceiver,
    private readonly maxMessageBytes: number,
  ) {}

  /** `length` bytes are in the buffer. */
  read(length: number): void {
    const { bytes, words, start } = this.buffer;
    const end = start + length;
    let at = start - this.#head.length;
    if (at < start) {
      bytes.write(this.#head, at, 'latin1');
      this.#head = '';
    }
    if (this.#partial !== undefined) at = this.#goOn(this.#partial, at, end);
    if (!this.receiver.between) return this.#leave(at, end);
    while (at < end) {
      const frame = simpleFrameLength(bytes, at, end);
      if (frame === TOO_SHORT_TO_TELL) {
        this.#head = bytes.toString('latin1', at, end);
        return undefined;
      }
      const message = messageStart(bytes, at);
      const next = at + frame;
      if (frame === NOT_SIMPLE || next - message > this.maxMessageBytes) return this.#leave(at, end);
      if (next > end) {
        this.#frameBytes = frame;
        this.#goOn(Buffer.allocUnsafeSlow(PARTIAL_BYTES), at, end);
        return undefined;
      }
      unmask(bytes, words, message, next);
      this.receiver.message(bytes.subarray(message, next));
      at = next;
    }
    return undefined;
  }

  /** Adds what was read to a frame that has begun, and delivers its message when it is whole. Where the next frame begins. */
  #goOn(partial: Buffer, at: number, end: number): number {
    const next = Math.min(at + this.#frameBytes - this.#partialBytes, end);
    const bytes = this.#partialBytes + next - at;
    // It grows as the frame comes: the length that the head tells is no more than a claim.
    const frame = bytes <= partial.length ? partial : enlarged(partial, Math.min(2 * bytes, this.#frameBytes));
    this.buffer.bytes.copy(frame, this.#partialBytes, at, next);
    if (bytes < this.#frameBytes) {
      this.#partial = frame;
      this.#partialBytes = bytes;
    } else {
      this.#partial = undefined;
      this.#partialBytes = 0;
      const message = messageStart(frame, 0);
      unmask(frame, new Int32Array(frame.buffer), message, bytes);
      this.receiver.message(frame.subarray(message, bytes));
    }
    return next;
  }

  #leave(from: number, to: number): void {
    if (from === to) return;
    // Not from a pool: `ws` may keep a piece of it for as long as a message takes.
    const bytes = Buffer.allocUnsafeSlow(to - from);
    this.buffer.bytes.copy(bytes, 0, from, to);
    this.receiver.leave(bytes);
  }
}

/** The same bytes with room for more, in whole words. */
function enlarged(buffer: Buffer, bytes: number): Buffer {
  const larger = Buffer.allocUnsafeSlow((bytes + 3) & ~3);
  buffer.copy(larger);
  return larger;
}
