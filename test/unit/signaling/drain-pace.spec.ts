import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { DrainPace } from '../../../src/signaling/drain-pace.js';

/** Simulates a drain. Returns when each slice ran, in milliseconds, and how many connections it closed. */
function play(
  count: number,
  spread: number,
  random: () => number,
  stall: () => number,
): { at: number; closed: number }[] {
  const pace = new DrainPace(count, spread, random);
  const slices: { at: number; closed: number }[] = [];
  let at = 0;
  for (let left = count; left > 0;) {
    const elapsed = pace.pause + stall();
    at += elapsed;
    const closed = pace.slice(elapsed);
    left -= closed;
    slices.push({ at, closed });
  }
  return slices;
}

describe('the pace of a drain', () => {
  it('D2: is even, and ends with the spread, if no slice is late', () => {
    const slices = play(2000, 2000, Math.random, () => 0);
    expect(slices.at(-1)!.at).toBeGreaterThan(1900);
    expect(slices.at(-1)!.at).toBeLessThan(2100);
    expect(Math.max(...slices.map(({ closed }) => closed))).toBeLessThanOrEqual(31);
  });

  it('D2: is at most 1.5 times the even share in any tenth of the spread, however the process stalls', () => {
    const stalls = fc.infiniteStream(fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, fc.nat(10), fc.nat(3000)));
    const randoms = fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true }));
    fc.assert(
      fc.property(
        fc.integer({ min: 200, max: 5000 }),
        fc.integer({ min: 500, max: 60_000 }),
        randoms,
        stalls,
        (count, spread, random, stall) => {
          const slices = play(
            count,
            spread,
            () => random.next().value,
            () => stall.next().value,
          );
          expect(slices.reduce((sum, { closed }) => sum + closed, 0)).toBe(count);
          const busiest = slices.map(({ at }) =>
            slices
              .filter((slice) => slice.at >= at && slice.at < at + spread / 10)
              .reduce((sum, { closed }) => sum + closed, 0),
          );
          expect(Math.max(...busiest)).toBeLessThanOrEqual((count / 10) * 1.5);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('D2: with no time, closes everybody immediately', () => {
    expect(new DrainPace(7, 0).slice(0)).toBe(7);
  });

  it('D2: with no connections, has nothing to do', () => {
    expect(new DrainPace(0, 0).slice(0)).toBe(0);
  });
});
