import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { NOT_SIMPLE, TOO_SHORT_TO_TELL, messageStart, simpleFrameLength, unmask } from '../../../src/protocol/client-frame.js';
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
    expect([0, 1, 2, 3, 4].map((end) => simpleFrameLength(long, 0, end))).toEqual([TOO_SHORT_TO_TELL, TOO_SHORT_TO_TELL, TOO_SHORT_TO_TELL, TOO_SHORT_TO_TELL, long.length]);
    const short = clientFrame(0x82, Buffer.alloc(20));
    expect([0, 1, 2].map((end) => simpleFrameLength(short, 0, end))).toEqual([TOO_SHORT_TO_TELL, TOO_SHORT_TO_TELL, short.length]);
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

  it('has its mask taken off wherever it lies, and nothing around it is touched', () => {
    const memory = Buffer.allocUnsafeSlow(256);
    const words = new Int32Array(memory.buffer);
    for (let from = 4; from < 12; from++) {
      for (let length = 0; length < 40; length++) {
        const before = randomBytes(256);
        memory.set(before);
        unmask(memory, words, from, from + length);
        const expected = Buffer.from(before);
        for (let i = 0; i < length; i++) expected[from + i] ^= before[from - 4 + (i & 3)];
        expect(memory).toEqual(expected);
      }
    }
  });
});
