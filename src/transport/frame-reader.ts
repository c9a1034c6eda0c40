import { isUtf8 } from 'node:buffer';
import {
  BROKEN,
  Opcode,
  SHORTEST_HEAD,
  frameHead,
  maskBefore,
  messageStart,
  simpleFrameLength,
  unmask,
} from '../protocol/client-frame.js';
import type { FrameHead } from '../protocol/client-frame.js';
import { MAX_PIECES, brokenFraming, messageTooBig, textNotUtf8, tooManyPieces } from '../protocol/close-codes.js';
import type { CloseReason } from '../protocol/close-codes.js';
import type { Incoming } from './held-messages.js';
import type { ReadBuffer } from './read-buffer.js';

/** Takes the content of a peer's frames. */
export interface FrameReceiver {
  /** Takes a message, a ping or a pong. `data` is only lent: it is valid until this returns. Text is UTF-8. */
  take(kind: Incoming, data: Buffer): void;
  /** Reports how many bytes of memory are held for an unfinished message; 0 once it is finished. */
  holds(bytes: number): void;
}

/** Takes the end of a peer's frames. Nothing is read after it. */
export interface FrameEnd {
  /** Takes the whole close frame of the peer, still masked. */
  closing(frame: Buffer): void;
  /** Reports that the peer broke the protocol or a limit. */
  fault(reason: CloseReason): void;
}

/** Initial room for an unfinished message, in bytes. */
const MIN_BYTES = 1024;
/** Bytes of memory that an unfinished message takes besides its content: the objects around it. */
const OVERHEAD_BYTES = 256;

/** The largest memory that is kept for the next unfinished message, in bytes. */
const MAX_SPARE_BYTES = 128 * 1024;

/**
 * A message that has begun and not ended.
 * Invariant: its bytes are in one block, unmasked, in at most about twice their size.
 */
class Unfinished {
  bytes: Buffer = Buffer.alloc(0);
  length = 0;
  frames = 0;
  /**
   * The frame that is being read: whether it is the last, its mask, the bytes that came, and the bytes still to come.
   */
  final = false;
  mask = 0;
  came = 0;
  left = 0;

  constructor(
    readonly kind: 'text' | 'binary',
    private readonly buffer: ReadBuffer,
  ) {}

  get memory(): number {
    return this.bytes.length + OVERHEAD_BYTES;
  }

  /**
   * Appends bytes. The room grows as bytes come, because the length in a head is only a claim. Returns whether it grew.
   */
  add(source: Buffer, from: number, to: number, max: number): boolean {
    const length = this.length + to - from;
    const grows = length > this.bytes.length;
    if (grows) {
      const room = this.#take(Math.max(length, Math.min(Math.max(2 * length, MIN_BYTES), max)));
      this.bytes.copy(room, 0, 0, this.length);
      this.bytes = room;
    }
    source.copy(this.bytes, this.length, from, to);
    this.length = length;
    this.came += to - from;
    this.left -= to - from;
    return grows;
  }

  /** Memory of that many bytes, or up to a quarter more. */
  #take(bytes: number): Buffer {
    const { spare } = this.buffer;
    const fits = spare !== undefined && spare.length >= bytes && spare.length <= 1.25 * bytes;
    if (!fits) return Buffer.allocUnsafeSlow(bytes);
    this.buffer.spare = undefined;
    return spare;
  }
}

/**
 * Finds a peer's messages in what was read, however they are framed and wherever the reads end. Owns the unfinished
 * input. Knows nothing of what messages say. Leaves it to others what a close frame says.
 * Invariant: each byte is read once, in order. At most the beginning of a head or a control frame is held, and one
 * message, in memory that grows with what really came.
 */
export class FrameReader {
  /** The beginning of a head or of a control frame, in Latin-1: a Buffer of a few bytes would keep a pool of 8 KiB. */
  #head = '';
  #unfinished: Unfinished | undefined;
  #over = false;

  constructor(
    private readonly buffer: ReadBuffer,
    private readonly receiver: FrameReceiver,
    private readonly end: FrameEnd,
    private readonly maxMessageBytes: number,
  ) {}

