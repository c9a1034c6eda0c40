/**
 * Peer-to-server WebSocket frames (RFC 6455, section 5.2) where they are simple: a whole binary message in one frame, masked, of
 * less than 64 KiB. Nearly all are; the others belong to `ws`.
 */

const FINAL_BINARY = 0x82;
/** The second byte: masked, and a length of up to 125 in it; or masked, and the length in the next two bytes. */
const MASKED = 0x80;
const MASKED_LONG = 0xfe;
const MASK_BYTES = 4;

/** The most bytes that a simple frame has before its message. */
export const LONGEST_HEAD = 8;

/** What stands where a frame begins. */
export const NOT_SIMPLE = -1;
export const TOO_SHORT_TO_TELL = 0;

/** The length in bytes, head included, of the simple frame that begins at `at`; it may go on beyond `end`. Or one of the two above. */
export function simpleFrameLength(bytes: Uint8Array, at: number, end: number): number {
  if (at >= end) return TOO_SHORT_TO_TELL;
  if (bytes[at] !== FINAL_BINARY) return NOT_SIMPLE;
  if (at + 1 >= end) return TOO_SHORT_TO_TELL;
  const second = bytes[at + 1];
  if (second < MASKED || second > MASKED_LONG) return NOT_SIMPLE;
  if (second < MASKED_LONG) return 2 + MASK_BYTES + (second - MASKED);
  if (at + 3 >= end) return TOO_SHORT_TO_TELL;
  return 4 + MASK_BYTES + ((bytes[at + 2] << 8) | bytes[at + 3]);
}

/** Where the message of a simple frame begins. */
export function messageStart(bytes: Uint8Array, at: number): number {
  return at + (bytes[at + 1] === MASKED_LONG ? 4 : 2) + MASK_BYTES;
}

/**
 * Takes the mask, which stands right before `from`, off what stands up to `to` (section 5.3). `words` is the same memory as
 * `bytes`: four bytes at a time, wherever the message lies.
 */
export function unmask(bytes: Uint8Array, words: Int32Array, from: number, to: number): void {
  const mask = from - MASK_BYTES;
  let at = from;
  for (; at < to && (at & 3) !== 0; at++) bytes[at] ^= bytes[mask + ((at - from) & 3)];
  const turned = at - from;
  const word =
    bytes[mask + (turned & 3)] |
    (bytes[mask + ((turned + 1) & 3)] << 8) |
    (bytes[mask + ((turned + 2) & 3)] << 16) |
    (bytes[mask + ((turned + 3) & 3)] << 24);
  if (word === 0) return;
  const lastWord = to >> 2;
  for (let index = at >> 2; index < lastWord; index++) words[index] ^= word;
  for (at = Math.max(at, lastWord << 2); at < to; at++) bytes[at] ^= bytes[mask + ((at - from) & 3)];
}
