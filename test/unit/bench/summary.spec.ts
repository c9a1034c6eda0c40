import { describe, expect, it } from '@jest/globals';
import { summarize } from '../../../bench/summary.mjs';

const CASE = {
  figure: { unit: 'us', value: (run: { cpu: number }) => run.cpu },
  also: [{ unit: 'ms p99', value: (run: { p99: number }) => run.p99 }],
};
const run = (cpu: number, p99 = 0): object => ({ cpu, p99 });

describe('what the runs of a case come to', () => {
  it('is the median with how far the runs were apart', () => {
    const { unit, server } = summarize(CASE, { server: [run(9), run(4), run(5)], beside: [] });
    expect([unit, server]).toEqual(['us', { median: 5, min: 4, max: 9 }]);
  });

  it('has the medians of the other figures of the server', () => {
    const { also } = summarize(CASE, {
      server: [run(1, 3), run(1, 1), run(1, 2)],
      beside: [run(1, 50), run(1, 50), run(1, 50)],
    });
    expect(also).toEqual([{ unit: 'ms p99', median: 2 }]);
  });

  it('has the ratio of each repetition by itself, so that a machine that slows down meanwhile does not matter', () => {
    const { ratio, beside } = summarize(CASE, {
      server: [run(20), run(40), run(900)],
      beside: [run(10), run(20), run(30)],
    });
    expect([ratio, beside]).toEqual([2, { median: 20, min: 10, max: 30 }]);
  });

  it('has no ratio when nothing ran beside the server', () => {
    const summary = summarize(CASE, { server: [run(1)], beside: [] });
    expect(summary).not.toHaveProperty('ratio');
    expect(summary).not.toHaveProperty('beside');
  });
});