  /** Reads `length` bytes that are in the buffer. */
  read(length: number): void {
    if (this.#over) return;
    const { bytes, start } = this.buffer;
    let at = start - this.#head.length;
    if (at < start) {
      bytes.write(this.#head, at, 'latin1');
      this.#head = '';
    }
    for (const end = start + length; at < end && !this.#over;) at = this.#next(at, end);
  }

  /** Reads bytes that are not in the buffer. */
  readElsewhere(bytes: Buffer): void {
    const { room } = this.buffer;
    for (let at = 0; at < bytes.length; at += room.length) this.read(bytes.copy(room, 0, at));
  }

  /** Stops reading, and drops unfinished input. */
  stop(): void {
    this.#over = true;
    this.#head = '';
    this.#unfinished = undefined;
    this.receiver.holds(0);
  }

  /**
   * Reads the frame that begins at `at`, or continues one. Returns where the next step begins; `end` if more must come
   * first.
   */
  #next(at: number, end: number): number {
    if (this.#unfinished === undefined) {
      const { bytes } = this.buffer;
      const frame = simpleFrameLength(bytes, at, end);
      const next = at + frame;
      if (frame > 0 && next <= end) {
        const message = messageStart(bytes, at);
        if (next - message > this.maxMessageBytes) return this.#fault(messageTooBig(this.maxMessageBytes), end);
        return this.#deliver('binary', message, next);
      }
    } else if (this.#unfinished.left > 0) {
      return this.#continue(this.#unfinished, at, end);
    }
    const head = frameHead(this.buffer.bytes, at, end);
    if (head === undefined) return this.#keep(at, end);
    if (head === BROKEN) return this.#fault(brokenFraming, end);
    return head.opcode >= Opcode.close ? this.#control(head, at, end) : this.#data(head, at, end);
  }

  /** Reads a control frame. It takes effect when it is complete (RFC 6455, section 5.5). */
  #control({ final, opcode, length, body }: FrameHead, at: number, end: number): number {
    const short = body - at === SHORTEST_HEAD;
    if (!final || !short || opcode > Opcode.pong || (opcode === Opcode.close && length === 1)) {
      return this.#fault(brokenFraming, end);
    }
    const next = body + length;
    if (next > end) return this.#keep(at, end);
    if (opcode !== Opcode.close) return this.#deliver(opcode === Opcode.ping ? 'ping' : 'pong', body, next);
    this.#over = true;
    this.end.closing(Buffer.from(this.buffer.bytes.subarray(at, next)));
    return end;
  }

  #data(head: FrameHead, at: number, end: number): number {
    const { final, opcode, length, body } = head;
    const before = this.#unfinished;
    if (opcode > Opcode.binary || (opcode === Opcode.continuation) === (before === undefined)) {
      return this.#fault(brokenFraming, end);
    }
    if (length + (before?.length ?? 0) > this.maxMessageBytes) {
      return this.#fault(messageTooBig(this.maxMessageBytes), end);
    }
    if ((before?.frames ?? 0) >= MAX_PIECES) return this.#fault(tooManyPieces, end);
    if (body > end) return this.#keep(at, end);
    const kind = opcode === Opcode.text ? 'text' : 'binary';
    if (before === undefined && final && body + length <= end) return this.#deliver(kind, body, body + length);
    const unfinished = before ?? new Unfinished(kind, this.buffer);
    this.#unfinished = unfinished;
    unfinished.frames += 1;
    unfinished.final = final;
    unfinished.mask = maskBefore(this.buffer.bytes, body);
    unfinished.came = 0;
    unfinished.left = length;
    return this.#continue(unfinished, body, end);
  }

  /** Adds what was read to a message that has begun, and delivers it when it is complete. */
  #continue(unfinished: Unfinished, at: number, end: number): number {
    const { bytes, words } = this.buffer;
    const next = Math.min(at + unfinished.left, end);
    unmask(bytes, words, at, next, unfinished.mask, unfinished.came);
    const max = unfinished.final ? unfinished.length + unfinished.left : this.maxMessageBytes;
    const grew = unfinished.add(bytes, at, next, max);
    if (unfinished.left > 0 || !unfinished.final) {
      if (grew || unfinished.frames === 1) this.receiver.holds(unfinished.memory);
      return next;
    }
    this.#unfinished = undefined;
    this.receiver.holds(0);
    this.#message(unfinished.kind, unfinished.bytes.subarray(0, unfinished.length));
    if (unfinished.bytes.length <= MAX_SPARE_BYTES) this.buffer.spare = unfinished.bytes;
    return next;
  }

  /** Delivers a message from the buffer. Its mask lies right before it. */
  #deliver(kind: Incoming, from: number, to: number): number {
    const { bytes, words } = this.buffer;
    unmask(bytes, words, from, to, maskBefore(bytes, from));
    this.#message(kind, bytes.subarray(from, to));
    return to;
  }

  #message(kind: Incoming, data: Buffer): void {
    if (kind === 'text' && !isUtf8(data)) this.#fault(textNotUtf8, 0);
    else this.receiver.take(kind, data);
  }

  #keep(at: number, end: number): number {
    this.#head = this.buffer.bytes.toString('latin1', at, end);
    return end;
  }

  #fault(reason: CloseReason, end: number): number {
    this.stop();
    this.end.fault(reason);
    return end;
  }
}
