import { randomBytes } from 'node:crypto';

export const TEXT = 1;
export const BINARY = 2;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;

/**
 * Kinds of masks. Zeros leave the payload unchanged, so masking costs the load nothing. Random masks are what RFC 6455
 * demands.
 */
export const MASKS = { zeros: () => Buffer.alloc(4), random: () => randomBytes(4) };

/** A frame from a peer: a whole message, masked, below 64 KiB. */
export function clientFrame(opcode, payload, newMask = MASKS.zeros) {
  const { length } = payload;
  const head = length < 126 ? [0x80 | opcode, 0x80 | length] : [0x80 | opcode, 0x80 | 126, length >> 8, length & 255];
  const mask = newMask();
  return Buffer.concat([Buffer.from(head), mask, payload.map((byte, i) => byte ^ mask[i & 3])]);
}

/**
 * Passes every complete frame from the server to `handle(opcode, bytes, start, end)`. Returns the bytes after the last
 * one. Does not copy frames: at these rates, copying would cost the load too much.
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
      throw new Error('a frame of more than 64 KiB, which no case expects');
    }
    const end = at + head + length;
    if (bytes.length < end) break;
    handle(bytes[at] & 15, bytes, at + head, end);
    at = end;
  }
  return bytes.subarray(at);
}
