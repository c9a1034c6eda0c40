import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import {
  BROKEN,
  NOT_SIMPLE,
  TOO_SHORT_TO_TELL,
  frameHead,
  maskBefore,
  messageStart,
  simpleFrameLength,
  unmask,
} from '../../../src/protocol/client-frame.js';
import { clientFrame } from '../../support/client-frame.js';

describe('R8: a frame from a peer', () => {
  it.each([0, 1, 125, 126, 65_535])('that holds a whole binary message of %d bytes is simple', (size) => {
    const frame = clientFrame(0x82, Buffer.alloc(size, 7));
    const bytes = Buffer.concat([Buffer.from('before'), frame, Buffer.from('behind')]);
    expect(simpleFrameLength(bytes, 6, bytes.length)).toBe(frame.length);
    expect(messageStart(bytes, 6)).toBe(6 + frame.length - size);
  });

  it('is told by its first four bytes at the latest', () => {
    const long = clientFrame(0x82, Buffer.alloc(300));
    expect([0, 1, 2, 3, 4].map((end) => simpleFrameLength(long, 0, end))).toEqual([
      TOO_SHORT_TO_TELL,
      TOO_SHORT_TO_TELL,
      TOO_SHORT_TO_TELL,
      TOO_SHORT_TO_TELL,
      long.length,
    ]);
    const short = clientFrame(0x82, Buffer.alloc(20));
    expect([0, 1, 2].map((end) => simpleFrameLength(short, 0, end))).toEqual([
      TOO_SHORT_TO_TELL,
      TOO_SHORT_TO_TELL,
      short.length,
    ]);
  });

  it.each([
    ['text', clientFrame(0x81, 'x')],
    ['the first of several', clientFrame(0x02, 'x')],
    ['a continuation', clientFrame(0x80, 'x')],
    ['with a reserved bit', clientFrame(0xc2, 'x')],
    ['a ping', clientFrame(0x89)],
    ['a close', clientFrame(0x88)],
    ['of 64 KiB', clientFrame(0x82, Buffer.alloc(65_536))],
    ['without a mask', Buffer.from([0x82, 1, 7])],
  ])('is not simple: %s', (_what, frame) => {
    expect(simpleFrameLength(frame, 0, frame.length)).toBe(NOT_SIMPLE);
  });

  it('is broken with a 64-bit length whose top bit is set (RFC 6455, section 5.2), once its length is there', () => {
    const head = Buffer.from([0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
    expect(frameHead(head, 0, 9)).toBeUndefined();
    expect(frameHead(head, 0, 10)).toBe(BROKEN);
    head[2] = 0x7f;
    expect(frameHead(head, 0, 10)).toMatchObject({ final: true, body: 14 });
  });

  it('has its mask taken off wherever it lies, and nothing around it is touched', () => {
    const memory = Buffer.allocUnsafeSlow(256);
    const words = new Int32Array(memory.buffer);
    for (let from = 4; from < 12; from++) {
      for (let length = 0; length < 40; length++) {
        const before = randomBytes(256);
        memory.set(before);
        unmask(memory, words, from, from + length, maskBefore(memory, from));
        const expected = Buffer.from(before);
        for (let i = 0; i < length; i++) expected[from + i] ^= before[from - 4 + (i & 3)];
        expect(memory).toEqual(expected);
      }
    }
  });

  it('is broken with a 64-bit length whose top bit is set (RFC 6455, section 5.2), once its length is there', () => {
    const head = Buffer.from([0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
    expect(frameHead(head, 0, 9)).toBeUndefined();
    expect(frameHead(head, 0, 10)).toBe(BROKEN);
    head[2] = 0x7f;
    expect(frameHead(head, 0, 10)).toMatchObject({ final: true, body: 14 });
  });

  it('has its mask taken off piece by piece, wherever the pieces end', () => {
    const memory = Buffer.allocUnsafeSlow(64);
    const words = new Int32Array(memory.buffer);
    for (let from = 4; from < 8; from++) {
      for (let cut = 0; cut < 30; cut++) {
        const before = randomBytes(64);
        memory.set(before);
        const mask = maskBefore(memory, from);
        unmask(memory, words, from, from + cut, mask);
        unmask(memory, words, from + cut, from + 30, mask, cut);
        const expected = Buffer.from(before);
        for (let i = 0; i < 30; i++) expected[from + i] ^= before[from - 4 + (i & 3)];
        expect(memory).toEqual(expected);
      }
    }
  });

  it.each([
    ['a short one', '8185', { final: true, opcode: 1, length: 5, body: 6 }],
    ['the first of several', '0285', { final: false, opcode: 2, length: 5, body: 6 }],
    ['two bytes of length', '82fe1234', { final: true, opcode: 2, length: 0x1234, body: 8 }],
    ['eight bytes of length', '82ff0000000100000002', { final: true, opcode: 2, length: 0x1_0000_0002, body: 14 }],
    ['the longest of all', '82ff7fffffffffffffff', { final: true, opcode: 2, length: 2 ** 63, body: 14 }],
    ['a reserved bit', 'c285', BROKEN],
    ['no mask', '8205', BROKEN],
  ])('tells its head as soon as its length is there: %s', (_what, hex, head) => {
    const bytes = Buffer.from(hex, 'hex');
    expect(frameHead(bytes, 0, bytes.length)).toEqual(head);
    const sooner = head === BROKEN ? 1 : bytes.length - 1;
    for (let end = 0; end <= sooner; end++) expect(frameHead(bytes, 0, end)).toBeUndefined();
  });
});
