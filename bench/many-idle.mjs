#!/usr/bin/env node
// Checks that one server holds very many idle peers in little memory, and is still quick for active peers.
//   npm run bench:idle
//   npm run bench:idle -- --connections 20000 --seconds 60
import { given, idleArguments } from './arguments.mjs';
import { filesFor, idlePlan } from './idle-plan.mjs';
import { MeasuredProcess } from './measured-process.mjs';
import { openFilesLimit, raiseOpenFiles } from './open-files.mjs';
import { peakResidentBytes, residentBytes } from './process-usage.mjs';
import { runLoad, startLoad } from './run-load.mjs';

const PAIRS = 50;
const RATE = 1000;
const WARM_UP_MS = 2000;
const MOST_MEGABYTES = 512;
const MOST_MILLISECONDS = 20;
const BYTES_PER_MEGABYTE = 1e6;

const USAGE = `Opens idle connections with a topic each, and ${PAIRS} pairs that relay ${RATE} messages per second.

Usage: npm run bench:idle -- [OPTIONS]

Options:
      --connections N  Number of idle connections [default: 50000]
      --seconds N      How long the pairs relay; pings begin after 25 s [default: 30]
  -h, --help           Print this help

Goals: the server stays below ${MOST_MEGABYTES} MB, and p99 of the relays below ${MOST_MILLISECONDS} ms.
Exit codes: 0 goals met, 1 goals missed, 2 faults in the arguments, 3 fewer connections fit than requested.`;

const { connections: asked, seconds } = given('bench:idle', USAGE, idleArguments);
const others = 2 * PAIRS;
const refused = raiseOpenFiles(filesFor(asked + others));
const plan = idlePlan({ connections: asked, others, mostFiles: openFilesLimit() });
const held = plan.reduce((sum, { connections }) => sum + connections, 0);
if (held < asked) tellHowToRaise();
if (held === 0) process.exit(3);

const server = await MeasuredProcess.server(['--max-connections', String(held + others)]);
const empty = residentBytes(server.pids);
const holders = [];
for (const part of plan) {
  console.error(`connecting ${part.connections.toLocaleString('en')} from ${part.localAddresses.join(', ')} ...`);
  holders.push((await startLoad(server, { load: 'hold', mask: 'zeros', ...part })).child);
}
console.error(`relaying for ${seconds} s ...`);
const relays = {
  load: 'paced',
  mask: 'zeros',
  pairs: PAIRS,
  payloadBytes: 512,
  rate: RATE,
  warmUpMs: WARM_UP_MS,
  runMs: seconds * 1000,
};
const { p50, p99, max, cpuMicroseconds } = await runLoad(server, relays);
// A holder exits as soon as one of its connections ends.
if (holders.some(({ exitCode }) => exitCode !== null)) throw new Error('idle connections ended during the run');

const peak = peakResidentBytes(server.pid) / BYTES_PER_MEGABYTE;
const now = residentBytes(server.pids);
const memoryMet = peak < MOST_MEGABYTES;
const latencyMet = p99 < MOST_MILLISECONDS;
row(
  'idle connections',
  held < asked ? `${held.toLocaleString('en')} of ${asked.toLocaleString('en')}` : held.toLocaleString('en'),
);
row(
  'server memory',
  `${megabytes(now)} now, ${peak.toFixed(0)} MB at most; goal: below ${MOST_MEGABYTES} MB`,
  memoryMet,
);
row('per connection', `${((now - empty) / held / 1000).toFixed(1)} KB`);
const latencies = `p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms, slowest ${max.toFixed(1)} ms`;
row('relays', `${latencies}; goal: p99 below ${MOST_MILLISECONDS} ms`, latencyMet);
row('server CPU', `${((cpuMicroseconds * RATE) / 1e4).toFixed(1)} % of a core, pings included`);
if (held < asked) {
  const extrapolated = empty + ((now - empty) / held) * asked;
  const [wanted, measured] = [asked, held].map((count) => count.toLocaleString('en'));
  row(
    'not measured',
    `${wanted} connections: the figures are for ${measured}; ${wanted} would take ${megabytes(extrapolated)}`,
  );
}
const short = held < asked ? 3 : 0;
process.exit(memoryMet && latencyMet ? short : 1);

function row(what, value, met) {
  const verdict = { true: ': met', false: ': MISSED' }[met] ?? '';
  console.log(`${what.padStart(18)}  ${value}${verdict}`);
}

function megabytes(bytes) {
  return `${(bytes / BYTES_PER_MEGABYTE).toFixed(0)} MB`;
}

function tellHowToRaise() {
  const needed = filesFor(asked + others);
  console.log(
    `This needs ${needed} open files, but a process may open only ${openFilesLimit()} here.
Raising the limit failed (${refused}), so only ${held} connections fit.
Raise it, as root, for the shell that runs this: prlimit --pid $$ --nofile=${needed}:${needed}
In a container: docker run --ulimit nofile=${needed}:${needed}; in a systemd unit: LimitNOFILE=${needed}\n`,
  );
}
