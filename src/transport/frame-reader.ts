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

/** Takes what a peer's frames carry. */
export interface FrameReceiver {
  /** Takes a message, a ping or a pong. `data` is only lent: it is valid until this returns. Text is UTF-8. */
  take(kind: Incoming, data: Buffer): void;
  /** Bytes of memory are held for a message that is not finished; 0 once it is. */
  holds(bytes: number): void;
}

/** Takes the end of a peer's frames; nothing is read after it. */
export interface FrameEnd {
  /** The peer closes: takes its whole close frame, still masked. */
  closing(frame: Buffer): void;
  /** The peer broke the protocol or a limit. */
  fault(reason: CloseReason): void;
}

/** Room for an unfinished message at first. */
const LEAST_BYTES = 1024;
/** Memory that an unfinished message takes beside its bytes: the objects around them. */
const OVERHEAD_BYTES = 256;

/** A message that has begun and not ended. Invariant: its bytes are in one piece, unmasked, in at most about twice their size. */
class Unfinished {
  bytes = Buffer.alloc(0);
  length = 0;
  frames = 0;
  /** Of the frame that is read: whether it is the last, its mask, its bytes that came, and how many are still to come. */
  final = false;
  mask = 0;
  came = 0;
  left = 0;

  constructor(readonly kind: 'text' | 'binary') {}

  get memory(): number {
    return this.bytes.length + OVERHEAD_BYTES;
  }

  /** Adds bytes. They grow as they come: the length that a head tells is no more than a claim. Whether they have got more room. */
  add(source: Buffer, from: number, to: number, most: number): boolean {
    const length = this.length + to - from;
    const grows = length > this.bytes.length;
    if (grows) {
      const room = Buffer.allocUnsafeSlow(Math.max(length, Math.min(Math.max(2 * length, LEAST_BYTES), most)));
      this.bytes.copy(room, 0, 0, this.length);
      this.bytes = room;
    }
    source.copy(this.bytes, this.length, from, to);
    this.length = length;
    this.came += to - from;
    this.left -= to - from;
    return grows;
  }
}

/**
 * Finds a peer's messages in what was read, however they are framed and wherever the reads end. Close frames alone are left to `ws`.
 * Invariant: each byte is read once, in order; what is held is at most the beginning of a head or of a control frame, and one message,
 * in memory that grows with what really came.
 */
export class FrameReader {
  /** The beginning of a head or of a control frame. In Latin-1: a Buffer of a few bytes would keep a pool of 8 KiB. */
  #head = '';
  #unfinished: Unfinished | undefined;
  #over = false;

  constructor(
    private readonly buffer: ReadBuffer,
    private readonly receiver: FrameReceiver,
    private readonly end: FrameEnd,
    private readonly maxMessageBytes: number,
  ) {}

  /** `length` bytes are in the buffer. */
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

  /** Bytes came that are not in the buffer. */
  readElsewhere(bytes: Buffer): void {
    const { room } = this.buffer;
    for (let at = 0; at < bytes.length; at += room.length) this.read(bytes.copy(room, 0, at));
  }

  /** Reads nothing more, and forgets what is not finished. */
  stop(): void {
    this.#over = true;
    this.#head = '';
    this.#unfinished = undefined;
    this.receiver.holds(0);
  }

  /** Reads the frame that begins at `at`, or goes on with one. Where the next step begins; `end` when more must come. */
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
      return this.#goOn(this.#unfinished, at, end);
    }
    const head = frameHead(this.buffer.bytes, at, end);
    if (head === undefined) return this.#keep(at, end);
    if (head === BROKEN) return this.#fault(brokenFraming, end);
    return head.opcode >= Opcode.close ? this.#control(head, at, end) : this.#data(head, at, end);
  }

  /** A control frame is acted on when it is whole (RFC 6455, section 5.5). */
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
    const unfinished = before ?? new Unfinished(kind);
    this.#unfinished = unfinished;
    unfinished.frames += 1;
    unfinished.final = final;
    unfinished.mask = maskBefore(this.buffer.bytes, body);
    unfinished.came = 0;
    unfinished.left = length;
    return this.#goOn(unfinished, body, end);
  }

  /** Adds what was read to a message that has begun, and delivers it when it is whole. */
  #goOn(unfinished: Unfinished, at: number, end: number): number {
    const { bytes, words } = this.buffer;
    const next = Math.min(at + unfinished.left, end);
    unmask(bytes, words, at, next, unfinished.mask, unfinished.came);
    const grew = unfinished.add(
      bytes,
      at,
      next,
      unfinished.final ? unfinished.length + unfinished.left : this.maxMessageBytes,
    );
    if (unfinished.left > 0 || !unfinished.final) {
      if (grew || unfinished.frames === 1) this.receiver.holds(unfinished.memory);
      return next;
    }
    this.#unfinished = undefined;
    this.receiver.holds(0);
    this.#message(unfinished.kind, unfinished.bytes.subarray(0, unfinished.length));
    return next;
  }

  /** Delivers what lies in the buffer, its mask right before it. */
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
