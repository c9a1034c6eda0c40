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
    // What stays is within the limit, once "a" has ended.
    expect([given, all.total]).toEqual([['a'], 1050]);
    all.note('a', 0);
    expect(all.total).toBe(200);
    // It is another one from then on.
    all.note('a', 801);
    expect(given).toEqual(['a', 'a']);
  });

  it('L3, L15: where nothing is free before holders end, a tenth of them give up, each once', () => {
    const all = holdings(10_000);
    left = Infinity;
    for (let i = 0; i < 1000; i++) all.note(`${i}`, 10);
    expect(given).toEqual([]);
    for (let i = 0; i < 100; i++) all.note('last', i + 1);
    expect(given.length).toBeGreaterThanOrEqual(100);
    expect(given.length).toBeLessThan(110);
    expect(new Set(given).size).toBe(given.length);
  });

  it('L3, L15: those that gave up are told again before others give up, so that they cannot take their time', () => {
    const all = holdings(1000);
    left = Infinity;
    all.note('a', 600);
    all.note('b', 500);
    expect(given).toEqual(['a']);
    left = 0;
    all.note('c', 501);
    expect([given, all.total]).toEqual([['a', 'a', 'c'], 500]);
  });

  it('L3, L15: one that ends because another gives up is not counted as leaving for ever', () => {
    const all: Holdings<string> = new Holdings(1000, tally, (holder) => {
      given.push(holder);
      all.note('a', 0);
      all.note('b', 0);
    });
    all.note('a', 500);
    all.note('b', 501);
    expect([given, all.total]).toEqual([['b'], 0]);
    all.note('a', 1001);
    expect([given, all.total]).toEqual([['b', 'a'], 0]);
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
