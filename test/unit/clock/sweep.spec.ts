import { afterEach, describe, expect, it } from '@jest/globals';
import { Sweep } from '../../../src/clock/sweep.js';

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
  afterEach(() => sweep.stop());

  /** Lets intervals pass with the event loop kept busy in between. */
  async function busily(milliseconds: number): Promise<void> {
    const until = performance.now() + milliseconds;
    while (performance.now() < until) await turns(1);
  }

  it('takes one step a turn, however many intervals pass while there is more to do', async () => {
    let steps = 0;
    sweep = new Sweep(() => ++steps > 0, 1);
    sweep.start();
    await busily(30);
    const before = steps;
    await turns(100);
    expect(steps - before).toBeLessThanOrEqual(101);
    expect(steps).toBeGreaterThan(10);
  });

  it('takes no step after it was stopped, from outside or in a step', async () => {
    let steps = 0;
    sweep = new Sweep(() => ++steps > 0, 1);
    sweep.start();
    await busily(10);
    sweep.stop();
    const stopped = steps;
    await busily(10);
    expect(steps).toBe(stopped);

    sweep = new Sweep(() => {
      steps += 1;
      sweep.stop();
      return true;
    }, 1);
    sweep.start();
    await busily(10);
    expect(steps).toBe(stopped + 1);
  });

  it('can be started again', async () => {
    let steps = 0;
    sweep = new Sweep(() => ++steps < 0, 1);
    for (let i = 0; i < 2; i++) {
      const before = steps;
      sweep.start();
      await busily(10);
      sweep.stop();
      expect(steps).toBeGreaterThan(before);
    }
  });
});
