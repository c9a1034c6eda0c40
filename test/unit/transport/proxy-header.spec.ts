import { describe, expect, it } from '@jest/globals';
import { beginsWithProxyHeader, readProxyHeader } from '../../../src/transport/proxy-header.js';
import { proxyHeaderV2 } from '../../support/proxy-header.js';

const read = (text: string | Buffer): ReturnType<typeof readProxyHeader> =>
  readProxyHeader(Buffer.from(text as string, 'latin1'));

const IPV4 = '01020304 05060708 04d2 01bb'.replaceAll(' ', '');
const IPV6 = `20010db8000000000000000000000007${'00'.repeat(15)}0104d201bb`;
const MAPPED = `00000000000000000000ffff01020304${'00'.repeat(15)}0104d201bb`;

describe('a PROXY header of version 1', () => {
  it.each([
    ['TCP4', 'PROXY TCP4 1.2.3.4 5.6.7.8 1234 443\r\n', '1.2.3.4'],
    ['TCP6', 'PROXY TCP6 2001:db8::7 ::1 1234 443\r\n', '2001:db8::7'],
    ['TCP6 with a mapped address', 'PROXY TCP6 ::ffff:1.2.3.4 ::1 1234 443\r\n', '1.2.3.4'],
    ['UNKNOWN', 'PROXY UNKNOWN\r\n', undefined],
    ['UNKNOWN, with what it knows', 'PROXY UNKNOWN 1.2.3.4 5.6.7.8 1 2\r\n', undefined],
    ['the longest', `PROXY UNKNOWN ${'f'.repeat(91)}\r\n`, undefined],
  ])('L7: %s', (_what, text, address) => {
    expect(read(text)).toEqual({ length: text.length, address });
    expect(read(`${text}GET / HTTP/1.1\r\n`)).toEqual({ length: text.length, address });
    for (let length = 0; length < text.length; length += 1) expect(read(text.slice(0, length))).toBe(undefined);
  });

  it.each([
    ['no addresses', 'PROXY TCP4\r\n'],
    ['no protocol', 'PROXY \r\n'],
    ['another protocol', 'PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n'],
    ['IPv6 as TCP4', 'PROXY TCP4 ::1 ::1 1 2\r\n'],
    ['IPv4 as TCP6', 'PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n'],
    ['a name', 'PROXY TCP4 localhost 5.6.7.8 1 2\r\n'],
    ['leading zeros', 'PROXY TCP4 01.2.3.4 5.6.7.8 1 2\r\n'],
    ['no port', 'PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n'],
    ['a port too many', 'PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n'],
    ['a port too large', 'PROXY TCP4 1.2.3.4 5.6.7.8 1 65536\r\n'],
    ['a port that is not a number', 'PROXY TCP4 1.2.3.4 5.6.7.8 1 -2\r\n'],
    ['two spaces', 'PROXY  TCP4 1.2.3.4 5.6.7.8 1 2\r\n'],
    ['a name of an object', 'PROXY constructor 1.2.3.4 5.6.7.8 1 2\r\n'],
    ['more than 107 bytes', `PROXY UNKNOWN ${'f'.repeat(92)}\r\n`],
    ['no end', 'PROXY TCP4'.padEnd(107, ' ')],
  ])('L7: malformed: %s', (_what, text) => {
    expect(read(text)).toBe('malformed');
  });
});

describe('a PROXY header of version 2', () => {
  it.each([
    ['IPv4', proxyHeaderV2(0x21, 0x11, IPV4), '1.2.3.4'],
    ['IPv6', proxyHeaderV2(0x21, 0x21, IPV6), '2001:db8::7'],
    ['mapped IPv4', proxyHeaderV2(0x21, 0x21, MAPPED), '1.2.3.4'],
    ['extensions', proxyHeaderV2(0x21, 0x11, `${IPV4}${'ea'.repeat(84)}`), '1.2.3.4'],
    ['the longest', proxyHeaderV2(0x21, 0x11, `${IPV4}${'04'.repeat(4096 - 16 - 12)}`), '1.2.3.4'],
    ['LOCAL', proxyHeaderV2(0x20, 0x00, ''), undefined],
    ['LOCAL with an address, which means nothing', proxyHeaderV2(0x20, 0x11, IPV4), undefined],
    ['LOCAL with half an address', proxyHeaderV2(0x20, 0x11, '0102'), undefined],
    ['an unspecified family', proxyHeaderV2(0x21, 0x00, ''), undefined],
    ['a Unix socket', proxyHeaderV2(0x21, 0x31, '00'.repeat(216)), undefined],
    ['UDP', proxyHeaderV2(0x21, 0x12, IPV4), undefined],
  ])('L7: %s', (_what, bytes, address) => {
    expect(read(bytes)).toEqual({ length: bytes.length, address });
    expect(read(Buffer.concat([bytes, Buffer.from('GET')]))).toEqual({ length: bytes.length, address });
    for (let length = 0; length < bytes.length; length += 1) expect(read(bytes.subarray(0, length))).toBe(undefined);
  });

  it.each([
    ['version 1', proxyHeaderV2(0x11, 0x11, IPV4)],
    ['an unknown command', proxyHeaderV2(0x22, 0x11, IPV4)],
    ['half an IPv4 address', proxyHeaderV2(0x21, 0x11, '0102')],
    ['half an IPv6 address', proxyHeaderV2(0x21, 0x21, IPV4)],
    ['more than 4096 bytes, at the sixteenth', proxyHeaderV2(0x21, 0x11, '00'.repeat(4081)).subarray(0, 16)],
  ])('L7: malformed: %s', (_what, bytes) => {
    expect(read(bytes)).toBe('malformed');
  });
});

it.each(['GET / HTTP/1.1', '\r\nGET', 'PROPFIND / HTTP/1.1', 'POST /', '\x16\x03\x01', 'proxy TCP4'])(
  'no PROXY header: %j',
  (text) => {
    expect(read(text)).toBe('absent');
    expect(beginsWithProxyHeader(Buffer.from(text, 'latin1'))).toBe(false);
  },
);
