import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { LimitCounts } from '../../../src/metrics/limit-counts.js';
import { Throttle } from '../../../src/transport/throttle.js';
import type { Throttled } from '../../../src/transport/throttle.js';
import { ManualClock } from '../../support/manual-clock.js';

describe('throttle', () => {
  it('L1: lets exactly a burst and then the rate through, however the messages come', () => {
    const steps = fc.array(fc.record({ wait: fc.nat(5000), messages: fc.nat(30) }), { maxLength: 40, size: 'max' });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 20 }), steps, (rate, burst, run) => {
        const clock = new ManualClock();
        const throttle = new Throttle({ maxMessagesPerSecond: rate, messageBurst: burst }, clock, new LimitCounts());
        const inbox: Throttled = { fullAt: 0, release: () => 0 };
        let tokens = burst;
        for (const { wait, messages } of run) {
          clock.pass(wait);
          tokens = Math.min(burst, tokens + (wait / 1000) * rate);
          let spent = 0;
          for (let i = 0; i < messages; i++) if (throttle.spend(inbox)) spent += 1;
          expect(spent).toBe(Math.min(messages, Math.floor(tokens + 1e-6)));
          tokens -= spent;
        }
      }),
    );
  });

  it('L1: what was charged beyond the bucket comes back before the next message passes', () => {
    const clock = new ManualClock();
    const throttle = new Throttle({ maxMessagesPerSecond: 10, messageBurst: 5 }, clock, new LimitCounts());
    const inbox: Throttled = { fullAt: 0, release: () => 0 };
    throttle.charge(inbox, 15);
    clock.pass(1099);
    expect(throttle.spend(inbox)).toBe(false);
    clock.pass(1);
    expect(throttle.spend(inbox)).toBe(true);
    expect(throttle.spend(inbox)).toBe(false);
  });
});
