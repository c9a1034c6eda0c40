import { MeasuredProcess } from './measured-process.mjs';

/**
 * One program that a case measures. `to` is the label of the column that its ratio is to.
 * @typedef {{ label: string, to?: string, order: object, start: () => Promise<MeasuredProcess> }} Column
 * @typedef {{ path: string, label: string }} Node
 */

/**
 * The columns of a case, in the order in which each repetition measures them: what to compare with, and the server on
 * each Node. The floor is the same for all Nodes. Bare ws, and the server with peers of v1, run on each Node right before
 * the server does. Without a `floor` program, there is no such column.
 * @param {{ order: object, quick: object, beside?: string | undefined }} measuredCase
 * @param {{ nodes: readonly Node[], quick: boolean, mask: string, cores: { server: readonly string[] } }} options
 * @param {string | undefined} floor
 * @returns {Column[]}
 */
export function columnsOf({ order: full, quick: shorter, beside }, { nodes, quick, mask, cores }, floor) {
  const order = { ...full, ...(quick ? shorter : {}), mask };
  const wrapper = cores.server;
  const first = { label: 'floor', order, start: () => MeasuredProcess.floor(floor, { wrapper }) };
  const hasFloor = beside === 'floor' && floor !== undefined;
  return [...(hasFloor ? [first] : []), ...nodes.flatMap(onNode)];

  function onNode({ path: node, label }) {
    const start = () => MeasuredProcess.server([], undefined, { node, wrapper });
    const before = {
      ws: { label: `ws on ${label}`, order, start: () => MeasuredProcess.bareWs({ node, wrapper }) },
      v1: { label: `v1 on ${label}`, order: { ...order, v2: false, receipts: false }, start },
    }[beside];
    const server = { label, to: hasFloor ? first.label : before?.label, order, start };
    return before === undefined ? [server] : [before, server];
  }
}
