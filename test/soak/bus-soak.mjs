#!/usr/bin/env node
// Three nodes of the built program and a NATS that is killed, frozen and started again throughout, and a node whose link
// is cut. Nothing that docs/protocol.md promises may be lost (N1 to N14).
//   npm run soak:bus
//   npm run soak:bus -- --seconds 600
import { constants } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { appointment, meetings } from './bus/meetings.mjs';
import { crossingRelays } from './bus/crossing-relays.mjs';
import { Nats } from './bus/nats.mjs';
import { Outages, RECOVERY_MS } from './bus/outages.mjs';
import { Wire } from './bus/wire.mjs';
import { secondsGiven } from './arguments.mjs';
import { Faults } from './faults.mjs';
import { Readiness } from './readiness.mjs';
import { Round } from './round.mjs';
import { ServerUnderTest } from './server-under-test.mjs';

const USAGE = `Soak of three nodes whose NATS is killed, frozen and started again throughout. Needs nats-server in the PATH.

Usage: npm run soak:bus -- [OPTIONS]

Options:
      --seconds N  How long, from 15 to 3600 [default: 120]
  -h, --help       Print this

Exit codes: 0 all is well, 1 something is not, 2 faults in the arguments.`;
const ALL = [0, 1, 2];
/** The node whose link is cut. */
const REMOTE = 2;
/** Time between two outages in which nothing may be lost, behind the time to recover. */
const QUIET_MS = 4000;
const OVERHEAD_S = 180;
/** N4: a freeze of that length may make NATS suspect, so that nobody waits for it. One of this may cost a connection. */
const SUSPECT_MS = 1300;
const LOST_MS = 2200;
/** Maximum growth of memory, as a fraction of what it was. */
const GROWTH = 0.15;

const faults = new Faults();
const seconds = secondsGiven('soak:bus', USAGE, { least: 15, usual: 120 });
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, () => process.exit(128 + constants.signals[signal]));
}
process.on('uncaughtException', (error) => {
  faults.add(error.stack);
  end();
});

const nats = new Nats();
await nats.start();
const wire = new Wire(nats.port);
const near = `nats://127.0.0.1:${nats.port}`;
const urls = [near, near, await wire.listen()];
const servers = urls.map((url) => {
  const flags = ['--nats-url', url, '--max-connections-per-ip', '0'];
  return new ServerUnderTest(faults, flags, 1);
});
setTimeout(
  () => {
    faults.add('it was not over in time');
    end();
  },
  (OVERHEAD_S + seconds) * 1000,
).unref();
new Worker(new URL('watchdog.mjs', import.meta.url), {
  workerData: { server: servers[0].pid, milliseconds: (OVERHEAD_S + seconds + 5) * 1000 },
}).unref();
await Promise.all(servers.map((server) => server.start()));
const ready = servers.map(({ port }) => new Readiness(port, faults));

/** What happens to the bus, in turn. `freeze`: what is relayed meanwhile is late, and nothing is lost. */
const TROUBLES = [
  {
    what: 'NATS frozen for 1 s',
    nodes: ALL,
    lasts: 1000,
    freeze: true,
    begin: () => nats.freeze(),
    over: () => nats.goOn(),
  },
  { what: 'NATS killed for 3 s', nodes: ALL, lasts: 3000, begin: () => nats.kill(), over: () => nats.start() },
  {
    what: 'link of a node cut for 3 s',
    nodes: [REMOTE],
    lasts: 3000,
    begin: () => wire.cut(),
    over: () => wire.heal(),
  },
  { what: 'NATS frozen for 6 s', nodes: ALL, lasts: 6000, begin: () => nats.freeze(), over: () => nats.goOn() },
  { what: 'NATS restarted', nodes: ALL, lasts: 0, begin: () => nats.kill(), over: () => nats.start() },
  {
    what: 'NATS frozen for 2 s',
    nodes: ALL,
    lasts: 2000,
    freeze: true,
    begin: () => nats.freeze(),
    over: () => nats.goOn(),
  },
  { what: 'link of a node flaps', nodes: [REMOTE], lasts: 0, begin: () => wire.cut(), over: () => wire.heal() },
  {
    what: 'NATS killed while frozen',
    nodes: ALL,
    lasts: 4000,
    begin: () => nats.freeze(),
    over: () => nats.kill().then(() => nats.start()),
  },
];
const had = new Map();

