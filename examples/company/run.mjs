#!/usr/bin/env node
// cairn-signal inside a company's application: who gets in by role and by a list in Redis, who loses a room or the
// account while connected, what the audit says of it, and what the health check says without Redis.
// Needs redis-server (Debian's package).
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createClient } from '@redis/client';
import { startProvider } from '../oidc/provider.mjs';
import { connectWith, listenOn, refused, tell } from '../peers.mjs';
import { expect } from '../promised.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
execFileSync(process.execPath, [here('../../node_modules/typescript/bin/tsc'), '-p', here('.')], { stdio: 'inherit' });

const folder = mkdtempSync(join(tmpdir(), 'cairn-signal-company-'));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

/** A process that ends with the example. */
function start(file, args, options) {
  const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'inherit'], ...options });
  process.once('exit', () => child.kill('SIGKILL'));
  return child;
}

// What the company has: an identity provider, Redis, and a service that knows who may use which room.
const provider = await startProvider();
const socket = join(folder, 'redis.sock');
const redisServer = start('redis-server', ['--port', '0', '--unixsocket', socket, '--save', '', '--dir', folder]);
const redis = createClient({ socket: { path: socket, reconnectStrategy: 50 } });
redis.on('error', () => undefined);
await redis.connect();
const roomOf = (topic) => createHash('sha256').update(topic).digest('hex');
const rooms = new Set([roomOf('lobby'), roomOf('standup')]);
const service = createServer((request, response) => {
  const { searchParams } = new URL(request.url, 'http://rooms');
  response.end(JSON.stringify(rooms.has(searchParams.get('room'))));
}).listen(0, '127.0.0.1');
await once(service, 'listening');

const auditFile = join(folder, 'audit.jsonl');
const audit = openSync(auditFile, 'a');
const application = start(process.execPath, [here('dist/main.js')], {
  stdio: ['ignore', 'pipe', 'inherit', audit],
  env: {
    ...process.env,
    PORT: '0',
    ISSUER: provider.issuer,
    REDIS_SOCKET: socket,
    ROOMS_URL: `http://127.0.0.1:${service.address().port}`,
    AUDIT: 'fd:3',
  },
});
closeSync(audit);
const stopped = once(application, 'exit');
const listening = new Promise((resolve) => {
  createInterface(application.stdout).on('line', (line) => {
    const [, found] = /^listening on http:\/\/(.*)$/.exec(line) ?? [];
    if (found !== undefined) resolve(found);
  });
});
const address = await Promise.race([listening, stopped]);
expect(`the application is at ${address}`, typeof address === 'string');
const url = `ws://${address}`;

const principalOf = (client) => `${provider.issuer}|${client}`;
async function showing(client) {
  const body = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: client,
    client_secret: `${client}-secret`,
  });
  const endpoint = `${provider.issuer}/protocol/openid-connect/token`;
  const { access_token: token } = await (await fetch(endpoint, { method: 'POST', body })).json();
  return { url, token };
}
const said = ({ status, sentence }) => `${status} ${sentence}`;
const health = async () => (await fetch(`http://${address}/health`)).status;

// Who gets in.
await redis.sAdd('suspended', principalOf('lamp'));
const [orders, billing] = await Promise.all(
  ['orders', 'billing'].map(async (client) => connectWith(await showing(client))),
);
expect(
  'orders and billing have the role',
  [orders, billing].every(({ signal }) => signal.state === 'open'),
);
const guest = await refused(await showing('guest'));
expect(`guest has not: ${said(guest)}`, guest.status === 403 && guest.sentence.includes('role "peer"'));
const lamp = await refused(await showing('lamp'));
expect(`lamp is in Redis: ${said(lamp)}`, lamp.status === 403 && lamp.sentence.includes('suspended'));

// Who may use which room, and for how long.
const [, standup] = await Promise.all(['lobby', 'standup'].map((room) => listenOn(billing.signal, room)));
const board = await listenOn(billing.signal, 'board').catch((error) => error);
await tell(await listenOn(orders.signal, 'standup'), standup, 'hello, standup');
expect(
  `the rooms service lets them meet in standup, not in board: ${board.message}`,
  standup.heard.join() === 'hello, standup' && board.code === 'forbidden',
);
const over = once(standup.topic, 'ended');
rooms.delete(roomOf('standup'));
const [{ error }] = await over;
expect(`billing loses the room, and is told: ${error.message}`, error.code === 'forbidden');

// Who loses the account.
await redis.sAdd('suspended', principalOf('orders'));
await redis.publish('suspended', principalOf('orders'));
const dismissed = await orders.ended;
expect(`orders is suspended: ${dismissed.code} ${dismissed.reason}`, dismissed.code === 4002);

// Without Redis, nobody is judged.
expect('the application is healthy', (await health()) === 200);
redis.destroy();
redisServer.kill('SIGTERM');
await once(redisServer, 'exit');
const unjudged = await refused(await showing('billing'));
expect(`without Redis: ${said(unjudged)}`, unjudged.status === 503);
expect('the health check says so', (await health()) === 503);

application.kill('SIGTERM');
// Nest ends itself with the signal that it was sent.
const [, signal] = await stopped;
expect('the application stops', signal === 'SIGTERM');
const lines = readFileSync(auditFile, 'utf8')
  .trim()
  .split('\n')
  .map((text) => JSON.parse(text));
for (const { event, principal, reason, code: closed } of lines) {
  console.log(`        ${[event, principal?.split('|').at(-1), reason, closed].filter(Boolean).join(', ')}`);
}
const events = (event) => lines.filter((each) => each.event === event).length;
expect('the audit has it all', events('connected') === 2 && events('refused') === 3 && events('disconnected') === 2);
service.close();
provider.stop();
