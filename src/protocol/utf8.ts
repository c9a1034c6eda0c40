import { isUtf8 } from 'node:buffer';

/** Length, in bytes, from which a call into Node costs less than a loop. */
export const LONG_BYTES = 128;

/**
 * Whether the bytes from `from` up to `to` are UTF-8 (The Unicode Standard, table 3-7). Creates no object for a short
 * text.
 */
export function isText(bytes: Uint8Array, from: number, to: number): boolean {
  return to - from < LONG_BYTES ? isShortText(bytes, from, to) : isUtf8(bytes.subarray(from, to));
}

/** The same for a short text. A call into Node needs its own view of the bytes, which costs more than a short loop. */
function isShortText(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to;) {
    const first = bytes[at++];
    if (first < 0x80) continue;
    if (first < 0xc2 || first > 0xf4) return false;
    const next = at + (first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3);
    if (next > to) return false;
    const second = bytes[at++];
    // No overlong forms, no surrogates, nothing above U+10FFFF.
    const least = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
    const most = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
    if (second < least || second > most) return false;
    for (; at < next; at++) if ((bytes[at] & 0xc0) !== 0x80) return false;
  }
  return true;
}
