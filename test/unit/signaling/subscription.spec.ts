import { describe, expect, it } from '@jest/globals';
import { PendingPayloads } from '../../../src/signaling/subscription.js';
import { heapUsed } from '../../support/heap.js';

const MB = 1024 * 1024;

describe('what waits for a reader of the application', () => {
  it('E2: takes no more memory once it was read, even if more waits behind it', async () => {
    let waiting = 0;
    const subscription = new PendingPayloads('topic', {
      waits: (bytes) => (waiting += bytes),
      left: () => undefined,
    });
    const before = heapUsed();
    subscription.push(Buffer.alloc(MB, 1));
    for (let i = 0; i < 50; i++) {
      subscription.push(Buffer.alloc(MB, 1));
      // oxlint-disable-next-line no-await-in-loop -- one after the other, so that one always waits
      await subscription.next();
    }
    expect(waiting).toBeLessThan(2 * MB);
    expect(heapUsed() - before).toBeLessThan(10 * MB);
    await subscription.return();
  });
});
