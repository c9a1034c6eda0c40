#!/usr/bin/env node
// Simulates many nodes with many topics on real NATS servers, with the backplane of the built server: the figures of
// "One million connections" in docs/performance.md.
//   npm run bench:million
//   npm run bench:million -- --nodes 20 --topics 50000
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { NatsBackplane } from '../dist/backplane/nats-backplane.js';
import { SystemClock } from '../dist/clock/clock.js';
import { parseSettings } from '../dist/config/load-settings.js';
import { Logs } from '../dist/logging/log.js';
import { BackplaneCounts } from '../dist/metrics/backplane-counts.js';
import { encodeMessage } from '../dist/protocol/message.js';
import { given, millionArguments } from './arguments.mjs';
import { MeasuredNats } from './measured-nats.mjs';
import { percentile } from './statistics.mjs';

const USAGE = `Simulates nodes with topics on a cluster of two NATS servers: each node is the real backplane class, all in one process.

Usage: npm run bench:million -- [OPTIONS]

Options:
      --nodes N   Number of nodes, from 3 [default: 10]
      --topics N  Topics of each node [default: 5000]
  -h, --help      Print this help

A million topics (--nodes 20 --topics 50000) take 4 GB of memory and two minutes.
All nodes begin on the first NATS server. Memory is what each server grew by for each topic. Then a node ends, and its
topics come to the others all at once, each of which asks for records. Then the first NATS server is killed.`;
/** Topics that a node sends off before it waits. */
const TOGETHER = 1000;
const RELAYS = 1000;
/** Time for garbage to go, and for a quiet bus to be counted. */
const SETTLE_MS = 5000;
const QUIET_MS = 12_000;
/** Most that anything here may take. */
const LATE_MS = 300_000;

const { nodes: count, topics: each } = given('bench:million', USAGE, millionArguments);
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');
const logs = new Logs({ format: 'json', destination: { write: () => undefined } });

const first = await MeasuredNats.start({ cluster: true });
const second = await MeasuredNats.start({ cluster: true, others: [first] });
const nodes = [];
for (let i = 0; i < count; i++) {
  const counts = new BackplaneCounts();
  const settings = parseSettings({ natsUrl: first.url });
  const bus = await NatsBackplane.join({ settings, clock: new SystemClock(), counts, log: logs.for('bus') });
  const topics = Array.from({ length: each }, () => randomBytes(32).toString('hex'));
  const node = { bus, counts, topics, arrived: new Map(), recoveredAt: 0 };
  bus.listen((topic) => node.arrived.get(topic)?.(performance.now()));
  bus.respond(() => Buffer.from('[]'));
  bus.onRecovery(() => (node.recoveredAt = performance.now()));
  nodes.push(node);
}
const total = count * each;
say('nodes, topics', `${number(count)}, ${number(total)}`);

const heap = await settled();
const before = { first: first.residentBytes, second: second.residentBytes };
const subscribing = performance.now();
await Promise.all(nodes.map((node) => inParts(node.topics, (topic) => node.bus.subscribe(topic))));
const took = performance.now() - subscribing;
say('subscribing', `${number(total / (took / 1000))} topics a second, all confirmed after ${seconds(took)}`);
await until(async () => (await second.figures()).subscriptions >= total);
say('a topic on its node', `${number(((await settled()) - heap) / total)} bytes of heap`);
say('a topic at its NATS', `${number((first.residentBytes - before.first) / total)} bytes`);
say('at another NATS', `${number((second.residentBytes - before.second) / total)} bytes`);
say('NATS servers', `${megabytes(first.residentBytes)}, ${megabytes(second.residentBytes)}`);

const quiet = await first.figures();
await pause(QUIET_MS);
const later = await first.figures();
const rate = (what) => (later[what] - quiet[what]) / (QUIET_MS / 1000);
say('nodes in silence', `${number(rate('in_bytes'))} bytes a second to NATS, ${number(rate('out_bytes'))} from it`);
say('nodes known to each', [...new Set(nodes.map(({ bus }) => bus.nodes.others.size))].join(', '));

await relays('relays');

// A node ends, and its peers come to the others, all at once. One of the others has a record for each topic.
const dead = nodes.pop();
await dead.bus.onApplicationShutdown();
await Promise.all(
  nodes.map((node, i) =>
    inParts(
      dead.topics.filter((_topic, t) => t % nodes.length === i),
      (topic) => node.bus.offer(topic),
    ),
  ),
);
const back = performance.now();
const asked = await Promise.all(
  dead.topics.map(async (topic, t) => {
    const { bus } = nodes[(t + 1) % nodes.length];
    await bus.subscribe(topic);
    return (await bus.ask(topic))?.length ?? 0;
  }),
);
const found = asked.filter((answers) => answers > 0).length;
say(
  'after a node died',
  `${number(found)} of ${number(each)} found what others had, in ${seconds(performance.now() - back)}`,
);

const killed = performance.now();
for (const node of nodes) node.recoveredAt = 0;
await first.kill();
await until(() => nodes.every(({ bus, recoveredAt }) => bus.state === 'up' && recoveredAt > 0));
const recovered = nodes.map(({ recoveredAt }) => recoveredAt - killed).toSorted((a, b) => a - b);
say(
  'after a NATS died',
  `first node whole after ${seconds(recovered[0])}, the last after ${seconds(recovered.at(-1))}`,
);
say(
  'the other NATS',
  `${megabytes(second.residentBytes)}, ${number((await second.figures()).subscriptions)} subscriptions`,
);
await relays('relays, then');
say('dropped', number(nodes.reduce((sum, { counts }) => sum + counts.questionsDropped + counts.dropped.slow, 0)));
process.exit(0);

/** Relays from node to node, one after the other, and says how long they take. */
async function relays(what) {
  const times = [];
  for (let i = 0; i < RELAYS; i++) {
    const from = nodes[i % nodes.length];
    const to = nodes[(i + 1) % nodes.length];
    const topic = to.topics[i % each];
    const message = encodeMessage({ kind: 'Relay', topic, payload: randomBytes(512) });
    const sent = performance.now();
    const arrives = new Promise((resolve) => to.arrived.set(topic, resolve));
    from.bus.publish(topic, message);
    times.push((await Promise.race([arrives, pause(LATE_MS, 'lost', { ref: false })])) - sent);
    to.arrived.delete(topic);
  }
  times.sort((a, b) => a - b);
  const [p50, p99] = [0.5, 0.99].map((part) => percentile(times, part).toFixed(2));
  say(what, `${number(RELAYS)} of 512 bytes, one at a time: p50 ${p50} ms, p99 ${p99} ms`);
}

/** Calls `act` for each item, some at a time, and waits for each. */
async function inParts(items, act) {
  for (let i = 0; i < items.length; i += TOGETHER) {
    await Promise.all(items.slice(i, i + TOGETHER).map(async (item) => act(item)));
  }
}

/** Heap of this process, once garbage is gone. */
async function settled() {
  await pause(SETTLE_MS);
  collect();
  return process.memoryUsage().heapUsed;
}

async function until(holds) {
  const deadline = performance.now() + LATE_MS;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not after ${LATE_MS / 1000} s: ${holds}`);
    await pause(20);
  }
}

function say(what, figure) {
  console.log(`${what.padEnd(20)} ${figure}`);
}

function number(figure) {
  return Math.round(figure).toLocaleString('en');
}

function seconds(milliseconds) {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

function megabytes(bytes) {
  return `${number(bytes / 1e6)} MB`;
}
