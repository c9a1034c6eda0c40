import { describe, expect, it } from '@jest/globals';
import { readPromql } from '../../support/deploy/promql.js';

const bare = { matchers: [], calls: [], grouped: [] };

describe('readPromql', () => {
  it.each([
    ['-up', [{ ...bare, metric: 'up' }]],
    [
      'x{job="a", code!~"1|2",}',
      [
        {
          ...bare,
          metric: 'x',
          matchers: [
            { label: 'job', operator: '=', value: 'a' },
            { label: 'code', operator: '!~', value: '1|2' },
          ],
        },
      ],
    ],
    [
      'x{a="rate(y[5m]) } # \\" b"}',
      [{ ...bare, metric: 'x', matchers: [{ label: 'a', operator: '=', value: 'rate(y[5m]) } # " b' }] }],
    ],
    [
      'rate(x{a="$b"}[$__rate_interval]) + y',
      [
        { ...bare, metric: 'x', matchers: [{ label: 'a', operator: '=', value: '$b' }], calls: ['rate'] },
        { ...bare, metric: 'y' },
      ],
    ],
    ['increase(x[$__range])', [{ ...bare, metric: 'x', calls: ['increase'] }]],
    [
      'x > 1 and y{} # of z',
      [
        { ...bare, metric: 'x' },
        { ...bare, metric: 'y' },
      ],
    ],
    ['x - time()', [{ ...bare, metric: 'x' }]],
    ['sum without (a) (x)', [{ ...bare, metric: 'x', calls: ['sum'], grouped: ['a'] }]],
    ['sum (x) by (a)', [{ ...bare, metric: 'x', calls: ['sum'], grouped: ['a'] }]],
    [
      'topk(5, sum by (a, b) (x)) > y',
      [
        { ...bare, metric: 'x', calls: ['topk', 'sum'], grouped: ['a', 'b'] },
        { ...bare, metric: 'y' },
      ],
    ],
    [
      'histogram_quantile(0.95, sum by (job, le) (rate(x_bucket[30m])))',
      [
        {
          ...bare,
          metric: 'x_bucket',
          calls: ['histogram_quantile', 'sum', 'rate'],
          grouped: ['job', 'le'],
        },
      ],
    ],
  ])('finds what selects series in: %s', (expression, selectors) => {
    expect(readPromql(expression).selectors).toEqual(selectors);
  });

  it('tells what operators match on', () => {
    expect(readPromql('x * on (a, b) group_left (c) y').matched).toEqual(['a', 'b', 'c']);
    expect(readPromql('x unless ignoring (a) y').matched).toEqual(['a']);
    expect(readPromql('x * on (a) group_left y').matched).toEqual(['a']);
    expect(readPromql('x * on () (y)').matched).toEqual([]);
  });

  it('tells what aggregations keep', () => {
    expect(readPromql('rate(x[5m])').kept).toBeUndefined();
    expect(readPromql('sum(x)').kept).toEqual([]);
    expect(readPromql('max without (a) (x)').kept).toEqual([]);
    expect(readPromql('sum by (a) (x) / sum(y) by (b)').kept).toEqual(['a', 'b']);
  });

  it.each([
    ['', /not PromQL at "the end"/],
    ['x y', /not PromQL at "y"/],
    ['(x', /not PromQL at "the end"/],
    ['x{a=b}', /not PromQL at "b}"/],
    ['rates(x[5m])', /not PromQL at "\(x/],
    ['rate(x[$interval])', /not PromQL at "\$interval/],
    ['rate(x[$__rate_interval]) y', /not PromQL at "y"/],
    ['{a="b"}', /no metric is named at "{a="b"}"/],
    ['x{"a"="b"}', /a label in quotes at ""a"="b"}"/],
  ])('refuses: %s', (expression, fault) => {
    expect(() => readPromql(expression)).toThrow(fault);
  });
});
