/**
 * Peer-to-server WebSocket frames (RFC 6455, section 5.2). Most are *simple*: one masked frame of less than 64 KiB that
 * holds a whole binary message. A few steps recognise those.
 */

const FINAL_BINARY = 0x82;
/**
 * Bits of the second byte: masked, with a length of up to 125 in it. MASKED_LONG has the length in the next two bytes.
 */
const MASKED = 0x80;
const MASKED_LONG = 0xfe;
const MASK_BYTES = 4;

/** Opcodes of frames (section 11.8). */
export const Opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** The head of a frame of up to 125 bytes, mask included. */
export const SHORTEST_HEAD = 2 + MASK_BYTES;
/** The longest control frame, in bytes, head included (section 5.5). */
export const LONGEST_CONTROL_FRAME = SHORTEST_HEAD + 125;

/** Results of simpleFrameLength that are not a length. */
export const NOT_SIMPLE = -1;
export const TOO_SHORT_TO_TELL = 0;

/**
 * Length in bytes, head included, of the simple frame that begins at `at`, which may reach beyond `end`. Or NOT_SIMPLE
 * or TOO_SHORT_TO_TELL.
 */
export function simpleFrameLength(bytes: Uint8Array, at: number, end: number): number {
  if (at >= end) return TOO_SHORT_TO_TELL;
  if (bytes[at] !== FINAL_BINARY) return NOT_SIMPLE;
  if (at + 1 >= end) return TOO_SHORT_TO_TELL;
  const second = bytes[at + 1];
  if (second < MASKED || second > MASKED_LONG) return NOT_SIMPLE;
  if (second < MASKED_LONG) return SHORTEST_HEAD + (second - MASKED);
  if (at + 3 >= end) return TOO_SHORT_TO_TELL;
  return 4 + MASK_BYTES + ((bytes[at + 2] << 8) | bytes[at + 3]);
}

/** Offset of the message in a simple frame. */
export function messageStart(bytes: Uint8Array, at: number): number {
  return at + (bytes[at + 1] === MASKED_LONG ? 4 : 2) + MASK_BYTES;
}

/** The head of any frame. */
export interface FrameHead {
  readonly final: boolean;
  /** 0 to 15, whether the opcode has a meaning or not. */
  readonly opcode: number;
  /** Bytes of the frame's own data; approximate above 2^53. */
  readonly length: number;
  /** Offset of the frame's data, after its mask. May be beyond the bytes that have arrived. */
  readonly body: number;
}

/**
 * Marks a head that no peer may send: with a reserved bit, without a mask, or of a length over 2^63 (sections 5.1,
 * 5.2).
 */
export const BROKEN = 'broken';

/** The head of the frame that begins at `at`; undefined until its length has arrived. */
export function frameHead(bytes: Uint8Array, at: number, end: number): FrameHead | typeof BROKEN | undefined {
  if (end - at < 2) return undefined;
  const [first, second] = [bytes[at], bytes[at + 1]];
  if ((first & 0x70) !== 0 || second < MASKED) return BROKEN;
  const short = second - MASKED;
  const lengthBytes = short < 126 ? 0 : short === 126 ? 2 : 8;
  if (end - at < 2 + lengthBytes) return undefined;
  if (lengthBytes === 8 && bytes[at + 2] >= 0x80) return BROKEN;
  let length = lengthBytes === 0 ? short : 0;
  for (let i = 0; i < lengthBytes; i++) length = length * 256 + bytes[at + 2 + i];
  return { final: first >= 0x80, opcode: first & 0x0f, length, body: at + 2 + lengthBytes + MASK_BYTES };
}

/** The content of a whole control frame, without its mask. */
export function contentOf(frame: Uint8Array): Buffer {
  return Buffer.from(
    frame.subarray(SHORTEST_HEAD).map((byte, i) => byte ^ frame[SHORTEST_HEAD - MASK_BYTES + (i & 3)]),
  );
}

/** The mask right before `from`, as a little-endian number. */
export function maskBefore(bytes: Uint8Array, from: number): number {
  return bytes[from - 4] | (bytes[from - 3] << 8) | (bytes[from - 2] << 16) | (bytes[from - 1] << 24);
}

/**
 * Removes the mask from the bytes from `from` up to `to` (section 5.3). `turned` bytes of the same frame came before.
 * `words` is the same memory as `bytes`, for four bytes at a time.
 */
export function unmask(bytes: Uint8Array, words: Int32Array, from: number, to: number, mask: number, turned = 0): void {
  if (mask === 0) return;
  let at = from;
  let turn = turned;
  for (; at < to && (at & 3) !== 0; at++) bytes[at] ^= mask >>> ((turn++ & 3) << 3);
  const turnedBits = (turn & 3) << 3;
  const word = turnedBits === 0 ? mask : (mask >>> turnedBits) | (mask << (32 - turnedBits));
  const lastWord = to >> 2;
  for (let index = at >> 2; index < lastWord; index++) words[index] ^= word;
  for (at = Math.max(at, lastWord << 2); at < to; at++) bytes[at] ^= word >>> ((at & 3) << 3);
}
