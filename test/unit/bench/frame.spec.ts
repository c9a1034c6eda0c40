import { describe, expect, it } from '@jest/globals';
import { BINARY, clientFrame, MASKS, readFrames } from '../../../bench/load/frame.mjs';
import { binaryFrame } from '../../../src/protocol/websocket-frame.js';

describe('a frame of the load', () => {
  it('has a mask of zeros unless it is to be random', () => {
    expect(clientFrame(BINARY, Buffer.from([1, 2])).toString('hex')).toBe('8282000000000102');
  });

  it.each([0, 125, 126, 600, 65_535])('of %d bytes can be read again, whatever the mask', (length) => {
    const payload = Buffer.alloc(length, 7);
    const frame = clientFrame(BINARY, payload, MASKS.random);
    const head = length < 126 ? 2 : 4;
    const mask = frame.subarray(head, head + 4);
    expect(frame[1] & 127).toBe(length < 126 ? length : 126);
    expect(frame.subarray(head + 4).map((byte, i) => byte ^ mask[i & 3])).toEqual(payload);
  });
});

describe('reading the frames of the server', () => {
  const payloads = [Buffer.alloc(3, 1), Buffer.alloc(200, 2), Buffer.alloc(0), Buffer.alloc(126, 3)];
  const wire = Buffer.concat(payloads.map((payload) => binaryFrame(payload)));

  it('hands over every whole frame, and returns what is behind the last, wherever the bytes are cut', () => {
    for (let cut = 0; cut <= wire.length; cut++) {
      const read: Buffer[] = [];
      const keep = (_opcode: number, bytes: Buffer, start: number, end: number): unknown =>
        read.push(Buffer.from(bytes.subarray(start, end)));
      const rest = readFrames(wire.subarray(0, cut), keep);
      expect(readFrames(Buffer.concat([rest, wire.subarray(cut)]), keep)).toHaveLength(0);
      expect(read).toEqual(payloads);
    }
  });
});
