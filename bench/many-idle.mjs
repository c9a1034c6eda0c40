#!/usr/bin/env node
// Whether one server holds very many idle peers in little memory and is still quick for those that talk.
//   npm run bench:idle
//   npm run bench:idle -- --connections 20000 --seconds 60
import { given, idleArguments } from './arguments.mjs';
import { filesFor, idlePlan } from './idle-plan.mjs';
import { MeasuredProcess } from './measured-process.mjs';
import { mostOpenFiles, raiseOpenFiles } from './open-files.mjs';
import { peakResidentBytes, residentBytes } from './process-usage.mjs';
import { runLoad, startLoad } from './run-load.mjs';

const PAIRS = 50;
const RATE = 1000;
const WARM_UP_MS = 2000;
const MOST_MEGABYTES = 512;
const MOST_MILLISECONDS = 20;
const BYTES_A_MEGABYTE = 1e6;

const USAGE = `Idle connections with a topic each in one server, and ${PAIRS} pairs that relay ${RATE} messages a second among them.

Usage: npm run bench:idle -- [OPTIONS]

Options:
      --connections N  How many are idle [default: 50000]
      --seconds N      How long the pairs relay; pings begin after 25 s [default: 30]
  -h, --help           Print this

Goals: the server stays below ${MOST_MEGABYTES} MB, and p99 of the relays below ${MOST_MILLISECONDS} ms.
Exit codes: 0 goals met, 1 goals missed, 2 faults in the arguments, 3 fewer connections fit than were asked for.`;

const { connections: asked, seconds } = given('bench:idle', USAGE, idleArguments);
const others = 2 * PAIRS;
const refused = raiseOpenFiles(filesFor(asked + others));
const plan = idlePlan({ connections: asked, others, mostFiles: mostOpenFiles() });
const held = plan.reduce((sum, { connections }) => sum + connections, 0);
if (held < asked) tellHowToRaise();
if (held === 0) process.exit(3);

const server = await MeasuredProcess.server(['--max-connections', String(held + others)]);
const empty = residentBytes(server.pid);
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
// A holder ends as soon as one of its connections does.
if (holders.some(({ exitCode }) => exitCode !== null)) throw new Error('idle connections ended meanwhile');

const peak = peakResidentBytes(server.pid) / BYTES_A_MEGABYTE;
const now = residentBytes(server.pid);
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
row('a connection', `${((now - empty) / held / 1000).toFixed(1)} KB`);
row(
  'relays',
  `p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms, slowest ${max.toFixed(1)} ms; goal: p99 below ${MOST_MILLISECONDS} ms`,
  latencyMet,
);
row('server CPU', `${((cpuMicroseconds * RATE) / 1e4).toFixed(1)} % of a core, pings included`);
if (held < asked) {
  const extrapolated = empty + ((now - empty) / held) * asked;
  row(
    'not measured',
    `${asked.toLocaleString('en')} connections: these figures are those of ${held.toLocaleString('en')}; by the same measure they would take ${megabytes(extrapolated)}`,
  );
}
const short = held < asked ? 3 : 0;
process.exit(memoryMet && latencyMet ? short : 1);

function row(what, value, met) {
  const verdict = { true: ': met', false: ': MISSED' }[met] ?? '';
  console.log(`${what.padStart(18)}  ${value}${verdict}`);
}

function megabytes(bytes) {
  return `${(bytes / BYTES_A_MEGABYTE).toFixed(0)} MB`;
}

function tellHowToRaise() {
  const needed = filesFor(asked + others);
  console.log(`a process may open ${mostOpenFiles()} files here, ${needed} are needed, and raising that failed (${refused}); ${held} connections fit.
Raise it, as root, for the shell that runs this: prlimit --pid $$ --nofile=${needed}:${needed}
In a container: docker run --ulimit nofile=${needed}:${needed}; in a systemd unit: LimitNOFILE=${needed}\n`);
}
