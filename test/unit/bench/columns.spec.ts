import { describe, expect, it } from '@jest/globals';
import { columnsOf } from '../../../bench/columns.mjs';
import { ANY_CORE } from '../../../bench/cores.mjs';

const nodes = ['v24.0.0', 'v26.0.0'].map((label) => ({ path: 'node', label }));
const options = { nodes, quick: false, mask: 'zeros', cores: ANY_CORE };
const order = { load: 'pingPong', v2: true, receipts: true, runMs: 4000, warmUpMs: 1000 };
const columns = (beside: string | undefined, floor?: string, more = {}): ReturnType<typeof columnsOf> =>
  columnsOf({ order, quick: { runMs: 10 }, beside }, { ...options, ...more }, floor);
const labels = (...args: Parameters<typeof columns>): (string | undefined)[][] =>
  columns(...args).map(({ label, to }) => (to === undefined ? [label] : [label, to]));

describe('the columns of a case', () => {
  it('are the floor once, and then the server on each Node', () => {
    expect(labels('floor', 'floor')).toEqual([['floor'], ['v24.0.0', 'floor'], ['v26.0.0', 'floor']]);
  });

  it.each(['ws', 'v1'])('are %s on each Node, right before the server on it', (beside) => {
    expect(labels(beside, 'floor')).toEqual([
      [`${beside} on v24.0.0`],
      ['v24.0.0', `${beside} on v24.0.0`],
      [`${beside} on v26.0.0`],
      ['v26.0.0', `${beside} on v26.0.0`],
    ]);
  });

  it('are the server alone without a floor, or with nothing to compare with', () => {
    expect([labels('floor'), labels(undefined, 'floor')]).toEqual([
      [['v24.0.0'], ['v26.0.0']],
      [['v24.0.0'], ['v26.0.0']],
    ]);
  });

  it('get the same order, except that peers of v1 speak v1', () => {
    const [v1, v2] = columns('v1');
    expect(v2.order).toEqual({ ...order, mask: 'zeros' });
    expect(v1.order).toEqual({ ...order, mask: 'zeros', v2: false, receipts: false });
  });

  it('have a shorter order when it is to be quick', () => {
    expect(columns('floor', 'floor', { quick: true }).map((column) => column.order)).toEqual(
      Array.from({ length: 3 }, () => ({ ...order, runMs: 10, mask: 'zeros' })),
    );
  });
});
