import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Sweep } from '../../../src/clock/sweep.js';
import { until } from '../../support/until.js';

/** One turn of the event loop, and then the next. */
function turns(count: number): Promise<void> {
  return new Promise((resolve) => {
    const turn = (left: number): void => {
      if (left === 0) resolve();
      else setImmediate(turn, left - 1);
    };
    turn(count);
  });
}

describe('sweep', () => {
  let sweep: Sweep;
  /** Another sweep of the same interval, whose steps show that intervals pass. */
  let witness: Sweep;
  let intervals: number;
  beforeEach(() => {
    intervals = 0;
    witness = new Sweep(() => ++intervals < 0, 1);
    witness.start();
  });
  afterEach(() => {
    sweep.stop();
    witness.stop();
  });

  /** Lets intervals pass, in which the event loop does turns. */
  async function pass(count: number): Promise<void> {
    const before = intervals;
    await until(() => intervals >= before + count);
  }

  it('takes one step a turn, however many intervals pass while there is more to do', async () => {
    let steps = 0;
    sweep = new Sweep(() => ++steps > 0, 1);
    sweep.start();
    await pass(10);
    const before = steps;
    await turns(100);
    expect(steps - before).toBeLessThanOrEqual(101);
    expect(steps - before).toBeGreaterThanOrEqual(99);
  });

  it('takes one step a turn, even if each step wakes it', async () => {
    let steps = 0;
    sweep = new Sweep(() => {
      sweep.wake();
      return ++steps > 0;
    }, 1000);
    sweep.start();
    sweep.wake();
    await turns(100);
    expect(steps).toBeLessThanOrEqual(101);
    expect(steps).toBeGreaterThanOrEqual(99);
  });

  it('takes no step after it was stopped, from outside or in a step', async () => {
    let steps = 0;
    sweep = new Sweep(() => ++steps > 0, 1);
    sweep.start();
    await pass(5);
    sweep.stop();
    const stopped = steps;
    expect(stopped).toBeGreaterThan(0);
    await pass(5);
    expect(steps).toBe(stopped);

    sweep = new Sweep(() => {
      steps += 1;
      sweep.stop();
      return true;
    }, 1);
    sweep.start();
    await pass(5);
    expect(steps).toBe(stopped + 1);
  });

  it('can be started again', async () => {
    let steps = 0;
    sweep = new Sweep(() => ++steps < 0, 1);
    for (let i = 0; i < 2; i++) {
      const before = steps;
      sweep.start();
      await until(() => steps > before);
      sweep.stop();
    }
    expect(steps).toBeGreaterThanOrEqual(2);
  });
});
