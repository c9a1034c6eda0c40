import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { compare, majorOf, updated } from '../../../bench/baseline.mjs';
import { COUNTED } from '../../../bench/counted-steps.mjs';
import { imageMajor } from '../../../bench/figures.mjs';

const means = (figures: Record<string, number>): Record<string, { mean: number }> =>
  Object.fromEntries(Object.entries(figures).map(([name, mean]) => [name, { mean }]));

describe('comparing instructions with the baseline', () => {
  it('holds while they are fewer, the same, or more by no more than 3 %', () => {
    const verdicts = compare('instructions', { a: 1000, b: 1000, c: 1000 }, means({ a: 500, b: 1000, c: 1029 }));
    expect(verdicts.map(({ holds }) => holds)).toEqual([true, true, true]);
  });

  it('fails only the case that takes more, and says by how much', () => {
    expect(compare('instructions', { relay: 20_000, connect: 1e6 }, means({ relay: 21_000, connect: 1e6 }))).toEqual([
      { name: 'relay', holds: false, says: '21,000 instructions, baseline 20,000 (+5.0 %)' },
      { name: 'connect', holds: true, says: '1,000,000 instructions, baseline 1,000,000 (+0.0 %)' },
    ]);
  });

  it('says how much better a case is, so that the baseline can follow', () => {
    expect(compare('instructions', { relay: 20_000 }, means({ relay: 15_000 }))[0].says).toBe(
      '15,000 instructions, baseline 20,000 (-25.0 %)',
    );
  });

  it('fails a case that has no baseline, and a baseline that was not measured', () => {
    expect(compare('instructions', { gone: 1 }, means({ added: 1 }))).toEqual([
      { name: 'gone', holds: false, says: 'was not measured' },
      { name: 'added', holds: false, says: '1 instructions, without a baseline: run with --update' },
    ]);
  });
});

describe('comparing ratios with the baseline', () => {
  it.each([
    ['holds where the ratio may be as before', { mean: 2.5, from: 1.9, to: 3.2 }, true],
    ['holds where it may be within the tolerance of 10 %', { mean: 2.5, from: 2.19, to: 2.8 }, true],
    ['fails where it is surely worse', { mean: 2.5, from: 2.21, to: 2.8 }, false],
    ['holds where it is surely better', { mean: 1.5, from: 1.4, to: 1.6 }, true],
  ])('%s', (_title, measured, holds) => {
    expect(compare('ratios', { paced: 2 }, { paced: measured })[0].holds).toBe(holds);
  });

  it('says how sure it is', () => {
    expect(compare('ratios', { paced: 2 }, { paced: { mean: 2.5, from: 1.9, to: 3.2 } })[0].says).toBe(
      '2.50 x floor (1.90 to 3.20), baseline 2.00 (+25.0 %)',
    );
  });
});

describe('the baseline', () => {
  it('is for all releases of a major version of Node', () => {
    expect([majorOf('v24.21.0'), majorOf('v26.0.0-nightly #2')]).toEqual(['24', '26']);
  });

  it('can be updated for one Node and one way, and keeps the others', () => {
    const before = { instructions: { 20: { relay: 5 }, 24: { relay: 4, gone: 1 } }, ratios: { 24: { paced: 2 } } };
    expect(updated(before, 'instructions', '24', { relay: { mean: 3.4 } })).toEqual({
      instructions: { 20: { relay: 5 }, 24: { relay: 3 } },
      ratios: { 24: { paced: 2 } },
    });
    expect(updated({}, 'ratios', '24', { paced: { mean: 2.345 } })).toEqual({ ratios: { 24: { paced: 2.35 } } });
  });

  it('has every case for the Node of the image, and no other case', () => {
    const { instructions } = JSON.parse(
      readFileSync(new URL('../../../bench/baseline.json', import.meta.url), 'utf8'),
    ) as { instructions: Record<string, Record<string, number>> };
    expect(Object.keys(instructions)).toContain(imageMajor(readFileSync('Dockerfile', 'utf8')));
    for (const figures of Object.values(instructions)) {
      expect(Object.keys(figures).toSorted()).toEqual(Object.keys(COUNTED).toSorted());
      expect(Object.values(figures).every((count) => count > 0)).toBe(true);
    }
  });
});
