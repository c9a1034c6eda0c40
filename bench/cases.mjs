// The cases. `order` is what the load does, and `quick` how --quick shortens it. `beside` is what the server is
// compared with (v1: the same over v1), `figure` the figure to compare, and `also` other figures worth a look.

const BYTES_PER_KILOBYTE = 1000;
const pairs = { pairs: 200, payloadBytes: 512, warmUpMs: 1000, runMs: 4000 };
const quickPairs = { warmUpMs: 300, runMs: 1000 };
const cpu = (of) => ({ unit: `us CPU per ${of}`, value: ({ cpuMicroseconds }) => cpuMicroseconds });
const throughput = { unit: 'messages/s', value: ({ perSecond }) => perSecond };
const p50 = { unit: 'ms p50', value: (run) => run.p50 };
const p99 = { unit: 'ms p99', value: (run) => run.p99 };

/** Pairs over cairn-signal.v2, with so many messages in flight. */
function overV2(inFlight, more = {}) {
  return {
    order: { load: 'pingPong', v2: true, inFlight, ...more, ...pairs },
    quick: quickPairs,
    figure: cpu('message'),
    also: [throughput],
  };
}

export const CASES = {
  pair1: {
    order: { load: 'pingPong', inFlight: 1, ...pairs },
    quick: quickPairs,
    beside: 'floor',
    figure: cpu('message'),
    also: [throughput],
  },
  pair8: {
    order: { load: 'pingPong', inFlight: 8, ...pairs },
    quick: quickPairs,
    beside: 'floor',
    figure: cpu('message'),
    also: [throughput],
  },
  paced: {
    order: { load: 'paced', rate: 5000, ...pairs },
    quick: quickPairs,
    beside: 'floor',
    figure: cpu('message'),
    also: [p50, p99],
  },
  fanout: {
    order: { load: 'fanOut', subscribers: 1000, payloadBytes: 512, warmUp: 50, messages: 400 },
    quick: { warmUp: 20, messages: 100 },
    beside: 'floor',
    figure: cpu('delivery'),
    also: [p50, p99],
  },
  idle: {
    order: { load: 'arrivals', warmUp: 50, connections: 8000, settleMs: 2000 },
    quick: { connections: 2000, settleMs: 1000 },
    beside: 'ws',
    figure: { unit: 'KB per connection', value: ({ bytes }) => bytes / BYTES_PER_KILOBYTE },
    also: [],
  },
  connect: {
    order: { load: 'arrivals', warmUp: 1500, connections: 6000, settleMs: 500 },
    quick: { warmUp: 500, connections: 1500 },
    beside: 'ws',
    figure: cpu('connection'),
    also: [],
  },
  churn: {
    order: { load: 'churn', topics: 2000, warmUp: 1000, cycles: 3000 },
    quick: { warmUp: 300, cycles: 700 },
    figure: cpu('cycle'),
    also: [],
  },
  'pair8-v2': { ...overV2(8), beside: 'v1' },
  'pair8-receipts': { ...overV2(8, { receipts: true }), beside: 'v1' },
  'fanout-v2': {
    order: { load: 'fanOut', v2: true, subscribers: 1000, member: true, payloadBytes: 512, warmUp: 50, messages: 400 },
    quick: { warmUp: 20, messages: 100 },
    beside: 'v1',
    figure: cpu('delivery'),
    also: [p50, p99],
  },
  'idle-v2': {
    order: { load: 'arrivals', v2: true, warmUp: 50, connections: 8000, settleMs: 2000 },
    quick: { connections: 2000, settleMs: 1000 },
    beside: 'v1',
    figure: { unit: 'KB per connection', value: ({ bytes }) => bytes / BYTES_PER_KILOBYTE },
    also: [],
  },
  'churn-many': {
    order: { load: 'churn', topics: 100_000, warmUp: 1000, cycles: 3000 },
    quick: { warmUp: 300, cycles: 700 },
    figure: cpu('cycle'),
    also: [],
  },
};

export const NAMES = Object.keys(CASES);
/** The cases that show how far the server is from the cost of the kernel alone. */
export const RATIO_NAMES = NAMES.filter((name) => CASES[name].beside === 'floor');
