import { beforeEach, describe, expect, it } from '@jest/globals';
import { Framing } from '../../../src/transport/framing.js';

describe('framing', () => {
  let socket: { bytesRead: number };
  let framing: Framing;

  beforeEach(() => {
    socket = { bytesRead: 0 };
    framing = new Framing(socket, 1024);
  });

  /** The extra cost of messages that bring this many bytes each, with this many around them. */
  function cost(messages: number, bytes: number, around: number): number {
    let charged = 0;
    for (let i = 0; i < messages; i++) {
      socket.bytesRead += bytes + around;
      charged += framing.count(bytes);
    }
    return charged;
  }

  it('L1: messages in ordinary frames cost nothing more, however many', () => {
    expect(cost(100_000, 500, 64)).toBe(0);
  });

  it('L1: framing beyond the slack costs one message per 256 bytes', () => {
    const around = 4096 * 6;
    const charged = cost(320, 0, around);
    const excess = 320 * (around - 64) - 128 * 1024 - 1024;
    expect(charged).toBeGreaterThanOrEqual(excess / 256);
    expect(charged).toBeLessThanOrEqual(excess / 256 + 10);
    // None of it is charged twice.
    expect(cost(3200, 0, 0)).toBe(0);
  });
});
