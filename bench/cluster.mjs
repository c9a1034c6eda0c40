#!/usr/bin/env node
// Measures the cost of a message from one node to another over NATS, and compares it with a message on one node.
//   npm run bench:cluster
import { parseArgs } from 'node:util';
import { MeasuredProcess } from './measured-process.mjs';
import { runLoad, startLoad } from './run-load.mjs';
import { median } from './statistics.mjs';

const USAGE = `Measures the cost of a message from one node to another over NATS, beside a message on one node.
Needs nats-server in the PATH.

Usage: npm run bench:cluster -- [--repeat N] [--program FILE]

--program measures another build, by its dist/main.js.

Goals, with 200 pairs and 8 messages in flight: the sender's node costs at most 1.4 times, and the receiver's node at
most 1.6 times, as much as one node for both. A node of a cluster that has both peers costs at most 1.3 times as much as
one without a cluster. p99 is below 10 ms at 5,000 messages per second. A topic on the bus takes at most 500 bytes of
heap. When 10,000 peers come at once, all are sent what another node has on their topics, within 10 s.`;
const MOST = { sender: 1.4, receiver: 1.6, both: 1.3, p99: 10, topic: 500, storm: 10 };
const TOPICS = { connections: 100, each: 500 };
const STORM = { peers: 10_000, patienceMs: 30_000 };
const ROOM =
  '--max-connections 12000 --max-connections-per-ip 0 --max-subscriptions 0 --records-per-source 20000'.split(' ');
const PAIRS = { pairs: 200, payloadBytes: 512, mask: 'zeros', warmUpMs: 1500, runMs: 4000 };

const { values } = parseArgs({
  options: {
    repeat: { type: 'string', default: '3' },
    program: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  },
});
if (values.help) {
  console.log(USAGE);
  process.exit(0);
}

const nats = await MeasuredProcess.nats();
const runs = [];
for (let i = 0; i < Number(values.repeat); i++) {
  const alone = await MeasuredProcess.server([], values.program);
  const local = await runLoad(alone, {
    load: 'across',
    inFlight: 8,
    ...PAIRS,
    far: { port: alone.port, pids: alone.pids },
  });
  await alone.stop();
  const flags = ['--nats-url', `nats://127.0.0.1:${nats.port}`];
  const [here, there] = [
    await MeasuredProcess.server(flags, values.program),
    await MeasuredProcess.server(flags, values.program),
  ];
  const far = { port: there.port, pids: there.pids };
  const apart = await runLoad(here, { load: 'across', inFlight: 8, ...PAIRS, far });
  const both = await runLoad(here, {
    load: 'across',
    inFlight: 8,
    ...PAIRS,
    far: { port: here.port, pids: here.pids },
  });
  const paced = await runLoad(here, { load: 'paced', rate: 5000, ...PAIRS, far });
  await here.stop();
  await there.stop();
  const topic = (await topicHeap(flags)) - (await topicHeap([]));
  const storm = await comeBack(flags);
  runs.push({
    topic,
    ...storm,
    local: local.sender,
    sender: apart.sender / local.sender,
    receiver: apart.receiver / local.sender,
    both: both.sender / local.sender,
    p50: paced.p50,
    p99: paced.p99,
  });
}
await nats.stop();

const figure = (name) => median(runs.map((run) => run[name]));
console.log(`one node     ${figure('local').toFixed(2)} us CPU per message`);
for (const name of ['sender', 'receiver']) {
  row(`${name}'s node`, `${figure(name).toFixed(2)} x that`, figure(name) <= MOST[name]);
}
row('both on one', `${figure('both').toFixed(2)} x that`, figure('both') <= MOST.both);
row('5,000/s', `${figure('p50').toFixed(2)} ms p50, ${figure('p99').toFixed(2)} ms p99`, figure('p99') < MOST.p99);
row('topic on the bus', `${figure('topic').toFixed(0)} bytes of heap`, figure('topic') <= MOST.topic);
const sent = Math.min(...runs.map((run) => run.sent));
const [connected, last] = ['connectedMs', 'lastMs'].map((name) => figure(name) / 1000);
row(
  'storm',
  `${sent} of ${STORM.peers} complete; connected after ${connected.toFixed(1)} s, the last complete after ${last.toFixed(1)} s`,
  sent === STORM.peers && last <= MOST.storm,
);

/** Heap of a server for each topic of its peers, with their subscriptions. */
async function topicHeap(flags) {
  const server = await MeasuredProcess.telling([...flags, ...ROOM], values.program);
  const before = await server.heap();
  const { child } = await startLoad(server, { load: 'topics', mask: 'zeros', ...TOPICS });
  const after = await server.heap();
  child.kill('SIGKILL');
  await server.stop();
  return (after - before) / (TOPICS.connections * TOPICS.each);
}

/** Peers come to a node all at once, and another node has a record for each. */
async function comeBack(flags) {
  const [target, far] = await Promise.all(
    [1, 2].map(() => MeasuredProcess.server([...flags, ...ROOM], values.program)),
  );
  const result = await runLoad(target, { load: 'storm', mask: 'zeros', far: { port: far.port }, ...STORM });
  await Promise.all([target.stop(), far.stop()]);
  return result;
}

function row(what, value, met) {
  console.log(`${what.padEnd(16)} ${value}: ${met ? 'met' : 'MISSED'}`);
}
