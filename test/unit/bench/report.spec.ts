import { describe, expect, it } from '@jest/globals';
import { report, unquiet } from '../../../bench/report.mjs';
import { figure, table } from '../../../bench/table.mjs';

const spread = (median: number): { median: number; min: number; max: number } => ({
  median,
  min: median - 1,
  max: median + 1,
});

describe('a table', () => {
  it('aligns words to the left and numbers to the right, without spaces at the ends of lines', () => {
    expect(
      table(
        ['name', 'n', 'note'],
        [
          ['a', '1', ''],
          ['longer', '1,000', 'x'],
        ],
      ),
    ).toBe(['name         n   note', 'a            1', 'longer   1,000   x'].join('\n'));
  });

  it('has its head when there are no rows', () => {
    expect(table(['name', 'note'], [])).toBe('name   note');
  });
});

describe('a figure', () => {
  it.each([
    [0, '0.00'],
    [1.257, '1.26'],
    [20.91, '20.9'],
    [256.7, '257'],
    [148_326.4, '148,326'],
  ])('%d is written %s', (value, written) => {
    expect(figure(value)).toBe(written);
  });
});

describe('the report', () => {
  it('has a line for each column of each case, with its ratio', () => {
    const ratio = { to: 'floor', median: 1.5, min: 1.25, max: 2 };
    const summaries = {
      pair1: {
        unit: 'us',
        columns: {
          floor: { ...spread(4), also: [] },
          'v24.0.0': { ...spread(6), ratio, also: [{ unit: 'messages/s', median: 150_000 }] },
        },
      },
      churn: { unit: 'us', columns: { 'v24.0.0': { ...spread(300), also: [] } } },
    };
    expect(report(summaries).split('\n')).toEqual([
      'case    figure   of        median   lowest   highest   ratio   from     to   also',
      'pair1   us       floor       4.00     3.00      5.00',
      '                 v24.0.0     6.00     5.00      7.00    1.50   1.25   2.00   150,000 messages/s',
      'churn   us       v24.0.0      300      299       301',
    ]);
  });
});

describe('a machine that is not quiet', () => {
  const pair1 = (label: string, median: number): Parameters<typeof unquiet>[0] => ({
    pair1: { unit: 'us', columns: { [label]: { ...spread(median), also: [] } } },
  });

  it('is told by a floor above 6 us a message in pair1', () => {
    expect(unquiet(pair1('floor', 6.01))).toMatch(
      /^warning: the machine is not quiet: the floor costs 6\.01 us per message in pair1/,
    );
  });

  it('is not suspected at 6 us, nor where pair1 or the floor did not run', () => {
    expect([unquiet(pair1('floor', 6)), unquiet({}), unquiet(pair1('v24.0.0', 9))]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});
