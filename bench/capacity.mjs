#!/usr/bin/env node
// Measures what one server does in containers of several sizes. Needs the right to make cgroups.
//   npm run bench:capacity -- --quick
//   npm run bench:capacity -- --node PATH-OF-NODE-24 --json bench/capacity.json && npm run docs
import { writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { capacityArguments, given } from './arguments.mjs';
import { capacityTable } from './capacity-page.mjs';
import { highest, roomFor, SIZES } from './capacity-plan.mjs';
import { atTheEnd } from './child-processes.mjs';
import { Container } from './container.mjs';
import { filesFor, idlePlan } from './idle-plan.mjs';
import { MeasuredProcess } from './measured-process.mjs';
import { measuredNodes } from './nodes.mjs';
import { openFilesLimit, raiseOpenFiles } from './open-files.mjs';
import { runLoad, startLoad } from './run-load.mjs';

/** A relay counts as late beyond this: the objective of docs/operations.md. */
const LATE_MS = 10;
const LOWEST_RATE = 250;
/** More than one load process sends. */
const HIGHEST_RATE = 64_000;
const PAIRS = 200;
const PAYLOAD_BYTES = 512;
/** Connections to measure the memory of one by; a small container does not hold so many. */
const MOST_IDLE = 15_000;
const QUICK_IDLE = 2000;
const IDLE_PER_MIB = 30;
const ARRIVALS_PER_MIB = 16;
const FLAGS = ['--max-connections', '1000000', '--max-connections-per-ip', '0'];

const USAGE = `Measures what one server does in containers of several sizes (cgroups): idle connections,
arrivals, relays that are not late (p99 below ${LATE_MS} ms), and fan-out.

Usage: npm run bench:capacity -- [OPTIONS]

Options:
      --node PATH      Node to start the server with; the image ships Node 24 [default: this one]
      --only MIB,...   Some sizes, by their memory [default: ${SIZES.map(({ memoryMiB }) => memoryMiB).join(',')}]
      --repeat N       Runs of each measurement; the best counts [default: 3]
      --quick          Two minutes: does everything work?
      --json FILE      Writes the figures; "npm run docs" makes docs/capacity.md of bench/capacity.json
  -h, --help           Print this help`;

const options = given('bench:capacity', USAGE, (args) => {
  const wanted = capacityArguments(args, SIZES);
  return { ...wanted, nodes: wanted.help ? [] : measuredNodes(wanted.node === undefined ? [] : [wanted.node]) };
});
const [{ path: node, label }] = options.nodes;
const runs = options.repeat;
const times = options.quick ? { warmUpMs: 300, runMs: 1000 } : { warmUpMs: 1000, runMs: 4000 };
raiseOpenFiles(filesFor(MOST_IDLE));

const sizes = [];
for (const size of options.only) {
  console.error(`${size.name} ...`);
  sizes.push(await measure(size));
}
const result = {
  node: label,
  machine: `${cpus()[0].model.trim()}, ${cpus().length} processors, Linux ${release().split('.', 2).join('.')}`,
  date: new Date().toISOString().slice(0, 10),
  lateMs: LATE_MS,
  payloadBytes: PAYLOAD_BYTES,
  repeat: runs,
  quick: options.quick,
  sizes,
};
if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(result, undefined, 2)}\n`);
console.log(JSON.stringify(result, undefined, 2));
console.log(capacityTable(result));

async function measure(size) {
  const { name, memoryMiB, cpus: processors, oldSpaceMiB } = size;
  return {
    name,
    memoryMiB,
    cpus: processors,
    oldSpaceMiB,
    idle: await within(size, idleIn, 'telling'),
    arrivals: await within(size, arrivalsIn),
    relays: await within(size, relaysIn),
    fanOut: await within(size, fanOutIn),
  };
}

/** Runs a server of its own for one measurement, in a container of that size. */
async function within(size, work, kind = 'server') {
  const container = new Container(size);
  atTheEnd(() => container.remove());
  const wrapper = [...container.wrapper, 'env', `NODE_OPTIONS=--max-old-space-size=${size.oldSpaceMiB}`];
  const server = await MeasuredProcess[kind](FLAGS, undefined, { node, wrapper });
  try {
    return await work(size, server, container);
  } finally {
    await server.stop();
    container.remove();
  }
}

/** Fills a part of the container with idle connections, and calculates from that how many it holds. */
async function idleIn(size, server, container) {
  await runLoad(server, { load: 'arrivals', mask: 'zeros', warmUp: 50, connections: 500, settleMs: 1000 });
  const memory = async () => ({ heap: await server.heap(), workingSet: container.workingSet });
  const empty = await memory();
  const plan = idlePlan({
    connections: Math.min(options.quick ? QUICK_IDLE : MOST_IDLE, IDLE_PER_MIB * size.memoryMiB),
    others: 0,
    mostFiles: openFilesLimit(),
  });
  const holders = [];
  for (const part of plan) holders.push((await startLoad(server, { load: 'hold', mask: 'zeros', ...part })).child);
  const measured = plan.reduce((sum, { connections }) => sum + connections, 0);
  const filled = { connections: measured, ...(await memory()) };
  // A holder exits as soon as one of its connections ends.
  if (holders.some(({ exitCode }) => exitCode !== null)) throw new Error('idle connections ended during the run');
  for (const holder of holders) holder.kill('SIGKILL');
  const bytes = Math.round((filled.workingSet - empty.workingSet) / measured);
  return { measured, bytes, connections: roomFor(size, empty, filled) };
}

async function arrivalsIn({ memoryMiB }, server) {
  const connections = Math.min(options.quick ? 500 : 6000, ARRIVALS_PER_MIB * memoryMiB);
  const order = { load: 'arrivals', mask: 'zeros', warmUp: Math.round(connections / 4), connections, settleMs: 500 };
  const { perSecond, cpuMicroseconds } = await best(server, order, (one, other) => one.perSecond > other.perSecond);
  return { perSecond, cpuMicroseconds };
}

async function relaysIn(_size, server) {
  const order = { load: 'paced', mask: 'zeros', pairs: PAIRS, payloadBytes: PAYLOAD_BYTES, ...times };
  const found = new Map();
  const perSecond = await highest(
    async (rate) => {
      const { p99, cpuMicroseconds } = await best(server, { ...order, rate }, faster);
      found.set(rate, { p99, cpuMicroseconds });
      console.error(`  ${rate} relays/s: p99 ${p99.toFixed(2)} ms`);
      return p99 < LATE_MS;
    },
    LOWEST_RATE,
    HIGHEST_RATE,
  );
  return { perSecond, least: LOWEST_RATE, most: HIGHEST_RATE, ...found.get(perSecond) };
}

async function fanOutIn({ subscribers }, server) {
  const counts = options.quick ? { warmUp: 5, messages: 20 } : { warmUp: 50, messages: 400 };
  const order = { load: 'fanOut', mask: 'zeros', subscribers, payloadBytes: PAYLOAD_BYTES, ...counts };
  const { p50, p99, cpuMicroseconds } = await best(server, order, faster);
  return { subscribers, perSecond: (subscribers * 1000) / p50, p50, p99, cpuMicroseconds };
}

function faster(one, other) {
  return one.p99 < other.p99;
}

/** The best of several runs: neighbours on the machine only ever make one worse. */
async function best(server, order, isBetter) {
  let found = await runLoad(server, order);
  for (let run = 1; run < runs; run++) {
    const next = await runLoad(server, order);
    if (isBetter(next, found)) found = next;
  }
  return found;
}
