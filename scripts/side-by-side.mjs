#!/usr/bin/env node
// Runs this version and an earlier one on one NATS, as nodes do during an upgrade, and says whether peers of both meet.
//   node scripts/side-by-side.mjs [REVISION]
// Without a revision, it takes the release before: the newest tag vX.Y.Z or, where there is none, the commit that dated
// the newest release in CHANGELOG.md. Needs git with its history, npm, nats-server, and dist that is built.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Nats } from '../test/soak/bus/nats.mjs';
import { cbor, Peer, payloadOf, settle } from '../test/support/peer.mjs';

const HERE = fileURLToPath(new URL('..', import.meta.url));
const MESSAGES = 100;
/** Milliseconds for anything that takes a moment: a node that joins the bus, a record that crosses it. */
const PATIENCE_MS = 20_000;
const V2 = { protocols: ['cairn-signal.v2'] };

const work = mkdtempSync(join(tmpdir(), 'cairn-signal-side-by-side-'));
const children = new Set();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
  run('git', ['worktree', 'remove', '--force', join(work, 'before')], { stdio: 'ignore', allowed: true });
  rmSync(work, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

for (const needed of ['git', 'npm', 'nats-server']) run(needed, ['--version']);
if (!existsSync(join(HERE, 'dist/main.js'))) fail('dist is missing: npm run build');
const revision = commitOf(process.argv[2] ?? releaseBefore());
const before = build(revision);
const nats = new Nats();
await nats.start();
let failed = 0;

const [old, current] = [await startNode(before), await startNode(HERE)];
console.log(`${old.version} (${revision}) and ${current.version} (this checkout) are on one bus`);
await check('peers of both nodes relay to each other, in order', () => talk(old, current, 'relayed'));
await check('what is published on either is found on the other', async () => {
  for (const [from, to] of [
    [old, current],
    [current, old],
  ]) {
    const [publisher, finder] = [await Peer.connect(from.url), await Peer.connect(to.url)];
    // Of its own for each direction: the versions may be the same.
    const topic = `published from ${from.url}`;
    await publisher.publish(topic, 'hello');
    await until(async () => (await finder.query(topic)).payload !== null);
    publisher.socket.close();
    finder.socket.close();
  }
});
await check('a peer of cairn-signal.v2 on this version and one of v1 on the other hear each other', async () => {
  const [v2, v1] = [await Peer.connect(current.url, V2), await Peer.connect(old.url)];
  for (const peer of [v2, v1]) peer.subscribe('mixed');
  await settle([v2, v1], []);
  await until(async () => {
    v1.relay('mixed', 'from v1');
    v2.relay('mixed', 'from v2');
    await settle([v1, v2], [v1, v2]);
    const heard = (peer) => peer.received.map((message) => cbor.decode(message).Relay?.payload?.toString());
    return heard(v2).includes('from v1') && heard(v1).includes('from v2');
  });
  v2.socket.close();
  v1.socket.close();
});
await check('the earlier node drains, and this one serves all', () => replaced(old, current));
const back = await startNode(before);
await check('going back: the earlier version joins again, and both relay', () => talk(back, current, 'rolled back'));
await check('going back: this node drains, and the earlier one serves all', () => replaced(current, back));
const losses = [old, current, back].flatMap(({ log }) => log.filter(({ level }) => level === 'error'));
await check('no node logged an error', async () => {
  if (losses.length > 0) throw new Error(losses.map(({ msg }) => msg).join('; '));
});
process.exit(failed > 0 ? 1 : 0);

/** Two peers on two nodes say so many messages each, and hear the other's, each once and in order. */
async function talk(one, other, topic) {
  const peers = [await Peer.connect(one.url), await Peer.connect(other.url)];
  for (const peer of peers) peer.subscribe(topic);
  await settle(peers, []);
  // The nodes have to know of each other's topic first.
  await until(async () => {
    for (const peer of peers) peer.relay(topic, 'hello');
    await settle(peers, peers);
    return peers.every((peer) => peer.received.length > 0);
  });
  for (const peer of peers) {
    peer.relay(topic, 'begin');
    for (let i = 0; i < MESSAGES; i++) peer.relay(topic, String(i));
  }
  const expected = ['begin', ...Array.from({ length: MESSAGES }, (_, i) => String(i))];
  for (const peer of peers) {
    const heard = () => peer.received.map((message) => payloadOf(message).toString());
    await until(() => heard().length - heard().indexOf('begin') >= expected.length && heard().includes('begin'));
    const since = heard().slice(heard().indexOf('begin'));
    if (since.join() !== expected.join()) throw new Error(`a peer heard ${since.length} messages, in another order`);
    peer.socket.close();
  }
}

/** One node stops while peers are on it; they are told to go, and meet on the other. */
async function replaced(leaving, staying) {
  const [moving, waiting] = [await Peer.connect(leaving.url), await Peer.connect(staying.url)];
  for (const peer of [moving, waiting]) peer.subscribe('moves');
  await settle([moving, waiting], []);
  leaving.child.kill('SIGTERM');
  const { code } = await moving.closed;
  // Releases up to 0.3.0 close with 1012.
  if (code !== 1001 && code !== 1012) throw new Error(`the peer was closed with ${code}`);
  const [exit] = await leaving.ended;
  if (exit !== 0) throw new Error(`the node ended with ${exit}`);
  const moved = await Peer.connect(staying.url);
  moved.subscribe('moves');
  await settle([moved], []);
  moved.relay('moves', 'here again');
  await until(() => waiting.received.some((message) => payloadOf(message).toString() === 'here again'));
  moved.socket.close();
  waiting.socket.close();
}

async function check(what, holds) {
  try {
    await holds();
    console.log(`ok      ${what}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${what}: ${error.message}`);
  }
}

/** The newest release before this checkout. */
function releaseBefore() {
  const tag = run('git', ['describe', '--tags', '--abbrev=0', '--match', 'v[0-9]*', 'HEAD^'], { allowed: true });
  if (tag !== '') return tag;
  const [heading] = /^## \d\S* - /m.exec(readFileSync(join(HERE, 'CHANGELOG.md'), 'utf8')) ?? [];
  const commit = heading && run('git', ['log', '-1', '--format=%h', `-S${heading}`, '--', 'CHANGELOG.md']);
  if (commit) return commit;
  return fail('the history of this checkout has no release before; name a revision');
}

/**
 * The commit that a revision names.
 * @returns {string}
 */
function commitOf(/** @type {string} */ named) {
  const commit = run('git', ['rev-parse', '--short', '--verify', '--end-of-options', `${named}^{commit}`], {
    allowed: true,
  });
  if (commit === '') fail(`there is no revision ${named}`);
  return commit;
}

function fail(why) {
  console.error(`side-by-side: ${why}`);
  process.exit(1);
}

/** Builds a revision in a worktree of its own. Returns its folder. */
function build(wanted) {
  const folder = join(work, 'before');
  run('git', ['worktree', 'add', '--detach', folder, wanted]);
  run('npm', ['ci', '--no-audit', '--no-fund'], { cwd: folder });
  run('npm', ['run', '--silent', 'build'], { cwd: folder });
  if (!existsSync(join(folder, 'dist/main.js'))) throw new Error(`${wanted} builds no dist/main.js`);
  return folder;
}

function run(file, args, { cwd = HERE, stdio = ['ignore', 'pipe', 'pipe'], allowed = false } = {}) {
  try {
    return (execFileSync(file, args, { cwd, stdio, encoding: 'utf8' }) ?? '').trim();
  } catch (error) {
    if (allowed) return '';
    return fail(
      error.code === 'ENOENT' ? `${file} is not in the PATH` : `${file} ${args[0]} failed\n${error.stderr ?? ''}`,
    );
  }
}

/** Starts a node on the bus. Resolves when it is ready. */
async function startNode(folder) {
  const flags = [
    '--listen-addr',
    '127.0.0.1:0',
    '--nats-url',
    `nats://127.0.0.1:${nats.port}`,
    '--max-connections',
    '1000',
    '--drain-timeout',
    '5s',
  ];
  const child = started(
    spawn(process.execPath, [join(folder, 'dist/main.js'), ...flags, '--log-format', 'json'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
  );
  const log = [];
  createInterface(child.stdout).on('line', (line) => log.push(JSON.parse(line)));
  const said = (pattern) => log.map(({ msg }) => pattern.exec(msg)?.[1]).find((found) => found !== undefined);
  await until(() => said(/^listening on ws:\/\/(\S+)$/) !== undefined && said(/^(joined the bus)/) !== undefined);
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return { url: `ws://${said(/^listening on ws:\/\/(\S+)$/)}`, version, log, child, ended: once(child, 'exit') };
}

function started(child) {
  children.add(child);
  child.once('exit', () => children.delete(child));
  child.on('error', (error) => {
    console.error(`side-by-side: ${error.message}`);
    process.exit(1);
  });
  return child;
}

/** Resolves when it holds. */
async function until(holds) {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error('it did not come true in time');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
