import { randomBytes } from 'node:crypto';

export const BINARY = 2;
export const PING = 9;
export const PONG = 10;

/** How masks are made: zeros leave the payload as it is, so that only the server's work on a mask counts; or as RFC 6455 asks. */
export const MASKS = { zeros: () => Buffer.alloc(4), random: () => randomBytes(4) };

/** A peer's frame: whole, masked, below 64 KiB. */
export function clientFrame(opcode, payload, newMask = MASKS.zeros) {
  const { length } = payload;
  const head = length < 126 ? [0x80 | opcode, 0x80 | length] : [0x80 | opcode, 0x80 | 126, length >> 8, length & 255];
  const mask = newMask();
  return Buffer.concat([Buffer.from(head), mask, payload.map((byte, i) => byte ^ mask[i & 3])]);
}

/**
 * Hands every whole frame of the server's to `handle(opcode, bytes, start, end)` and returns the bytes behind the last of them.
 * Frames are not copied: at the rates of a benchmark that would be work that is not the server's.
 */
export function readFrames(bytes, handle) {
  let at = 0;
  while (bytes.length - at >= 2) {
    let length = bytes[at + 1] & 127;
    let head = 2;
    if (length === 126) {
      if (bytes.length - at < 4) break;
      length = bytes.readUInt16BE(at + 2);
      head = 4;
    } else if (length === 127) {
      throw new Error('a frame of more than 64 KiB, which no case asks for');
    }
    const end = at + head + length;
    if (bytes.length < end) break;
    handle(bytes[at] & 15, bytes, at + head, end);
    at = end;
  }
  return bytes.subarray(at);
}
