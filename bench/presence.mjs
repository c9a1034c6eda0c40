#!/usr/bin/env node
// Measures presence alone, without sockets: the memory of a member in 100,000 topics of two, the share of a processor
// that changes of members take where all of a topic come and go once a second (with 1,024 members, and with 32), and
// how long the event loop is held when 100,000 topics change at the same moment, as when the bus is lost.
//   npm run bench -- presence
import { setFlagsFromString } from 'node:v8';
import { setImmediate } from 'node:timers/promises';
import { runInNewContext } from 'node:vm';
import { SystemClock } from '../dist/clock/clock.js';
import { parseSettings } from '../dist/config/load-settings.js';
import { PresenceCounts } from '../dist/metrics/presence-counts.js';
import { MemberIds } from '../dist/presence/member-ids.js';
import { Presence } from '../dist/presence/presence.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc');

const TOPICS = 100_000;
const SECONDS = 60;
/** Milliseconds between steps of the simulated time. */
const TICK_MS = 5;

/** Time that passes as fast as the work is done. */
class SimulatedClock extends SystemClock {
  time = 0;

  monotonic() {
    return this.time;
  }
}

function make(clock) {
  const counts = new PresenceCounts();
  const presence = new Presence(parseSettings({}), new MemberIds(), counts, clock);
  presence.listener = { tell: () => undefined };
  return { presence, counts };
}

function heapUsed() {
  collectGarbage();
  collectGarbage();
  const { heapUsed: inside, external } = process.memoryUsage();
  return inside + external;
}

const peers = Array.from({ length: 1024 }, (_, id) => ({ id }));
const topics = Array.from({ length: TOPICS }, (_, n) => JSON.parse(`"${String(n).padStart(64, '0')}"`));

/** Two members who look, on each topic; and then the moment in which each topic changes. */
async function crowdOfTopics() {
  const before = heapUsed();
  const { presence, counts } = make(new SystemClock());
  for (const topic of topics) {
    for (const peer of [peers[0], peers[1]]) {
      presence.join(topic, peer, []);
      presence.look(topic, peer);
    }
  }
  await quiet(presence, counts, TOPICS);
  const bytes = (heapUsed() - before) / (2 * TOPICS);
  console.log(`${bytes.toFixed(0).padStart(6)} bytes a member: ${TOPICS} topics with two members each`);

  for (const topic of topics) presence.setPartial(topic, true);
  const turns = [];
  const told = counts.frames + TOPICS;
  const began = performance.now();
  while (counts.frames < told) {
    const turn = performance.now();
    await setImmediate();
    turns.push(performance.now() - turn);
  }
  const taken = performance.now() - began;
  turns.sort((one, other) => one - other);
  const half = turns[Math.floor(turns.length / 2)];
  console.log(`${half.toFixed(1).padStart(6)} ms is the median turn while all of them are told of a change`);
  console.log(
    `${turns.at(-1).toFixed(1).padStart(6)} ms is the longest turn, with whatever garbage is collected in it`,
  );
  console.log(`${taken.toFixed(0).padStart(6)} ms until the last of them is told`);
  presence.onModuleDestroy();
}

/** Waits until everything is told, and no topic waits for its next news. */
async function quiet(presence, counts, frames) {
  while (counts.frames < frames) await setImmediate();
  const until = performance.now() + 400;
  while (performance.now() < until) await setImmediate();
  presence.step();
}

/** Each member of one topic leaves, and joins and looks again, once a second at random, for a simulated time. */
function flapping(members) {
  const clock = new SimulatedClock();
  const { presence, counts } = make(clock);
  for (const peer of peers.slice(0, members)) {
    presence.join('topic', peer, []);
    presence.look('topic', peer);
  }
  const begun = process.cpuUsage();
  const due = Array.from({ length: members }, () => Math.random() * 1000);
  for (clock.time = 0; clock.time < SECONDS * 1000; clock.time += TICK_MS) {
    for (const [n, at] of due.entries()) {
      if (at > clock.time) continue;
      const peer = peers[n];
      const isAway = presence.memberOf('topic', peer) === undefined;
      if (isAway) {
        presence.join('topic', peer, []);
        presence.look('topic', peer);
      } else presence.left('topic', peer);
      due[n] = clock.time + Math.random() * 1000;
    }
    while (presence.step());
  }
  const { user, system } = process.cpuUsage(begun);
  presence.onModuleDestroy();
  const share = (user + system) / 1e4 / SECONDS;
  const perSecond = ({ told, frames }) =>
    `${(told / SECONDS).toFixed(0)} a second, ${(frames / SECONDS).toFixed(1)} made`;
  console.log(
    `${share.toFixed(2).padStart(6)} % of a core: ${members} members, all flapping; frames: ${perSecond(counts)}`,
  );
}

for (const members of [32, 1024]) flapping(members);
await crowdOfTopics();
