// Writes what the bench measured into docs/performance.md: the tables between its marks, and a chart.
import { CURVE } from './cases.mjs';
import { costChart } from './cost-chart.mjs';
import { figure } from './table.mjs';

/** The label of the reference where it is measured too: --beside reference=PATH. */
const REFERENCE = 'reference';
/** What the reference is said to cost where it is not, from other machines. Ratios are to the floor in the same run. */
const PUBLISHED = {
  pair1: { text: '1.71' },
  pair8: { text: '1.46' },
  paced: { text: '1.91, p99 1.4 ms', ratio: 1.91, id: 'curve-5k' },
  fanout: { text: '2.13' },
  idle: { text: '20.8 KB' },
  connect: { text: '66 us' },
};

const TITLES = {
  pair1: 'ping-pong, 1 in flight, 200 pairs',
  pair8: 'ping-pong, 8 in flight',
  paced: '5,000 messages a second',
  fanout: 'fan-out, 1 to 1,000',
  'pair1-64k': 'ping-pong, 65,000 bytes',
  'paced-10k': '5,000 messages a second, 10,000 connections',
  idle: 'an idle connection with a topic',
  connect: 'connect and subscribe',
  churn: 'connect, subscribe and leave',
  'churn-many': 'the same while 100,000 topics are held',
  start: 'start until it listens',
  'tls-pair8': 'ping-pong over TLS, 8 in flight',
  'tls-connect': 'connect over TLS and subscribe',
  'tls-resumed': 'the same with a resumed session',
  'tls-idle': 'an idle connection over TLS',
  'pair8-v2': 'ping-pong over cairn-signal.v2, 8 in flight',
  'pair8-receipts': 'the same with an Ack for each Relay',
  'fanout-v2': 'fan-out over cairn-signal.v2, with `from`',
  'idle-v2': 'an idle connection of cairn-signal.v2',
  presence: 'a member that leaves and joins, all of 8 look',
  json: 'JSON: publish and query',
};
const TABLES = {
  relaying: ['pair1', 'pair8', 'paced', 'fanout', 'pair1-64k', 'paced-10k'],
  connecting: ['idle', 'connect', 'churn', 'churn-many', 'start'],
  tls: ['tls-pair8', 'tls-connect', 'tls-resumed', 'tls-idle'],
  dialects: ['pair8-v2', 'pair8-receipts', 'fanout-v2', 'idle-v2', 'presence', 'json'],
};
/** Part of what is measured at the most that one should plan with: the rest is for other work, and for bad moments. */
const PLANNED = 3;
const PER_SECOND = 1e6;

/**
 * The page with other tables: everything between `<!-- figures: NAME -->` and `<!-- end -->` is made anew.
 * @param {string} page
 * @param {Results} results
 * @param {string} major of the Node that the image has
 *
 * @typedef {{ measured: string, cores: number, nodes: string[], repeat: number, quick: boolean,
 *   cases: Record<string, import('./summary.mjs').Summary> }} Results what `npm run bench -- --json` writes
 */
export function renderPerformance(page, results, major) {
  const node = imageNode(results, major);
  const made = {
    machine: () => machine(results, node),
    capacity: () => capacity(results, node),
    load: () => loads(results, node),
    ...Object.fromEntries(Object.entries(TABLES).map(([name, cases]) => [name, () => comparison(results, cases)])),
  };
  return page.replaceAll(/(<!-- figures: (.*?) -->\n)[^]*?(<!-- end -->)/g, (_all, mark, name, end) => {
    if (!Object.hasOwn(made, name)) throw new Error(`docs/performance.md: there are no figures ${name}`);
    return `${mark}${made[name]()}\n${end}`;
  });
}

/**
 * The chart of cost against load.
 * @param {Results} results
 * @param {string} major of the Node that the image has
 */
export function renderChart(results, major) {
  const node = imageNode(results, major);
  const line = (label, name, more = {}) => ({
    name,
    points: Object.entries(CURVE).map(([id, rate]) => [rate, column(results, id, label).median]),
    ...more,
  });
  const { ratio, id } = PUBLISHED.paced;
  const published = {
    name: `reference, published: ${ratio} x floor`,
    points: [[CURVE[id], ratio * column(results, id, 'floor').median]],
  };
  const measured = Object.keys(CURVE).every((name) => caseOf(results, name).columns[REFERENCE] !== undefined);
  const lines = [
    line('floor', 'floor: C and epoll', { dashes: '6 4' }),
    line(`ws on ${node}`, 'bare ws'),
    line(node, `this server, Node ${node.slice(1).split('.', 1)[0]}`),
    measured ? line(REFERENCE, 'reference, in Rust') : published,
  ];
  const told = lines.map(
    ({ name, points }) =>
      `${name}: ${points.map(([rate, cost]) => `${figure(cost)} us at ${rate.toLocaleString('en')} a second`).join(', ')}.`,
  );
  return costChart({
    title: 'CPU of a relayed message, by load',
    description: told.join(' '),
    unit: 'microseconds of CPU per message of 512 bytes',
    load: 'messages per second, 200 pairs',
    lines,
  });
}

