import { beforeEach, describe, expect, it } from '@jest/globals';
import { Holdings } from '../../../src/transport/holdings.js';

describe('holdings', () => {
  let tally: { total: number };
  let given: string[];
  /** What a holder keeps after it was told to give up. */
  let left: number;

  function holdings(limit: number): Holdings<string> {
    const all: Holdings<string> = new Holdings(limit, tally, (holder) => {
      given.push(holder);
      all.note(holder, Math.min(left, all.of(holder)));
    });
    return all;
  }

  beforeEach(() => {
    tally = { total: 0 };
    given = [];
    left = 0;
  });

  it('L3, L15: the limit may be reached; at one byte more the largest holders give up, and only as many as needed', () => {
    const all = holdings(1000);
    all.note('a', 300);
    all.note('b', 500);
    all.note('c', 200);
    expect([given, all.total]).toEqual([[], 1000]);
    all.note('c', 201);
    expect([given, all.total, tally.total]).toEqual([['b'], 501, 501]);
  });

  it('L3, L15: holders give up until a tenth of the limit is free, so that the next byte does not start it again', () => {
    const all = holdings(1000);
    for (let i = 0; i < 100; i++) all.note(`${i}`, 10);
    all.note('last', 1);
    expect(given).toHaveLength(11);
    expect(all.total).toBeLessThanOrEqual(900);
  });

  it('L3, L15: what a holder cannot give up immediately still counts', () => {
    const all = holdings(1000);
    left = 850;
    all.note('a', 900);
    all.note('b', 200);
    expect([given, all.total]).toEqual([['a', 'b'], 1050]);
    // It ends a moment later.
    all.note('a', 0);
    expect(all.total).toBe(200);
  });

  it('L3, L15: released memory does not count', () => {
    const all = holdings(1000);
    all.note('a', 900);
    all.note('a', 100);
    all.note('b', 900);
    expect([given, all.total, all.of('a'), all.of('nobody')]).toEqual([[], 1000, 100, 0]);
  });

  it('L3, L15: nobody gives up when a holder holds less than before, whatever the total', () => {
    const all = holdings(1000);
    left = 1200;
    all.note('a', 1300);
    given = [];
    all.note('a', 1100);
    expect(given).toEqual([]);
  });

  it('L3, L15: 0 is no limit', () => {
    holdings(0).note('a', 1e12);
    expect(given).toEqual([]);
  });
});
