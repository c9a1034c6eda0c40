import { describe, expect, it } from '@jest/globals';
import { parsePromql } from '../../support/deploy/promql.js';

const bare = { matchers: [], range: undefined, calls: [], grouped: [] };

describe('parsePromql', () => {
  it.each([
    ['up', [{ ...bare, metric: 'up' }]],
    ['-up', [{ ...bare, metric: 'up' }]],
    ['a:b:c', [{ ...bare, metric: 'a:b:c' }]],
    ['x{}', [{ ...bare, metric: 'x' }]],
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
    ['rate(x[5m])', [{ ...bare, metric: 'x', range: '5m', calls: ['rate'] }]],
    ['rate(x[1h30m])', [{ ...bare, metric: 'x', range: '1h30m', calls: ['rate'] }]],
    [
      'rate(x{a="$b"}[$__rate_interval])',
      [
        {
          ...bare,
          metric: 'x',
          matchers: [{ label: 'a', operator: '=', value: '$b' }],
          range: '$__rate_interval',
          calls: ['rate'],
        },
      ],
    ],
    [
      'x > 1 and y{} # of z',
      [
        { ...bare, metric: 'x' },
        { ...bare, metric: 'y' },
      ],
    ],
    [
      '(x) / (y + 1.5e-3) * 86400',
      [
        { ...bare, metric: 'x' },
        { ...bare, metric: 'y' },
      ],
    ],
    ['x - time()', [{ ...bare, metric: 'x' }]],
    ['x > bool 1', [{ ...bare, metric: 'x' }]],
    ['sum(x)', [{ ...bare, metric: 'x', calls: ['sum'] }]],
    ['sum without (a) (x)', [{ ...bare, metric: 'x', calls: ['sum'], grouped: ['a'] }]],
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
          range: '30m',
          calls: ['histogram_quantile', 'sum', 'rate'],
          grouped: ['job', 'le'],
        },
      ],
    ],
  ])('finds what selects series in: %s', (expression, selectors) => {
    expect(parsePromql(expression).selectors).toEqual(selectors);
  });

  it('tells what operators match on', () => {
    expect(parsePromql('x * on (a, b) group_left (c) y').matched).toEqual(['a', 'b', 'c']);
    expect(parsePromql('x unless ignoring (a) y').matched).toEqual(['a']);
    expect(parsePromql('x * on (a) group_left y').matched).toEqual(['a']);
    expect(parsePromql('x * on () (y)').matched).toEqual([]);
  });

  it('tells what aggregations keep', () => {
    expect(parsePromql('rate(x[5m])').kept).toBeUndefined();
    expect(parsePromql('sum(x)').kept).toEqual([]);
    expect(parsePromql('max without (a) (x)').kept).toEqual([]);
    expect(parsePromql('sum by (a) (x) / sum by (b) (y)').kept).toEqual(['a', 'b']);
  });

  it.each([
    ['', /a metric, a function or a number expected, not "the end"/],
    ['x y', /an operator expected, not "y"/],
    ['x > ', /expected, not "the end"/],
    ['(x', /\) expected/],
    ['x)', /an operator expected/],
    ['sum(x) by (a)', /an operator expected, not "by"/],
    ['sum by (a (x)', /\) expected/],
    ['sum by ("a") (x)', /a label expected/],
    ['x{a=b}', /a value in quotes expected/],
    ['x{a>"b"}', /> is no matcher/],
    ['x{a="b" c="d"}', /} expected/],
    ['x{a="b"', /} expected/],
    ['{a="b"}', /a metric, a function/],
    ['x{a="b}', /not understood: "b}/],
    ['x[5 m]', /5 m is no duration/],
    ['x[5m', /not understood/],
    ['x[5m:1m]', /no duration/],
    ['x[$interval]', /no duration/],
    ['x offset 5m', /not understood: 5m/],
    ['rates(x[5m])', /no function rates/],
    ['5mx', /not understood/],
    ['x; y', /not understood: ; y/],
    ["x{a='b'}", /not understood/],
  ])('refuses: %s', (expression, fault) => {
    expect(() => parsePromql(expression)).toThrow(fault);
  });
});