console.log('warming up');
await soak(10_000);
const before = await settled();
console.log(`NATS in trouble for ${seconds} s`);
const { counts, slowest, excused } = await soak(seconds * 1000);
const after = await settled();
for (const one of ready) await one.stop();
await Promise.all(servers.map((server) => server.stop()));
await nats.kill();

for (const what of ['relays within nodes', 'relays across nodes', 'meetings', 'appointments kept']) {
  const count = counts.get(what) ?? 0;
  if (count === 0) faults.add(`${what}: none, so this was no soak`);
  row(what, count.toLocaleString('en'));
}
row('queries in vain', `${counts.get('queries that waited in vain') ?? 0}, after 150 ms`);
for (const [what, times] of had) row(what, `${times} times`);
row('missed in outages', `${excused.toLocaleString('en')}, as may be`);
row('slowest within a node', `${slowest.toFixed(0)} ms`);
row('slowest ready', `${Math.max(...ready.map((one) => one.slowest)).toFixed(0)} ms`);
for (const [node, bytes] of after.entries()) {
  const growth = bytes / before[node] - 1;
  row(`memory of node ${node}`, `${(bytes / 1e6).toFixed(1)} MB, ${(growth * 100).toFixed(1)} % more than before`);
  if (growth > GROWTH) faults.add(`memory of node ${node} grew by ${(growth * 100).toFixed(1)} %`);
}
end();

/** One round of load on all nodes, with the bus in trouble all the time. */
async function soak(duration) {
  const outages = { losses: new Outages(faults), doubts: new Outages(faults) };
  const rounds = servers.map(({ port }) => new Round(port, faults));
  const pairs = ALL.flatMap((from) => ALL.filter((to) => to !== from).map((to) => [from, to]));
  const load = Promise.all([
    Promise.all(pairs.map(([from, to]) => crossingRelays(rounds, from, to, outages.losses))),
    meetings(rounds, outages.doubts),
    troubles(rounds, outages),
  ]);
  await Promise.all(rounds.map((round) => round.run(duration, () => load)));
  const [times] = await load;
  const missed = outages.losses.judge() + outages.doubts.judge();
  for (const server of servers) await server.empty();
  const sum = new Map();
  for (const round of rounds) {
    for (const [what, count] of round.counts) sum.set(what, (sum.get(what) ?? 0) + count);
  }
  return { counts: sum, slowest: Math.max(...times), excused: missed };
}

async function troubles(rounds, outages) {
  await rounds[0].after(2000);
  for (let i = 0; !rounds[0].isOver; i++) {
    const trouble = TROUBLES[i % TROUBLES.length];
    had.set(trouble.what, (had.get(trouble.what) ?? 0) + 1);
    await rounds[0].once(trouble.what, () => happen(trouble, rounds, outages));
  }
}

async function happen({ what, nodes, lasts, freeze = false, begin, over }, rounds, { losses, doubts }) {
  const began = performance.now();
  await begin();
  await pause(lasts / 2);
  const kept = lasts === 0 ? undefined : appointment(rounds, nodes);
  await pause(lasts / 2);
  await over();
  // On a busy machine, it took longer than planned.
  const took = performance.now() - began;
  if (!freeze || took > SUSPECT_MS) doubts.note(nodes, began);
  if (!freeze || took > LOST_MS) losses.note(nodes, began);
  if (freeze && took > LOST_MS) had.set(`${what}, or more`, (had.get(`${what}, or more`) ?? 0) + 1);
  await pause(RECOVERY_MS);
  await (
    await kept
  )?.();
  await rounds[0].after(QUIET_MS);
}

/** The memory of each node, in bytes. */
async function settled() {
  const all = [];
  for (const server of servers) all.push((await server.settledMemory()).used);
  return all;
}

function end() {
  console.error(faults.none ? '\nall is well' : '\nthe soak failed:');
  for (const fault of faults) console.error(`  - ${fault}`);
  process.exit(faults.none ? 0 : 1);
}

function row(what, value) {
  console.log(`${what.padStart(26)}  ${value}`);
}
