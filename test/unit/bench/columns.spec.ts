import { describe, expect, it } from '@jest/globals';
import { CASES, caseNamed } from '../../../bench/cases.mjs';
import { columnsOf } from '../../../bench/columns.mjs';
import { ANY_CORE } from '../../../bench/cores.mjs';

type Case = Parameters<typeof columnsOf>[0];
type Means = Parameters<typeof columnsOf>[2];
const nodes = ['v24.0.0', 'v26.0.0'].map((label) => ({ path: 'node', label }));
const options = { nodes, others: [], quick: false, mask: 'zeros', cores: ANY_CORE };
const order = { load: 'pingPong', v2: true, receipts: true, runMs: 4000 };
const certificate = { cert: 'cert.pem', key: 'key.pem', both: 'both.pem' };
const means = { floor: 'floor', certificate, mostFiles: 20_000 };
const columns = (
  measured: Partial<Case>,
  more: Partial<Parameters<typeof columnsOf>[1]> = {},
  other: Partial<Means> = {},
): ReturnType<typeof columnsOf> =>
  columnsOf({ order, quick: { runMs: 10 }, beside: [], ...measured }, { ...options, ...more }, { ...means, ...other });
const labels = (...args: Parameters<typeof columns>): (string | undefined)[][] =>
  columns(...args).map(({ label, to }) => (to === undefined ? [label] : [label, to]));

describe('the columns of a case', () => {
  it('are the floor once, and then the server on each Node', () => {
    expect(labels({ beside: ['floor'] })).toEqual([['floor'], ['v24.0.0', 'floor'], ['v26.0.0', 'floor']]);
  });

  it.each(['ws', 'v1'])('are %s on each Node, right before the server on it', (beside) => {
    expect(labels({ beside: [beside] })).toEqual([
      [`${beside} on v24.0.0`],
      ['v24.0.0', `${beside} on v24.0.0`],
      [`${beside} on v26.0.0`],
      ['v26.0.0', `${beside} on v26.0.0`],
    ]);
  });

  it('are compared with the first that a case names, and with the next where that is missing', () => {
    const both = { beside: ['floor', 'ws'] };
    expect([labels(both, { nodes: nodes.slice(0, 1) }), labels(both, {}, { floor: undefined })]).toEqual([
      [['floor'], ['ws on v24.0.0', 'floor'], ['v24.0.0', 'floor']],
      [['ws on v24.0.0'], ['v24.0.0', 'ws on v24.0.0'], ['ws on v26.0.0'], ['v26.0.0', 'ws on v26.0.0']],
    ]);
  });

  it('are the server alone without a floor, or with nothing to compare with', () => {
    expect([labels({ beside: ['floor'] }, {}, { floor: undefined }), labels({})]).toEqual([
      [['v24.0.0'], ['v26.0.0']],
      [['v24.0.0'], ['v26.0.0']],
    ]);
  });

  it('are HAProxy in front of the floor for a case over TLS, with half the connections, since each has two ends', () => {
    const idle = columns({ beside: ['floor'], order: { tls: true, warmUp: 50, connections: 20_000 } });
    expect(idle.map(({ label, to, order: { connections } }) => [label, to, connections])).toEqual([
      ['HAProxy and floor', undefined, 9822],
      ['v24.0.0', 'HAProxy and floor', 19_822],
      ['v26.0.0', 'HAProxy and floor', 19_822],
    ]);
  });

  it('have as many connections as the case says where that many files may be opened', () => {
    const [{ order: given }] = columns({ order: { warmUp: 50, connections: 8000 } });
    expect(given.connections).toBe(8000);
  });

  it('are other servers too: once if they are programs, and on each Node if Node runs them', () => {
    const others = [
      { name: 'before', program: '/before/main.js', onNode: true },
      { name: 'reference', program: '/reference', onNode: false },
    ];
    expect(labels({ beside: ['floor'] }, { others })).toEqual([
      ['floor'],
      ['reference', 'floor'],
      ['before on v24.0.0', 'floor'],
      ['v24.0.0', 'floor'],
      ['before on v26.0.0', 'floor'],
      ['v26.0.0', 'floor'],
    ]);
    expect(labels({ beside: ['ws'], ours: true }, { others, nodes: nodes.slice(0, 1) })).toEqual([
      ['ws on v24.0.0'],
      ['before on v24.0.0', 'ws on v24.0.0'],
      ['v24.0.0', 'ws on v24.0.0'],
    ]);
  });

  it('get the same order, except that peers of v1 speak v1', () => {
    const [v1, v2] = columns({ beside: ['v1'] });
    expect(v2.order).toEqual({ ...order, mask: 'zeros' });
    expect(v1.order).toEqual({ ...order, mask: 'zeros', v2: false, receipts: false });
  });

  it('have a shorter order when it is to be quick', () => {
    expect(columns({}, { quick: true }).map((column) => column.order)).toEqual(
      nodes.map(() => ({ ...order, runMs: 10, mask: 'zeros' })),
    );
  });
});

describe('the cases', () => {
  it.each(Object.entries(CASES))('%s is compared with what there is', (_name, { beside }) => {
    expect(['floor', 'ws', 'v1']).toEqual(expect.arrayContaining(beside));
  });

  it('are also there over TLS, beside HAProxy in front of the floor', () => {
    expect(caseNamed('tls-churn')).toEqual({
      ...CASES.churn,
      order: { ...CASES.churn.order, tls: true },
      beside: ['floor'],
    });
    expect(caseNamed('tls-pair8-v2').beside).toEqual(['v1']);
  });
});
