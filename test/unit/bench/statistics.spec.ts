import { describe, expect, it } from '@jest/globals';
import { confidence, median, midmean, percentile } from '../../../bench/statistics.mjs';

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

describe('the middle of runs', () => {
  it.each([
    [[7], 7],
    [[1, 3], 2],
    [[900, 3, 4, 0], 3.5],
    [[1, 2, 3, 4, 5, 6, 7, 8, 9000], 5],
  ])('of %j is %d', (numbers, middle) => {
    expect(midmean(numbers)).toBe(middle);
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

describe('the confidence interval of ratios', () => {
  it('is a point where all are the same', () => {
    const { from, mean, to } = confidence([2, 2, 2]);
    expect([from, mean, to].map((value) => value.toFixed(9))).toEqual(['2.000000000', '2.000000000', '2.000000000']);
  });

  it('is that of Student around the geometric mean', () => {
    // The logarithms are -1, 0 and 1: mean 0, standard error 1 / sqrt(3), and t is 4.30.
    const { from, mean, to } = confidence([1 / Math.E, 1, Math.E]);
    expect(mean).toBeCloseTo(1, 9);
    expect(Math.log(to)).toBeCloseTo(4.3 / Math.sqrt(3), 9);
    expect(Math.log(from)).toBeCloseTo(-4.3 / Math.sqrt(3), 9);
  });

  it('is everything where there is one ratio only', () => {
    expect(confidence([2])).toEqual({ from: 0, mean: 2, to: Infinity });
  });

  it('is still there for many', () => {
    const { from, to } = confidence(Array.from({ length: 50 }, (_, i) => 2 + (i % 2) / 10));
    expect([from > 2, to < 2.1]).toEqual([true, true]);
  });
});