/** The major version of Node that the image has. */
export function imageMajor(/** @type {string} */ dockerfile) {
  return /^FROM \S+ node:(\d+)-/m.exec(dockerfile)[1];
}

/** The measured Node that the image has, else the last. */
function imageNode({ nodes }, /** @type {string} */ major) {
  return nodes.find((label) => label.startsWith(`v${major}.`)) ?? nodes.at(-1);
}

function machine({ measured, cores, nodes, repeat, quick }, node) {
  const short = quick ? ' **These were short runs, to try the tools: do not quote them.**' : '';
  const versions = nodes.map((label) => label.slice(1)).join(', ');
  return (
    `Measured on ${measured}, on ${cores} cores, with Node ${versions}, all in one run; medians of ${repeat}. Where only ` +
    `one Node is shown, it is ${node.slice(1)}.${short}`
  );
}

/** How much one core does. */
function capacity(results, node) {
  const rate = (name) => PER_SECOND / column(results, name, node).median;
  const most = (value) => whole(value, 2);
  const plan = (value) => whole(value / PLANNED, 1);
  const row = (what, value) => [what, most(value), plan(value)];
  const idle = column(results, 'idle', node).median;
  const { also } = column(results, 'start', node);
  const started = also.find(({ unit }) => unit === 'MB').median;
  return markdown(
    ['one core, per second', 'at most', 'plan with'],
    [
      row('messages, busy pairs', rate('pair8')),
      row('messages, each by itself', rate('curve-20k')),
      row('deliveries, fan-out', rate('fanout')),
      row('new connections', rate('connect')),
      row('new connections over TLS', rate('tls-connect')),
    ],
  ).concat(
    `\n\nMemory: ${figure(started)} MB once it listens, ${figure(idle * 10)} MB for 10,000 idle connections with a topic each` +
      ` (${figure(column(results, 'tls-idle', node).median * 10)} MB over TLS).`,
  );
}

/** What a steady load costs, and how late its messages are. */
function loads(results, node) {
  const rows = Object.entries(CURVE).map(([name, rate]) => {
    const { median, also } = column(results, name, node);
    const [p50, p99] = also.map((latency) => `${figure(latency.median)} ms`);
    return [rate.toLocaleString('en'), `${((median * rate) / 1e4).toFixed(0)} %`, `${figure(median)} us`, p50, p99];
  });
  return markdown(['messages a second', 'of a core', 'CPU of a message', 'p50', 'p99'], rows);
}

/** Cases in rows, and Nodes in columns. In brackets is the ratio to what is compared with. */
function comparison(results, names) {
  const measured = names.some((name) => caseOf(results, name).columns[REFERENCE] !== undefined);
  const published = !measured && names.some((name) => name in PUBLISHED);
  const rows = names.map((name) => {
    const { unit, columns } = caseOf(results, name);
    const short = unit.split(' ', 1)[0];
    const labels = measured ? [REFERENCE, ...results.nodes] : results.nodes;
    const cells = labels.map((label) => {
      // The reference does not know all cases.
      if (label === REFERENCE && columns[label] === undefined) return '';
      const { median, ratio, also } = column(results, name, label);
      const compared = ratio === undefined ? '' : `**${ratio.median.toFixed(2)}** `;
      const cost = `${figure(median)} ${short}`;
      const latency = also.find((other) => other.unit === 'ms p99');
      const p99 = latency === undefined ? '' : `, p99 ${figure(latency.median)} ms`;
      return compared === '' ? `${cost}${p99}` : `${compared}(${cost}${p99})`;
    });
    const to = results.nodes.map((label) => columns[label].ratio?.to).find((label) => label !== undefined);
    const beside = to === undefined ? '' : `${to.split(' on ', 1)[0]}: ${figure(columns[to].median)} ${short}`;
    return [`${TITLES[name]} (\`${name}\`)`, beside, ...(published ? [PUBLISHED[name]?.text ?? ''] : []), ...cells];
  });
  const reference = [...(published ? ['reference, published'] : []), ...(measured ? [REFERENCE] : [])];
  return markdown(['', 'beside', ...reference, ...results.nodes.map((label) => `Node ${label.slice(1)}`)], rows);
}

function caseOf({ cases }, /** @type {string} */ name) {
  if (!Object.hasOwn(cases, name)) throw new Error(`docs/figures/bench.json: the case ${name} was not measured`);
  return cases[name];
}

function column(results, /** @type {string} */ name, /** @type {string} */ label) {
  const found = caseOf(results, name).columns[label];
  if (found === undefined) throw new Error(`docs/figures/bench.json: ${name} was not measured for ${label}`);
  return found;
}

/** A number with so many digits that say something. */
function whole(/** @type {number} */ value, /** @type {number} */ digits) {
  return Number(value.toPrecision(digits)).toLocaleString('en');
}

function markdown(/** @type {readonly string[]} */ head, /** @type {readonly (readonly string[])[]} */ rows) {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
