import { describe, expect, it } from '@jest/globals';
import { summarize } from '../../../bench/summary.mjs';

const CASE = {
  figure: { unit: 'us', value: (run: { cpu: number }) => run.cpu },
  also: [{ unit: 'ms p99', value: (run: { p99: number }) => run.p99 }],
};
const FLOOR = { label: 'floor' };
const SERVER = { label: 'v24.0.0', to: 'floor' };
const run = (cpu: number, p99 = 0): object => ({ cpu, p99 });

describe('what the runs of a case come to', () => {
  it('is for each column the median with how far the runs were apart, and the medians of the other figures', () => {
    expect(summarize(CASE, [FLOOR], { floor: [run(9, 3), run(4, 1), run(5, 2)] })).toEqual({
      unit: 'us',
      columns: { floor: { median: 5, min: 4, max: 9, also: [{ unit: 'ms p99', median: 2 }] } },
    });
  });

  it('has the ratio of each repetition by itself, so that a machine that slows down meanwhile does not matter', () => {
    const { columns } = summarize(CASE, [FLOOR, SERVER], {
      floor: [run(10), run(20), run(30)],
      'v24.0.0': [run(20), run(40), run(900)],
    });
    expect(columns['v24.0.0'].ratio).toEqual({ to: 'floor', median: 2, min: 2, max: 30 });
  });

  it('has no ratio where there is nothing to compare with', () => {
    expect(summarize(CASE, [FLOOR], { floor: [run(1)] }).columns['floor']).not.toHaveProperty('ratio');
  });
});
