import { describe, expect, it } from '@jest/globals';
import { median, percentile } from '../../../bench/statistics.mjs';

describe('the median of runs', () => {
  it.each([
    [[7], 7],
    [[9, 1, 5], 5],
    [[10, 9, 100], 10],
    [[4, 1, 2, 3], 2.5],
  ])('of %j is %d', (numbers, middle) => {
    expect(median(numbers)).toBe(middle);
  });

  it('leaves the runs in their order', () => {
    const runs = [3, 1, 2];
    median(runs);
    expect(runs).toEqual([3, 1, 2]);
  });
});

describe('a percentile of latencies', () => {
  const hundred = Array.from({ length: 100 }, (_, i) => i + 1);

  it.each([
    [0, 1],
    [0.5, 50],
    [0.99, 99],
    [0.991, 100],
    [1, 100],
  ])('%d of 1 to 100 is %d', (part, latency) => {
    expect(percentile(hundred, part)).toBe(latency);
  });

  it('of one latency is that latency', () => {
    expect([percentile([8], 0.5), percentile([8], 0.99)]).toEqual([8, 8]);
  });
});
