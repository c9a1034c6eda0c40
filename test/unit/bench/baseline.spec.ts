import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { compare } from '../../../bench/baseline.mjs';
import { RATIO_NAMES } from '../../../bench/cases.mjs';

describe('comparing ratios with the baseline', () => {
  it('holds while a ratio is better, the same, or worse by no more than 15 %', () => {
    const verdicts = compare({ pair1: 2, pair8: 2, paced: 2 }, { pair1: 1, pair8: 2, paced: 2.29 });
    expect(verdicts.map(({ holds }) => holds)).toEqual([true, true, true]);
  });

  it('fails only the case that is worse by more, and says by how much', () => {
    expect(compare({ pair1: 2, pair8: 1 }, { pair1: 2.4, pair8: 1 })).toEqual([
      { name: 'pair1', holds: false, says: '2.40 x floor, baseline 2.00 (+20 %)' },
      { name: 'pair8', holds: true, says: '1.00 x floor, baseline 1.00 (+0 %)' },
    ]);
  });

  it('says how much better a ratio is, so that the baseline can follow', () => {
    expect(compare({ paced: 2 }, { paced: 1.5 })[0].says).toBe('1.50 x floor, baseline 2.00 (-25 %)');
  });

  it('fails a case that has no baseline, and a baseline that was not measured', () => {
    expect(compare({ gone: 1 }, { added: 1 })).toEqual([
      { name: 'gone', holds: false, says: 'was not measured' },
      { name: 'added', holds: false, says: '1.00 x floor, without a baseline: run with --update' },
    ]);
  });

  it('has a baseline for every case that is measured beside the floor, and no other', () => {
    const baseline = JSON.parse(
      readFileSync(new URL('../../../bench/baseline.json', import.meta.url), 'utf8'),
    ) as Record<string, number>;
    expect(Object.keys(baseline)).toEqual(RATIO_NAMES);
    expect(Object.values(baseline).every((ratio) => ratio > 0)).toBe(true);
  });
});
