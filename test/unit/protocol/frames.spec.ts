import { describe, expect, it } from '@jest/globals';
import {
  deadPeer,
  internalError,
  messageTooBig,
  reasonFor,
  restart,
  slowConsumer,
  tooManyTopics,
  topicTooLong,
} from '../../../src/protocol/close-codes.js';
import { binaryFrame, messageIn } from '../../../src/protocol/websocket-frame.js';

describe('R8: a WebSocket frame', () => {
  it.each([
    [0, '8200'],
    [125, '827d'],
    [126, '827e007e'],
    [65_535, '827effff'],
    [65_536, '827f0000000000010000'],
  ])('around %d bytes is final, binary, unmasked and has the shortest length', (size, head) => {
    const message = Buffer.alloc(size, 7);
    expect(binaryFrame(message)).toEqual(Buffer.concat([Buffer.from(head, 'hex'), message]));
    expect(messageIn(binaryFrame(message))).toEqual(message);
  });
});

describe('close reasons', () => {
  it('fit a close frame, at the largest numbers too', () => {
    const reasons = [
      restart(86_400).text,
      messageTooBig(64 * 1024 * 1024).text,
      topicTooLong(4096).text,
      tooManyTopics(1_000_000).text,
      slowConsumer(1024 ** 3).text,
      deadPeer(3600).text,
      internalError.text,
      ...[1000, 1002, 1007, 1008].map(reasonFor),
    ];
    for (const reason of reasons) {
      expect(reason).not.toBe('');
      expect(Buffer.byteLength(reason)).toBeLessThanOrEqual(123);
    }
  });
});
