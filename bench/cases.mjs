// The cases. `order` is what the load does, and `quick` how --quick shortens it. `beside` is what the server is compared
// with: the floor; bare ws; or v1, the same over v1. Ratios are to the first. `figure` is the figure to compare, and
// `also` are others worth a look. `flags` are further settings of the server. `ours` is what other servers do not know.

const BYTES_PER_KILOBYTE = 1000;
const BYTES_PER_MEGABYTE = 1e6;
const TLS = 'tls-';
const pairs = { pairs: 200, payloadBytes: 512, warmUpMs: 1000, runMs: 4000 };
const quickPairs = { warmUpMs: 300, runMs: 1000 };
const cpu = (of) => ({ unit: `us CPU per ${of}`, value: ({ cpuMicroseconds }) => cpuMicroseconds });
const throughput = { unit: 'messages/s', value: ({ perSecond }) => perSecond };
const p50 = { unit: 'ms p50', value: (run) => run.p50 };
const p99 = { unit: 'ms p99', value: (run) => run.p99 };
const memory = { unit: 'KB per connection', value: ({ bytes }) => bytes / BYTES_PER_KILOBYTE };
const counted = { unit: 'connections', value: ({ connections }) => connections };

/** Pairs that play ping-pong, with so many messages in flight. */
function pingPong(inFlight, more = {}) {
  return {
    order: { load: 'pingPong', inFlight, ...pairs, ...more },
    quick: quickPairs,
    beside: ['floor'],
    figure: cpu('message'),
    also: [throughput],
  };
}

/** Messages at a steady rate. */
function paced(rate, more = {}) {
  return {
    order: { load: 'paced', rate, ...pairs, ...more },
    quick: quickPairs,
    beside: ['floor'],
    figure: cpu('message'),
    also: [p50, p99],
  };
}

/** The same with peers of cairn-signal.v2. */
function overV2(measuredCase, more = {}) {
  return { ...measuredCase, order: { ...measuredCase.order, v2: true, ...more }, beside: ['v1'], ours: true };
}

/** The same over TLS. */
function overTls(measuredCase, more = {}) {
  const { order, beside = [] } = measuredCase;
  return {
    ...measuredCase,
    order: { ...order, tls: true, ...more },
    beside: beside.includes('v1') ? beside : ['floor'],
  };
}

const fanout = {
  order: { load: 'fanOut', subscribers: 1000, payloadBytes: 512, warmUp: 50, messages: 400 },
  quick: { warmUp: 20, messages: 100 },
  beside: ['floor'],
  figure: cpu('delivery'),
  also: [p50, p99],
};
const idle = {
  order: { load: 'arrivals', warmUp: 50, connections: 8000, settleMs: 2000 },
  quick: { connections: 2000, settleMs: 1000 },
  beside: ['ws'],
  figure: memory,
  also: [],
};
const connect = {
  order: { load: 'arrivals', warmUp: 1500, connections: 6000, settleMs: 500 },
  quick: { warmUp: 500, connections: 1500 },
  beside: ['ws'],
  figure: cpu('connection'),
  also: [],
};

/** Messages a second of the cases that draw how cost grows with load. */
export const CURVE = Object.fromEntries(
  [1, 2, 5, 10, 20, 40].map((thousands) => [`curve-${thousands}k`, thousands * 1000]),
);

export const CASES = {
  pair1: pingPong(1),
  pair8: pingPong(8),
  paced: paced(5000),
  fanout,
  idle,
  connect,
  churn: {
    order: { load: 'churn', topics: 2000, warmUp: 1000, cycles: 3000 },
    quick: { warmUp: 300, cycles: 700 },
    beside: [],
    figure: cpu('cycle'),
    also: [],
  },
  'pair8-v2': overV2(pingPong(8)),
  'pair8-receipts': overV2(pingPong(8), { receipts: true }),
  'fanout-v2': overV2(fanout, { member: true }),
  'idle-v2': overV2(idle),
  presence: overV2({
    order: { load: 'membership', topics: 50, members: 8, rate: 1000, warmUpMs: 1000, runMs: 4000 },
    quick: quickPairs,
    figure: cpu('cycle'),
    also: [],
  }),
  json: {
    order: { load: 'records', peers: 100, payloadBytes: 256, warmUpMs: 1000, runMs: 4000 },
    quick: quickPairs,
    beside: ['ws'],
    figure: cpu('message'),
    also: [throughput],
    ours: true,
  },
  'pair1-64k': pingPong(1, { pairs: 50, payloadBytes: 65_000 }),
  'paced-10k': paced(5000, { pairs: 5000 }),
  start: {
    order: { load: 'start' },
    quick: {},
    beside: ['ws'],
    figure: { unit: 'ms until it listens', value: ({ ms }) => ms },
    also: [
      { unit: 'ms CPU', value: ({ cpuMicroseconds }) => cpuMicroseconds / 1000 },
      { unit: 'MB', value: ({ bytes }) => bytes / BYTES_PER_MEGABYTE },
    ],
  },
  'churn-many': {
    order: { load: 'churn', topics: 100_000, warmUp: 1000, cycles: 3000 },
    quick: { warmUp: 300, cycles: 700 },
    beside: [],
    figure: cpu('cycle'),
    also: [],
  },
  'tls-pair8': overTls(pingPong(8)),
  'tls-connect': overTls(connect),
  'tls-resumed': overTls(connect, { resumed: true }),
  'tls-idle': overTls({ ...idle, also: [counted] }, { connections: 20_000 }),
  ...Object.fromEntries(
    Object.entries(CURVE).map(([name, rate]) => [name, { ...paced(rate), beside: ['floor', 'ws'] }]),
  ),
};

export const NAMES = Object.keys(CASES);
/** Names for several cases. */
export const GROUPS = {
  tls: NAMES.filter((name) => name.startsWith(TLS)),
  curve: Object.keys(CURVE),
};
/** The cases that show how far the server is from the cost of the kernel alone. */
export const RATIO_NAMES = ['pair1', 'pair8', 'paced', 'fanout'];

/** The name of the same case over TLS. */
export const nameOverTls = (/** @type {string} */ name) => (name.startsWith(TLS) ? name : TLS + name);

/** The case of a name, also of one that is only there over TLS because `nameOverTls` says so. */
export const caseNamed = (/** @type {string} */ name) => CASES[name] ?? overTls(CASES[name.slice(TLS.length)]);
