#!/usr/bin/env node
// Load of every kind at once against the built program, in a process of its own: nothing may be lost, leak or fail.
//   npm run soak
//   npm run soak -- --seconds 15
// What it does is in load.mjs, one kind a file in load/; what it measures is in server-under-test.mjs.
import { constants } from 'node:os';
import { Worker } from 'node:worker_threads';
import { secondsGiven } from './arguments.mjs';
import { Faults } from './faults.mjs';
import { load } from './load.mjs';
import { Readiness } from './readiness.mjs';
import { Round } from './round.mjs';
import { ServerUnderTest } from './server-under-test.mjs';

const USAGE = `Soak test of the built server: load of every kind at once, then a look at what is left of it.

Usage: npm run soak -- [OPTIONS]

Options:
      --seconds N  How long the load lasts, from 5 to 3600 [default: 60]
  -h, --help       Print this

Exit codes: 0 all is well, 1 something is not, 2 faults in the arguments.`;

/** The same load before memory is measured, so that compiled code and caches are not taken for a leak. */
const WARM_UP_S = 5;
/** Maximum growth of memory, as a fraction of what it was. */
const GROWTH = 0.1;
/**
 * Time for everything but the load: starting, winding down twice, measuring twice, stopping. The bounds of these add up
 * to less.
 */
const OVERHEAD_S = 180;
/** How far the deadline may be exceeded before the watchdog acts. */
const GRACE_MS = 5000;
/** What a round counts. If one of them is missing, the load was not what it claims to be. */
const COUNTED = [
  'connections opened',
  'relays sent',
  'messages received',
  'honest deliveries',
  'churn sessions',
  'JSON sessions',
  'visits',
  'greedy relays sent',
  'slow peers closed',
  'peers closed over a limit',
  'pieces of garbage',
];

const faults = new Faults();

/** Prints the faults and ends. The server ends with this process. */
function end() {
  console.error(faults.none ? '\nall is well' : '\nthe soak failed:');
  for (const fault of faults) console.error(`  - ${fault}`);
  process.exit(faults.none ? 0 : 1);
}

/** Ends for a reason that makes it pointless to go on. */
function giveUp(why) {
  faults.add(why);
  end();
}

const seconds = secondsGiven('soak', USAGE, { least: 5, usual: 60 });
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, () => {
    console.error(`\nthe soak was ended by ${signal}`);
    process.exit(128 + constants.signals[signal]);
  });
}
process.on('uncaughtException', (error) => giveUp(error.stack));

async function loadFor(duration) {
  const round = new Round(server.port, faults);
  await round.run(duration * 1000, load);
  await server.empty();
  return round.counts;
}

const server = new ServerUnderTest(faults);
let stopping = false;
void server.ended.then(() => {
  if (!stopping) end();
});
const deadline = (OVERHEAD_S + WARM_UP_S + seconds) * 1000;
setTimeout(() => giveUp(`it was not over after ${deadline / 1000} s`), deadline);
new Worker(new URL('watchdog.mjs', import.meta.url), {
  workerData: { server: server.pid, milliseconds: deadline + GRACE_MS },
}).unref();
await server.start();
const readiness = new Readiness(server.port, faults);

console.log(`warming up for ${WARM_UP_S} s`);
await loadFor(WARM_UP_S);
const before = await server.settledMemory();

console.log(`load for ${seconds} s`);
const counts = await loadFor(seconds);
const after = await server.settledMemory();

await readiness.stop();
stopping = true;
await server.stop();

for (const what of COUNTED) {
  const count = counts.get(what) ?? 0;
  if (count === 0) faults.add(`${what}: none, so this was no soak`);
  row(what, count.toLocaleString('en'));
}
const growth = after.used / before.used - 1;
if (growth > GROWTH) {
  faults.add(`memory: ${percent(growth)} once the load was gone; at most ${percent(GROWTH)} is taken for noise`);
}
row('times ready', `${readiness.asked}, the slowest answer after ${readiness.slowest.toFixed(0)} ms`);
row('lines in the log', server.lines);
row('memory before', `${megabytes(before.used)} (rss ${megabytes(before.rss)})`);
row('memory after', `${megabytes(after.used)} (rss ${megabytes(after.rss)}), ${percent(growth)}`);
end();

function row(what, value) {
  console.log(`${what.padStart(26)}  ${value}`);
}

function percent(part) {
  return `${part < 0 ? '' : '+'}${(part * 100).toFixed(1)} %`;
}

function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
