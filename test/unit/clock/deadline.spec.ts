import { describe, expect, it } from '@jest/globals';
import { TooLate, within } from '../../../src/clock/deadline.js';
import { HeldClock } from '../../support/held-clock.js';

describe('within', () => {
  it('gives what the work gives in time, and no timer is left', async () => {
    const clock = new HeldClock();
    expect(await within(clock, 100, Promise.resolve(7))).toBe(7);
    expect(clock.sleeping).toBe(0);
  });

  it('rejects as the work does', async () => {
    await expect(within(new HeldClock(), 100, Promise.reject(new RangeError('no')))).rejects.toThrow(RangeError);
  });

  it('rejects with TooLate once the time has passed, and not before', async () => {
    const clock = new HeldClock();
    let finish!: (value: number) => void;
    const begun = clock.begunToSleep(100);
    const late = within(clock, 100, new Promise<number>((resolve) => (finish = resolve)));
    await begun;
    clock.pass(99);
    clock.pass(1);
    await expect(late).rejects.toThrow(TooLate);
    // What comes later is heard by nobody, and harms nobody.
    finish(7);
  });

  it('lets work that fails too late fail unheard', async () => {
    const clock = new HeldClock();
    let fail!: (error: Error) => void;
    const begun = clock.begunToSleep(100);
    const late = within(clock, 100, new Promise<number>((_resolve, reject) => (fail = reject)));
    await begun;
    clock.pass(100);
    await expect(late).rejects.toThrow(TooLate);
    fail(new Error('an unhandled rejection would end the process'));
  });
});
