import { check, utf8 } from './shared.js';

/** What can be sent in the subset of CBOR. Objects have text as keys; fields that are undefined are left out. */
export type Value = string | number | boolean | Uint8Array | { readonly [key: string]: Value | undefined };

/** Levels of arrays and maps that a frame may have: more than any message of the server. */
const DEEPEST = 8;

const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Encodes in the form that the server relays as it came (docs/protocol.md, R4): definite lengths, shortest heads.
 * Numbers are integers from 0 to 2^53-1.
 */
export function encode(value: Value): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(item(value));
}

function item(value: Value): number[] {
  const head = (major: number, n: number): number[] => {
    // Bytes behind the first, into which numbers below 24 fit.
    let size = n < 24 ? 0 : n < 2 ** 8 ? 1 : n < 2 ** 16 ? 2 : n < 2 ** 32 ? 4 : 8;
    const out = [(major << 5) + (size ? 24 + Math.log2(size) : n)];
    while (size--) out.push(Math.floor(n / 256 ** size) & 255);
    return out;
  };
  const string = (major: number, bytes: Uint8Array): number[] => [...head(major, bytes.length), ...bytes];
  if (typeof value === 'number') return head(0, value);
  if (typeof value === 'boolean') return head(7, 20 + Number(value));
  if (typeof value === 'string') return string(3, utf8(value));
  if (value instanceof Uint8Array) return string(2, value);
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return [...head(5, fields.length), ...(fields.flat() as Value[]).flatMap(item)];
}

/** Decodes one item of the same subset or null, and nothing behind it. Byte strings are views of `bytes`. Throws if it is not that. */
export function decode(bytes: Uint8Array): unknown {
  let at = 0;
  const take = (size: number): Uint8Array => {
    check(size <= bytes.length - at);
    return bytes.subarray(at, (at += size));
  };
  const read = (depth: number): unknown => {
    const first = take(1)[0];
    const major = first >> 5;
    let n = first & 31;
    if (major === 7) {
      const simple = [false, true, null];
      check(n - 20 in simple);
      return simple[n - 20];
    }
    if (n > 23) {
      const size = 2 ** (n - 24);
      check(size < 9);
      n = take(size).reduce((sum, byte) => sum * 256 + byte, 0);
      // The shortest head, and no number that a double cannot hold.
      check(n >= (size < 2 ? 24 : 16 ** size) && n < 2 ** 53);
    }
    if (major === 0) return n;
    if (major === 2) return take(n);
    if (major === 3) return text.decode(take(n));
    check(depth > 0 && (major === 4 || major === 5));
    // An item has a byte at least.
    check(n <= bytes.length - at);
    if (major === 4) return Array.from({ length: n }, () => read(depth - 1));
    const map: Record<string, unknown> = Object.create(null);
    while (n--) {
      const key = read(0) as string;
      check(typeof key === 'string' && !(key in map));
      map[key] = read(depth - 1);
    }
    return map;
  };
  const value = read(DEEPEST);
  check(at === bytes.length);
  return value;
}
