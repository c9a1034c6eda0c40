import { BehindHaproxy } from './behind-haproxy.mjs';
import { filesFor } from './idle-plan.mjs';
import { MeasuredProcess } from './measured-process.mjs';

/**
 * One program that a case measures. `to` is the label of the column that its ratio is to.
 * @typedef {{ label: string, to?: string, order: Order, start: () => Promise<Target> }} Column
 * @typedef {{ port: number, pids: readonly number[], stop: () => Promise<void> }} Target
 * @typedef {{ tls?: boolean, connections?: number, warmUp?: number, [others: string]: unknown }} Order
 * @typedef {{ path: string, label: string }} Node
 * @typedef {{ name: string, program: string, onNode: boolean }} Other another server; `onNode`: one that Node runs
 * @typedef {{ cert: string, key: string, both: string }} Certificate
 */

/**
 * The columns of a case, in the order in which each repetition measures them: what to compare with, and the server on
 * each Node. The floor and other programs are the same for all Nodes. Bare ws, and the server with peers of v1, run on
 * each Node right before the server does. Without a `floor` program, there is no such column.
 * @param {{ order: Order, quick: Partial<Order>, beside: readonly string[], flags?: readonly string[], ours?: boolean }} measured
 * @param {{ nodes: readonly Node[], others: readonly Other[], quick: boolean, mask: string,
 *   cores: { server: readonly string[] } }} options
 * @param {{ floor?: string | undefined, certificate?: Certificate | undefined, mostFiles: number }} means
 * @returns {Column[]}
 */
export function columnsOf(measured, { nodes, others, quick, mask, cores }, { floor, certificate, mostFiles }) {
  const { beside, ours = false } = measured;
  const order = fitting({ ...measured.order, ...(quick ? measured.quick : {}), mask }, mostFiles);
  const wrapper = cores.server;
  const secret = order.tls ? certificate : undefined;
  const flags = secret === undefined ? [] : ['--tls-cert', secret.cert, '--tls-key', secret.key];

  const columns = [];
  if (beside.includes('floor') && floor !== undefined) columns.push(floorColumn());
  for (const { name, program, onNode } of others) {
    if (onNode || ours) continue;
    columns.push({ label: name, order, start: () => MeasuredProcess.other(program, flags, { wrapper }) });
  }
  columns.push(...nodes.flatMap(columnsOn));
  return columns.map((column) => ({ ...column, to: comparedWith(column) }));

  function floorColumn() {
    const start = () => MeasuredProcess.floor(floor, { wrapper });
    if (secret === undefined) return { label: 'floor', order, start };
    // Each connection has two ends in HAProxy.
    return {
      label: 'HAProxy and floor',
      order: fitting(order, mostFiles / 2),
      start: async () => BehindHaproxy.started(await start(), secret, { wrapper }),
    };
  }

  function columnsOn({ path: node, label }) {
    const server = (program) => () => MeasuredProcess.server(flags, program, { node, wrapper });
    const before = {
      ws: { label: `ws on ${label}`, order, start: () => MeasuredProcess.bareWs(secret, { node, wrapper }) },
      v1: { label: `v1 on ${label}`, order: { ...order, v2: false, receipts: false }, start: server() },
    };
    const builds = others.filter(({ onNode }) => onNode);
    return [
      ...beside.filter((name) => name !== 'floor').map((name) => before[name]),
      ...builds.map(({ name, program }) => ({ label: `${name} on ${label}`, order, start: server(program) })),
      { label, order, start: server() },
    ].map((column) => ({ ...column, on: label }));
  }

  /** The first that the case names and that is there. It may be on another Node. */
  function comparedWith({ label, on = nodes[0].label }) {
    const candidates = beside.flatMap((name) =>
      name === 'floor' ? ['floor', 'HAProxy and floor'] : [`${name} on ${on}`],
    );
    const to = candidates.find((candidate) => columns.some((column) => column.label === candidate));
    return to === label ? undefined : to;
  }
}

/** The same order with no more connections than a process may open files. */
function fitting(order, mostFiles) {
  if (order.connections === undefined) return order;
  return { ...order, connections: Math.min(order.connections, Math.floor(mostFiles - filesFor(order.warmUp))) };
}
