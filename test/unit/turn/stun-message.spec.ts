import { describe, expect, it } from '@jest/globals';
import {
  addressIn,
  ATTRIBUTE,
  CLASS,
  encodeStun,
  errorCodeIn,
  longTermKey,
  METHOD,
  readStun,
  xorAddressIn,
} from '../../../src/turn/stun-message.js';
import type { StunMessage } from '../../../src/turn/stun-message.js';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ''), 'hex');

/** RFC 5769, sections 2.1 to 2.4. */
const REQUEST = hex(`
  0001 0058 2112a442 b7e7a701bc34d686fa87dfae 8022 0010 5354554e207465737420636c69656e74 0024 0004 6e0001ff
  8029 0008 932ff9b151263b36 0006 0009 6576746a3a68367659 202020
  0008 0014 9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2 8028 0004 e57a3bcf`);
const IPV4_RESPONSE = hex(`
  0101 003c 2112a442 b7e7a701bc34d686fa87dfae 8022 000b 7465737420766563746f72 20 0020 0008 0001a147e112a643
  0008 0014 2b91f599fd9e90c38c7489f92af9ba53f06be7d7 8028 0004 c07d4c96`);
const IPV6_RESPONSE = hex(`
  0101 0048 2112a442 b7e7a701bc34d686fa87dfae 8022 000b 7465737420766563746f72 20
  0020 0014 0002a1470113a9faa5d3f179bc25f4b5bed2b9d9
  0008 0014 a382954e4be67bf11784c97c8292c275bfe3ed41 8028 0004 c8fb0b4c`);
const LONG_TERM_REQUEST = hex(`
  0001 0060 2112a442 78ad3433c6ad72c029da412e 0006 0012 e3839ee38388e383aae38383e382afe382b9 0000
  0015 001c 662f2f3439396b39353464364f4c33346f4c39465354767936347341 0014 000b 6578616d706c652e6f7267 00
  0008 0014 f67024656dd64a3e02b8e0712e85c9a28ca89666`);

const PASSWORD = Buffer.from('VOkJxbRl1RmTxUk/WvJxBt');
const USERNAME = 'マトリックス';
const REALM = Buffer.from('example.org');
const NONCE = Buffer.from('f//499k954d6OL34oL9FSTvy64sA');
const LONG_TERM_KEY = longTermKey(USERNAME, REALM, 'TheMatrIX');

/** A message that must be one. */
function read(bytes: Buffer): StunMessage {
  const message = readStun(bytes);
  if (message === undefined) throw new Error('not STUN');
  return message;
}

/** The bytes with others in their place from `at` on. */
function altered(bytes: Buffer, at: number, others: string): Buffer {
  const copy = Buffer.from(bytes);
  hex(others).copy(copy, at);
  return copy;
}

describe('RFC 5769', () => {
  it('2.1: a request with a short-term credential', () => {
    const message = read(REQUEST);
    expect([message.method, message.kind]).toEqual([METHOD.binding, CLASS.request]);
    expect(message.transaction.toString('hex')).toBe('b7e7a701bc34d686fa87dfae');
    expect(message.attributes.get(ATTRIBUTE.username)!.toString()).toBe('evtj:h6vY');
    expect([message.signedWith(PASSWORD), message.signedWith(Buffer.from('another'))]).toEqual([true, false]);
  });

  it.each([
    ['2.2: IPv4', IPV4_RESPONSE, '192.0.2.1'],
    ['2.3: IPv6', IPV6_RESPONSE, '2001:db8:1234:5678:11:2233:4455:6677'],
  ])('%s response', (_title, bytes, address) => {
    const message = read(bytes);
    expect([message.method, message.kind]).toEqual([METHOD.binding, CLASS.success]);
    expect(xorAddressIn(message, ATTRIBUTE.xorMappedAddress)).toEqual({ address, port: 32_853 });
    expect(addressIn(message, ATTRIBUTE.mappedAddress)).toBeUndefined();
    expect(message.signedWith(PASSWORD)).toBe(true);
  });

  it('2.4: a request with a long-term credential, read and written', () => {
    const message = read(LONG_TERM_REQUEST);
    expect(message.signedWith(LONG_TERM_KEY)).toBe(true);
    const { method, kind, transaction } = message;
    const attributes = [
      [ATTRIBUTE.username, Buffer.from(USERNAME)],
      [ATTRIBUTE.nonce, NONCE],
      [ATTRIBUTE.realm, REALM],
    ] as const;
    expect(encodeStun({ method, kind, transaction, attributes }, LONG_TERM_KEY)).toEqual(LONG_TERM_REQUEST);
  });
});

