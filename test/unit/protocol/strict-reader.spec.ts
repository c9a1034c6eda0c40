import { describe, expect, it } from '@jest/globals';
import { encodeMessage } from '../../../src/protocol/message.js';
import { readMessage } from '../../../src/protocol/strict-reader.js';

/** Hex of a CBOR head with a shortest argument. */
function head(major: number, argument: number): string {
  const bytes =
    argument < 24
      ? [(major << 5) | argument]
      : argument < 256
        ? [(major << 5) | 24, argument]
        : [(major << 5) | 25, argument >> 8, argument & 255];
  return Buffer.from(bytes).toString('hex');
}

function text(value: string): string {
  return head(3, Buffer.byteLength(value)) + Buffer.from(value).toString('hex');
}

const RELAY = text('Relay');
const TOPIC = `${text('topic')}6174`;
const PAYLOAD = `${text('payload')}42cafe`;
const CANONICAL = `a1${RELAY}a2${TOPIC}${PAYLOAD}`;

/** A Relay with one more field, whose key and value are given. */
function extra(key: string, value: string): string {
  return `a1${RELAY}a3${TOPIC}${PAYLOAD}${key}${value}`;
}

/** What the reference would forward: the canonical encoding, or null where it drops. */
function forwarded(hex: string): string | null {
  const message = readMessage(Buffer.from(hex, 'hex'));
  return message === undefined ? null : encodeMessage(message).toString('hex');
}

const X = text('x');

