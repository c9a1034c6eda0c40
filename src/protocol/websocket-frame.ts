/**
 * Server-to-peer WebSocket frames (RFC 6455, section 5.2). Each is one whole message: unmasked, uncompressed, at most 4
 * GiB.
 */

const FINAL_TEXT = 0x81;
const FINAL_BINARY = 0x82;
const CLOSE = 0x88;
const PONG = 0x8a;

/**
 * Size of a slab, which holds frames of up to a quarter of it. A frame that waits for a slow peer keeps its whole slab.
 */
const SLAB_BYTES = 16_384;
const LARGEST_IN_SLAB = SLAB_BYTES / 4;
/** The shortest message that is large, in bytes. */
const LARGE_BYTES = 17 * 1024;
/** Longest head of a frame, in bytes. */
export const LONGEST_HEAD = 10;

/**
 * The frame that carries `message` as one binary message (R8). It is built once and written to every subscriber. `room`
 * is the number of bytes behind the message that belong to it, and that the caller fills. `memory` is for the frame, and
 * has LONGEST_HEAD bytes more than the message and the room.
 */
export function binaryFrame(message: Uint8Array, room = 0, memory?: Buffer): Buffer {
  return frameOf(FINAL_BINARY, message, room, memory);
}

/**
 * Whether the frame of `message` is worth memory that is used again. That of a smaller one would keep all of such memory
 * for a slow peer.
 */
export function isLarge(message: Uint8Array): boolean {
  return message.length >= LARGE_BYTES;
}

/** The frame that carries `message` as one text message. */
export function textFrame(message: string): Buffer {
  return frameOf(FINAL_TEXT, Buffer.from(message));
}

/** A ping without data. */
export const PING = Buffer.from([0x89, 0]);

/** The frame that answers a ping with the ping's `data`, at most 125 bytes (RFC 6455, section 5.5.3). */
export function pongFrame(data: Uint8Array): Buffer {
  return frameOf(PONG, data);
}

/** The frame that closes with a code and a reason of at most 123 bytes (RFC 6455, section 5.5.1). */
export function closeFrame(code: number, reason: string | Uint8Array): Buffer {
  const text = typeof reason === 'string' ? Buffer.from(reason) : reason;
  return frameOf(CLOSE, Buffer.concat([Buffer.from([code >> 8, code]), text]));
}

/** Whether a frame of ours carries a message, and is no ping or pong. */
export function isMessage(frame: Uint8Array): boolean {
  return frame[0] === FINAL_BINARY || frame[0] === FINAL_TEXT;
}

function frameOf(initial: number, message: Uint8Array, room = 0, memory?: Buffer): Buffer {
  const length = message.length + room;
  const head = length < 126 ? 2 : length < 0x1_0000 ? 4 : LONGEST_HEAD;
  const frame = memory === undefined ? allocate(head + length) : memory.subarray(0, head + length);
  frame[0] = initial;
  if (head === 2) {
    frame[1] = length;
  } else if (head === 4) {
    frame[1] = 126;
    frame[2] = length >> 8;
    frame[3] = length;
  } else {
    frame[1] = 127;
    frame.writeUInt32BE(0, 2);
    frame.writeUInt32BE(length, 6);
  }
  frame.set(message, head);
  return frame;
}

/** The current slab. Frames follow each other without gaps, so that frames for the same peer can leave as one piece. */
let slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
let used = 0;

function allocate(bytes: number): Buffer {
  if (bytes > LARGEST_IN_SLAB) return Buffer.allocUnsafeSlow(bytes);
  if (used + bytes > SLAB_BYTES) {
    slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
    used = 0;
  }
  return slab.subarray(used, (used += bytes));
}

/** The message that a frame of this file carries. It shares the frame's memory. */
export function messageIn(frame: Buffer): Buffer {
  const length = frame[1];
  return frame.subarray(length < 126 ? 2 : length === 126 ? 4 : 10);
}