describe('what is no STUN message', () => {
  it.each([
    ['nothing', Buffer.alloc(0)],
    ['a header that is cut', REQUEST.subarray(0, 19)],
    ['a message that is cut', REQUEST.subarray(0, -4)],
    ['more than one message', Buffer.concat([REQUEST, REQUEST])],
    ['another first bit', altered(REQUEST, 0, '80')],
    ['another cookie', altered(REQUEST, 4, '2112a443')],
    ['a length that is not a multiple of 4', altered(Buffer.concat([REQUEST, Buffer.alloc(1)]), 2, '0059')],
    ['an attribute longer than the message', altered(LONG_TERM_REQUEST, 22, 'ffff')],
    ['another fingerprint', altered(REQUEST, REQUEST.length - 1, '00')],
    ['a fingerprint of other bytes', altered(REQUEST, 30, '00')],
    ['a fingerprint that is not the last', Buffer.concat([altered(REQUEST, 2, '005c'), hex('00000000')])],
    ['a signature of another length', altered(LONG_TERM_REQUEST, LONG_TERM_REQUEST.length - 22, '0013')],
    ['HTTP', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
  ])('%s', (_what, bytes) => {
    expect(readStun(bytes)).toBeUndefined();
  });
});

describe('attributes', () => {
  const transaction = Buffer.alloc(12, 7);
  const answer = (...attributes: [number, Buffer][]): StunMessage =>
    read(encodeStun({ method: METHOD.allocate, kind: CLASS.error, transaction, attributes }));

  it.each([
    ['401', '00000401', 401],
    ['with a reason', '00000456 416c6c', 486],
    ['too short', '000004', undefined],
    ['of no class', '00000001', undefined],
    ['of class 7', '00000701', undefined],
    ['of number 100', '00000464', undefined],
  ])('an error code %s', (_what, value, code) => {
    expect(errorCodeIn(answer([ATTRIBUTE.errorCode, hex(value)]))).toBe(code);
  });

  it.each([
    ['too short', '0001'],
    ['of family 3', '0003 0d96 7f000001'],
    ['of IPv4 with 16 bytes', `0001 0d96 ${'00'.repeat(16)}`],
    ['of IPv6 with 4 bytes', '0002 0d96 7f000001'],
  ])('an address %s', (_what, value) => {
    const message = answer([ATTRIBUTE.alternateServer, hex(value)]);
    expect(addressIn(message, ATTRIBUTE.alternateServer)).toBeUndefined();
    expect(xorAddressIn(message, ATTRIBUTE.alternateServer)).toBeUndefined();
  });

  it('the first of a type counts, and none behind the signature', () => {
    const key = Buffer.from('key');
    const draft = { method: METHOD.allocate, kind: CLASS.success, transaction };
    const signed = encodeStun({ ...draft, attributes: [[1, hex('01')] as const, [1, hex('02')] as const] }, key);
    const added = Buffer.concat([signed, hex('0015 0001 61000000')]);
    added.writeUInt16BE(added.length - 20, 2);
    const message = read(added);
    expect(message.attributes.get(1)).toEqual(hex('01'));
    expect(message.attributes.has(ATTRIBUTE.nonce)).toBe(false);
    expect(message.signedWith(key)).toBe(true);
  });
});