describe('R6: what decodes (docs/protocol.md), beyond the vectors', () => {
  it.each([
    ['a Subscribe', `a1${text('Subscribe')}a1${TOPIC}`, 'Subscribe'],
    ['an Unsubscribe', `a1${text('Unsubscribe')}a1${TOPIC}`, 'Unsubscribe'],
    ['a Subscribe as an array', `a1${text('Subscribe')}816174`, 'Subscribe'],
    ['a Subscribe with a payload of any kind', `a1${text('Subscribe')}a2${TOPIC}${text('payload')}01`, 'Subscribe'],
  ])('%s', (_what, hex, kind) => {
    expect(readMessage(Buffer.from(hex, 'hex'))).toEqual({ kind, topic: 't' });
  });

  it.each([
    ['a tag before the variant name', `a1c0${RELAY}a2${TOPIC}${PAYLOAD}`],
    ['a tag before a field name', `a1${RELAY}a2c0${TOPIC}${PAYLOAD}`],
    ['ten thousand tags before the outer map', 'c0'.repeat(10_000) + CANONICAL],
    ['an inner map with an 8-byte count', `a1${RELAY}bb0000000000000002${TOPIC}${PAYLOAD}`],
    ['a topic in nested chunks', `a1${RELAY}a2${text('topic')}7f7f6174ffff${PAYLOAD}`],
    ['a payload in nested chunks', `a1${RELAY}a2${TOPIC}${text('payload')}5f41ca5f41fe5fffffff`],
    ['an inner array whose rest is missing', `a1${RELAY}98ff617442cafe`],
    ['an inner array whose break is missing', `a1${RELAY}9f617442cafe`],
    ['an inner array with a malformed rest', `a1${RELAY}83617442cafe1c`],
    ['octets as big numbers with leading zeros', `a1${RELAY}a2${TOPIC}${text('payload')}82c244000000cac241fe`],
    ['octets behind tags', `a1${RELAY}a2${TOPIC}${text('payload')}82c118cac0c118fe`],
    ['a variant name and its fields as two items', `${RELAY}a2${TOPIC}${PAYLOAD}`],
    ['the same behind a tag', `c1${RELAY}82617442cafe`],
    ['an unknown field named by bytes that are no UTF-8', extra('42fffe', '01')],
    ['an unknown name of 4096 bytes', extra(head(3, 4096) + '61'.repeat(4096), '01')],
    ['a field named __proto__', extra(text('__proto__'), 'a0')],
    ['a map with keys of any type as a value', extra(X, 'a4f601800281a0f4f93c0000')],
    ['every float', extra(X, '83f97e00fa7fc00000fb7ff8000000000001')],
    ['every simple value that has a meaning', extra(X, '88f4f5f6f7f814f815f816f817')],
    ['the smallest integer there is', extra(X, '3bffffffffffffffff')],
    ['a big number of 16 bytes', extra(X, `c250${'ff'.repeat(16)}`)],
    ['a negative big number of 16 bytes with room for its sign', extra(X, `c3507f${'ff'.repeat(15)}`)],
    ['a negative big number of 17 bytes', extra(X, `c351${'ff'.repeat(17)}`)],
    ['a big-number tag on something else', extra(X, 'c201')],
    ['254 levels of arrays', extra(X, `${'81'.repeat(253)}80`)],
    ['254 levels of tags', extra(X, `${'c1'.repeat(254)}00`)],
    ['254 tags around a big number, which is no level', extra(X, `${'c1'.repeat(254)}c24101`)],
  ])('accepted: %s', (_what, hex) => {
    expect(forwarded(hex)).toBe(CANONICAL);
  });

  it.each([
    ['a bare variant name', RELAY],
    ['a variant name in chunks', `a17f${RELAY}ffa2${TOPIC}${PAYLOAD}`],
    ['a field name in chunks', `a1${RELAY}a27f${text('topic')}ff6174${PAYLOAD}`],
    ['a field name in chunks of bytes', `a1${RELAY}a25f45746f706963ff6174${PAYLOAD}`],
    ['a name of 4097 bytes', extra(head(3, 4097) + '61'.repeat(4097), '01')],
    ['a name by bytes of 4097', extra(head(2, 4097) + '61'.repeat(4097), '01')],
    ['a name that is no UTF-8', extra('61ff', '01')],
    ['a tag before the inner map', `a1${RELAY}c0a2${TOPIC}${PAYLOAD}`],
    ['a field named by an array', extra('80', '01')],
    ['the topic twice, once by bytes', `a1${RELAY}a345746f7069636174${TOPIC}${PAYLOAD}`],
    ['the payload twice', `a1${RELAY}a3${TOPIC}${PAYLOAD}${PAYLOAD}`],
    ['a missing topic', `a1${RELAY}a1${PAYLOAD}`],
    ['no fields', `a1${RELAY}a0`],
    ['an empty inner array', `a1${RELAY}80`],
    ['an inner array without a payload', `a1${RELAY}816174`],
    ['an inner indefinite array without a payload', `a1${RELAY}9f6174ff`],
    ['an inner map that lacks its break', `a1${RELAY}bf${TOPIC}${PAYLOAD}`],
    ['an inner map that ends between key and value', `a1${RELAY}bf${TOPIC}${text('payload')}ff`],
    ['a topic that is no UTF-8', `a1${RELAY}a2${text('topic')}61ff${PAYLOAD}`],
    ['a topic with half a surrogate pair', `a1${RELAY}a2${text('topic')}63eda080${PAYLOAD}`],
    ['a text that is no UTF-8 deep in an unknown field', extra(X, '81a1616181c061ff')],
    ['a character split over two chunks', `a1${RELAY}a2${text('topic')}7f61c361a9ff${PAYLOAD}`],
    ['a chunk of bytes in a text', extra(X, '7f4161ff')],
    ['a tag inside a chunked string', extra(X, '5fc04161ff')],
    ['a negative octet', `a1${RELAY}a2${TOPIC}${text('payload')}8120`],
    ['a negative big number as an octet', `a1${RELAY}a2${TOPIC}${text('payload')}81c340`],
    ['a big number too large for an octet', `a1${RELAY}a2${TOPIC}${text('payload')}81c2420101`],
    ['a tag between the big-number tag and its bytes', `a1${RELAY}a2${TOPIC}${text('payload')}81c2c14101`],
    ['a byte string as an octet', `a1${RELAY}a2${TOPIC}${text('payload')}814101`],
    ['a negative big number of 16 bytes without room for its sign', extra(X, `c350${'ff'.repeat(16)}`)],
    ['255 levels of arrays', extra(X, `${'81'.repeat(254)}80`)],
    ['255 levels of tags', extra(X, `${'c1'.repeat(255)}00`)],
    ['255 levels of maps', extra(X, `${'a100'.repeat(254)}a0`)],
    ['simple values without a meaning', extra(X, 'f3')],
    ['two-byte simple values without a meaning', extra(X, 'f818')],
    ['an indefinite tag', extra(X, 'df00')],
    ['an array that claims more than there is', `a1${RELAY}a2${TOPIC}${text('payload')}9bffffffffffffffff01`],
    ['a string that claims more than there is', `a1${RELAY}a2${text('topic')}7bffffffffffffffff61`],
    ['a map that claims more than there is', `a1${RELAY}bbffffffffffffffff${TOPIC}${PAYLOAD}`],
  ])('dropped: %s', (_what, hex) => {
    expect(forwarded(hex)).toBeNull();
  });

  it('drops every truncation of a valid frame', () => {
    const frame = Buffer.from(extra(X, '8301f97e00617a'), 'hex');
    for (let length = 0; length < frame.length; length++) {
      expect(readMessage(frame.subarray(0, length))).toBeUndefined();
    }
    expect(readMessage(frame)).toBeDefined();
  });

  it('takes time in the length of the frame, however it is nested', () => {
    const bomb = Buffer.from(extra(X, '9f'.repeat(60_000)), 'hex');
    expect(readMessage(bomb)).toBeUndefined();
  });
});
