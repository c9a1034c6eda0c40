import { describe, expect, it } from '@jest/globals';
import { inOneGo, inTurns } from '../../../src/clock/in-turns.js';
import type { Work } from '../../../src/clock/in-turns.js';

/** Work of five steps, each longer than a slice. */
function* slow(): Work<string> {
  for (let step = 0; step < 5; step++) {
    const end = performance.now() + 6;
    while (performance.now() < end);
    yield;
  }
  return 'done';
}

function* broken(): Work<never> {
  yield;
  throw new Error('broken');
}

describe('long work', () => {
  it('lets others have their turn between its slices', async () => {
    let turns = 0;
    let over = false;
    const count = (): void => {
      turns += 1;
      if (!over) setImmediate(count);
    };
    setImmediate(count);
    expect(await inTurns(slow())).toBe('done');
    over = true;
    expect(turns).toBeGreaterThanOrEqual(5);
  });

  it('can be done in one go', () => {
    expect(inOneGo(slow())).toBe('done');
  });

  it('passes on what it throws', async () => {
    await expect(inTurns(broken())).rejects.toThrow('broken');
    expect(() => inOneGo(broken())).toThrow('broken');
  });
});
