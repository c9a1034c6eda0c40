import { describe, expect, it } from '@jest/globals';
import { turn } from '../../support/turn.js';
import { eventually, until } from '../../support/until.js';

const NEVER = new Promise<never>(() => undefined);

describe('until', () => {
  it('resolves once the condition holds, which may take its time to tell', async () => {
    let looks = 0;
    await until(() => ++looks === 3);
    await until(async () => (await Promise.resolve(++looks)) === 6);
    expect(looks).toBe(6);
  });

  it('does no step where the condition holds already', async () => {
    let steps = 0;
    await until(
      () => true,
      () => (steps += 1),
    );
    expect(steps).toBe(0);
  });

  it.each<[string, () => boolean | Promise<boolean>, () => unknown]>([
    ['a condition that stays false', () => false, turn],
    ['a condition that is never told', () => NEVER, turn],
    ['a step that never ends', () => false, () => NEVER],
    ['a step that takes no turn of the event loop', () => false, () => undefined],
  ])('%s: rejects, and quotes the condition', async (_what, holds, step) => {
    await expect(until(holds, step, 20)).rejects.toThrow(`0.02 s are over, and still not: ${holds.toString()}`);
  });

  it('says who waited', async () => {
    const error = await until(() => false, undefined, 1).catch((reason: Error) => reason);
    expect((error as Error).stack).toContain('until.spec.ts');
  });

  it('gives the first answer that is good', async () => {
    let asked = 0;
    expect(
      await eventually(
        () => ++asked,
        (answer) => answer > 2,
      ),
    ).toBe(3);
    expect(
      await eventually(
        () => Promise.resolve('x'),
        (answer) => answer === 'x',
      ),
    ).toBe('x');
  });

  it('rejects as the condition and the step do', async () => {
    const broken = (): never => {
      throw new Error('broken');
    };
    await expect(until(broken)).rejects.toThrow('broken');
    await expect(until(() => Promise.reject(new Error('gone')))).rejects.toThrow('gone');
    await expect(until(() => false, broken)).rejects.toThrow('broken');
  });
});
