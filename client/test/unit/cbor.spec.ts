import { describe, expect, it } from '@jest/globals';
import { Decoder, Encoder } from 'cbor-x';
import fc from 'fast-check';
import { decode, encode } from '../../src/cbor.js';
import type { Value } from '../../src/cbor.js';
import { fromHex, hex } from '../../src/shared.js';

const encoder = new Encoder({ useRecords: false, variableMapSize: true, tagUint8Array: false });
const decoder = new Decoder({ mapsAsObjects: true, useRecords: false });

/** Numbers as cbor-x encodes them: integers beyond 32 bits are BigInts there. */
const forCborX = (value: unknown): unknown => {
  if (typeof value === 'number' && value >= 2 ** 32) return BigInt(value);
  if (value instanceof Uint8Array || typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(forCborX);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, forCborX(item)]));
};
const plain = (value: unknown): unknown => {
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof Uint8Array) return Uint8Array.from(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(plain);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
};

const uint = fc.oneof(
  fc.nat(70_000),
  fc.maxSafeNat(),
  fc.constantFrom(0, 23, 24, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1),
);
const word = fc
  .string({ unit: 'binary', maxLength: 40 })
  .filter((content) => content !== '__proto__' && content !== 'toJSON');
const leaf = fc.oneof(uint, fc.boolean(), word, fc.uint8Array({ maxLength: 300 }));
const sent = fc.letrec<{ value: unknown; map: unknown }>((tie) => ({
  value: fc.oneof({ maxDepth: 3 }, leaf, tie('map')),
  map: fc.dictionary(word, tie('value'), { maxKeys: 30 }),
})).value as fc.Arbitrary<Value>;
const received = fc.letrec<{ value: unknown; list: unknown; map: unknown }>((tie) => ({
  value: fc.oneof({ maxDepth: 3 }, leaf, fc.constant(null), tie('list'), tie('map')),
  list: fc.array(tie('value'), { maxLength: 30 }),
  map: fc.dictionary(word, tie('value'), { maxKeys: 30 }),
})).value;

describe('CBOR', () => {
  it('is what cbor-x encodes, byte for byte', () => {
    fc.assert(fc.property(sent, (value) => hex(encode(value)) === encoder.encode(forCborX(value)).toString('hex')));
  });

  it('is read by cbor-x as what it was', () => {
    fc.assert(fc.property(sent, (value) => expect(plain(decoder.decode(encode(value)))).toEqual(plain(value))));
  });

  it('is read as what cbor-x wrote', () => {
    fc.assert(
      fc.property(received, (value) => expect(plain(decode(encoder.encode(forCborX(value))))).toEqual(plain(value))),
    );
  });

  it('is read in one spelling only: what is read is what would be written', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.tuple(sent, fc.nat(), fc.nat(7)).map(mutated)),
        (frame) => {
          let value: unknown;
          try {
            value = decode(frame);
          } catch {
            return;
          }
          expect(encoder.encode(forCborX(plain(value))).toString('hex')).toBe(hex(frame));
        },
      ),
      { numRuns: 2000 },
    );
  });

  it.each([
    ['nothing', ''],
    ['two items', '0101'],
    ['a head that is not the shortest, 1 byte', '1817'],
    ['2 bytes', '1900ff'],
    ['4 bytes', '1a0000ffff'],
    ['8 bytes', '1b00000000ffffffff'],
    ['a number over 2^53-1', '1b0020000000000000'],
    ['a negative number', '20'],
    ['a tag', 'c001'],
    ['a float', 'fb3ff0000000000000'],
    ['undefined', 'f7'],
    ['a simple value', 'f814'],
    ['indefinite bytes', '5f4101ff'],
    ['an indefinite array', '9f01ff'],
    ['an indefinite map', 'bf616101ff'],
    ['reserved information', '1c'],
    ['a key that is no text', 'a10101'],
    ['a key twice', 'a2616101616102'],
    ['text that is not UTF-8', '61ff'],
    ['a surrogate', '63eda080'],
    ['bytes that are cut', '42ca'],
    ['an array longer than the frame', '9bffffffffffffffff'],
    ['arrays longer than the frame, in one another', '9a01c00000'.repeat(8)],
    ['an array that claims 2^32 items', '9affffffff'],
    ['nesting without end', '81'.repeat(100_000)],
    ['nesting of maps without end', 'a16161'.repeat(100_000)],
  ])('throws for %s', (_what, frame) => {
    expect(() => decode(fromHex(frame))).toThrow(/The server sent what no server sends.|not valid for encoding/);
  });

  it('does not touch prototypes', () => {
    const value = decode(fromHex('a1695f5f70726f746f5f5fa1616101')) as Record<string, unknown>;
    expect(Object.keys(value)).toEqual(['__proto__']);
    expect(value.a).toBeUndefined();
  });
});

/** A frame with one bit changed. */
function mutated([value, place, bit]: [Value, number, number]): Uint8Array {
  const frame = encode(value);
  const at = place % frame.length;
  frame[at] = frame[at] ^ (1 << bit);
  return frame;
}
