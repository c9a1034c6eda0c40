import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { connect } from '@nats-io/transport-node';
import { namedTokenLine } from '../../src/auth/named-token.js';
import { SystemClock } from '../../src/clock/clock.js';
import type { SettingsInput } from '../../src/config/settings.js';
import { BackplaneCounts } from '../../src/metrics/backplane-counts.js';
import { OperatorCounts } from '../../src/metrics/operator-counts.js';
import type { OperatorOutcome } from '../../src/metrics/operator-counts.js';
import { RefusalCounts } from '../../src/metrics/refusal-counts.js';
import { busIs } from '../support/bus.js';
import { describeWithNats, NatsServer } from '../support/nats-server.js';
import { Peer } from '../support/peer.js';
import type { PeerOptions } from '../support/peer.js';
import { endPrograms, Program } from '../support/program.js';
import type { Ended } from '../support/program.js';
import { exchange } from '../support/raw-http.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';
import { SettlingClock } from '../support/settling-clock.js';
import { until } from '../support/until.js';

const bearer = (token: string): PeerOptions => ({ headers: { Authorization: `Bearer ${token}` } });
const ALICE = bearer('s3cret-a');
const BOB = bearer('s3cret-b');
const NOBODY = bearer('s3cret-n');
const KEY = 'management-s3cret';
const CLOSED = { code: 4002, reason: 'closed by the operator; come back with backoff' };

let folder: string;
let tokens: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cairn-signal-operators-'));
  tokens = join(folder, 'tokens');
  writeFileSync(
    tokens,
    [namedTokenLine('alice', 's3cret-a'), namedTokenLine('bob', 's3cret-b'), 's3cret-n', ''].join('\n'),
  );
});
afterEach(async () => {
  endPrograms();
  await stopServers();
  await NatsServer.stopAll();
});
afterAll(() => rmSync(folder, { recursive: true }));

const start = (input: SettingsInput = {}): Promise<RunningServer> =>
  startServer({ authTokenFile: tokens, managementAddr: '127.0.0.1:0', managementToken: KEY, ...input });

interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers: Headers;
}

async function ask(running: RunningServer, path: string, init: RequestInit = {}, token = KEY): Promise<Answer> {
  const response = await fetch(`${running.management}${path}`, {
    ...init,
    headers: { Authorization: `Bearer ${token}`, ...(init.headers as Record<string, string> | undefined) },
  });
  return { status: response.status, body: await response.json(), headers: response.headers };
}

const order = (running: RunningServer, body: string, headers: Record<string, string> = {}): Promise<Answer> =>
  ask(running, '/connections/close', {
    method: 'POST',
    body,
    headers: { 'Content-Type': 'application/json', ...headers },
  });
const close = (running: RunningServer, principal: string): Promise<Answer> =>
  order(running, JSON.stringify({ principal }));
const outcomes = ({ server }: RunningServer): { [Outcome in OperatorOutcome]: number } =>
  server.app.get(OperatorCounts, { strict: false }).outcomes;

describe('POST /connections/close', () => {
  it('O7: closes all connections of a principal, and no others, with 4002; it may come back', async () => {
    const running = await start();
    const [one, two, bob, nobody] = await Promise.all(
      [ALICE, ALICE, BOB, NOBODY].map((who) => Peer.connect(running.url, who)),
    );
    expect(await close(running, 'alice')).toMatchObject({
      status: 200,
      body: { principal: 'alice', closed: 2, nodes: 1, bus: 'off' },
    });
    expect(await Promise.all([one.closed, two.closed])).toEqual([CLOSED, CLOSED]);
    await Promise.all([bob.sync(), nobody.sync()]);
    await Peer.connect(running.url, ALICE);
    expect(outcomes(running)).toMatchObject({ closed: 1, nobody: 0 });
    expect(running.log.filter(({ target }) => target === 'cairn_signal::operators')).toMatchObject([
      { principal: 'alice', connections: 2 },
      { principal: 'alice', closed: 2, nodes: 1, address: '127.0.0.1' },
    ]);
  });

  it.each(['carol', 'ALICE', 'alice ', '*', '__proto__'])(
    'O7: %j, as whom nobody is connected, is no error',
    async (principal) => {
      const running = await start();
      await Peer.connect(running.url, ALICE);
      expect(await close(running, principal)).toMatchObject({ status: 200, body: { principal, closed: 0, nodes: 1 } });
      expect(outcomes(running).nobody).toBe(1);
      expect(running.connections.size).toBe(1);
    },
  );

  it('O7: closes thousands without holding up others', async () => {
    const running = await start({ maxConnections: 1500 });
    const peers = await Promise.all(Array.from({ length: 450 }, () => Peer.connect(running.url, ALICE)));
    expect((await close(running, 'alice')).body).toMatchObject({ closed: 450 });
    expect(new Set((await Promise.all(peers.map((peer) => peer.closed))).map(({ code }) => code))).toEqual(
      new Set([4002]),
    );
  });

  it.each([
    ['not JSON', 'principal=alice', 400],
    ['nothing', '', 400],
    ['a list', '["alice"]', 400],
    ['null', 'null', 400],
    ['a name', '"alice"', 400],
    ['no principal', '{}', 400],
    ['something besides', '{"principal":"alice","reason":"x"}', 400],
    ['an empty principal', '{"principal":""}', 400],
    ['a number', '{"principal":1}', 400],
    ['too much', JSON.stringify({ principal: 'a'.repeat(5000) }), 413],
  ])('O7: a body that is %s is told so, and closes nothing', async (_what, body, status) => {
    const running = await start();
    await Peer.connect(running.url, ALICE);
    const answer = await order(running, body);
    expect(answer).toMatchObject({ status, body: { status, message: expect.stringMatching(/body/) } });
    expect(JSON.stringify(answer.body)).not.toContain('alice');
    expect(outcomes(running)).toMatchObject({ malformed: 1, closed: 0 });
    expect(running.connections.size).toBe(1);
  });

  it.each([
    ['a form', { 'Content-Type': 'application/x-www-form-urlencoded' }],
    ['text', { 'Content-Type': 'text/plain' }],
    ['JSON of another kind', { 'Content-Type': 'application/jsonp' }],
    ['compressed', { 'Content-Encoding': 'gzip' }],
  ])('O7: a body that is %s is 415', async (_what, headers) => {
    const running = await start();
    expect((await order(running, '{"principal":"alice"}', headers)).status).toBe(415);
  });

  it('O7: bytes that are not UTF-8 are 400, and a charset is no harm', async () => {
    const running = await start();
    const bytes = Buffer.concat([Buffer.from('{"principal":"'), Buffer.from([0xff]), Buffer.from('"}')]);
    const answer = await ask(running, '/connections/close', {
      method: 'POST',
      body: bytes,
      headers: { 'Content-Type': 'application/json; charset=utf-8' },
    });
    expect(answer.status).toBe(400);
    expect(
      (await order(running, '{"principal":"x"}', { 'Content-Type': 'application/json;charset=UTF-8' })).status,
    ).toBe(200);
  });

  it('O7: a body that never ends is answered once it is too long', async () => {
    const running = await start();
    const port = Number(new URL(running.management).port);
    const chunk = `1000\r\n${'a'.repeat(0x1000)}\r\n`;
    const answer = await exchange(
      port,
      `POST /connections/close HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${KEY}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}${chunk}`,
    );
    expect(answer).toMatch(/^HTTP\/1.1 413 /);
  });

  it.each([
    ['GET', '/connections/close', 'POST'],
    ['DELETE', '/connections/close', 'POST'],
    ['POST', '/connections', 'GET'],
    ['DELETE', '/connections', 'GET'],
  ])('O7: %s %s is 405', async (method, path, allowed) => {
    const { status, headers } = await ask(await start(), path, { method });
    expect([status, headers.get('allow')]).toEqual([405, allowed]);
  });
});

describe('who may give orders', () => {
  const attempts = [
    ['/connections', 'GET'],
    ['/connections/close', 'POST'],
    ['/connections/close', 'PUT'],
  ] as const;

  it.each(attempts)('O7: nobody, without management-token: %s is 404 and says so', async (path, method) => {
    const running = await startServer({ authTokenFile: tokens, managementAddr: '127.0.0.1:0' });
    const { status, body } = await ask(running, path, { method });
    expect([status, (body as { message: string }).message]).toEqual([
      404,
      'This server takes no orders: set management-token or management-token-file.',
    ]);
  });

  it.each(attempts)('O7: not who shows no token, or another one: %s is 401', async (path, method) => {
    const running = await start({ authToken: 'of-peers', metricsToken: 'of-metrics' });
    await Peer.connect(running.url, ALICE);
    for (const token of ['wrong', 'of-peers', 'of-metrics', `${KEY}x`, KEY.slice(1)]) {
      const { status, headers, body } = await ask(running, path, { method }, token);
      expect([status, headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
      expect(JSON.stringify(body)).not.toContain(token);
    }
    const without = await fetch(`${running.management}${path}`, { method });
    expect(without.status).toBe(401);
    expect(outcomes(running)).toMatchObject({ unauthorized: 6, closed: 0, listed: 0 });
    expect(running.server.app.get(RefusalCounts, { strict: false }).of('operator_token')).toBe(6);
    expect(JSON.stringify(running.log)).not.toContain(KEY);
    expect(running.connections.size).toBe(1);
  });

  it('O7: wrong tokens are throttled, over loopback too; the right one opens all the same', async () => {
    const running = await start({ maxWrongTokens: 2 });
    const statuses = [];
    for (let i = 0; i < 4; i++) statuses.push((await ask(running, '/connections', {}, `guess ${i}`)).status);
    expect(statuses).toEqual([401, 401, 429, 429]);
    expect((await ask(running, '/connections')).status).toBe(200);
    // Peers are counted apart.
    expect((await Peer.refused(running.url, bearer('wrong'))).status).toBe(401);
  });

  it('O7: nothing of it is on listen-addr', async () => {
    const running = await start();
    for (const path of ['/connections', '/connections/close']) {
      const response = await fetch(`${running.http}${path}`, { headers: { Authorization: `Bearer ${KEY}` } });
      expect(response.status).toBe(404);
    }
  });

  it('O7: the token file is read again', async () => {
    const file = join(folder, 'management-token');
    writeFileSync(file, `${KEY}\n`);
    const running = await startServer(
      { authTokenFile: tokens, managementAddr: '127.0.0.1:0', managementTokenFile: file },
      'trace',
      new SettlingClock(),
    );
    expect((await ask(running, '/connections')).status).toBe(200);
    writeFileSync(file, 'another\n');
    await running.server.reload();
    expect((await ask(running, '/connections')).status).toBe(401);
    expect((await ask(running, '/connections', {}, 'another')).status).toBe(200);
  });
});

describe('GET /connections', () => {
  it('O7: counts by principal, without topics, and without addresses unless asked', async () => {
    const running = await start();
    const peers = await Promise.all([BOB, ALICE, ALICE, NOBODY].map((who) => Peer.connect(running.url, who)));
    peers[0].subscribe('a topic');
    await peers[0].sync();
    const counted = {
      connections: 4,
      anonymous: 1,
      of: 2,
      principals: [
        { principal: 'alice', connections: 2 },
        { principal: 'bob', connections: 1 },
      ],
    };
    expect((await ask(running, '/connections')).body).toEqual(counted);
    expect((await ask(running, '/connections?addresses=0')).body).toEqual(counted);
    expect((await ask(running, '/connections?addresses=1')).body).toEqual({
      ...counted,
      principals: [
        { principal: 'alice', connections: 2, addresses: { '127.0.0.1': 2 } },
        { principal: 'bob', connections: 1, addresses: { '127.0.0.1': 1 } },
      ],
    });
  });

  it('O7: comes in pages', async () => {
    const running = await start();
    await Promise.all([BOB, ALICE].map((who) => Peer.connect(running.url, who)));
    expect((await ask(running, '/connections?limit=1')).body).toMatchObject({
      principals: [{ principal: 'alice' }],
      next: 'alice',
    });
    const { body } = await ask(running, '/connections?limit=1&after=alice');
    expect(body).toMatchObject({ principals: [{ principal: 'bob' }] });
    expect(body).not.toHaveProperty('next');
  });

  it.each(['limit=0', 'limit=1001', 'limit=x', 'limit=1&limit=2', 'addresses=2', 'addresses', 'topics=1'])(
    'O7: ?%s is 400',
    async (query) => {
      expect((await ask(await start(), `/connections?${query}`)).status).toBe(400);
    },
  );
});

describe('the settings', () => {
  it.each([
    ['no address', { managementToken: KEY }, /managementToken is set but management-addr is not/],
    ['no address for the file', { managementTokenFile: '/x' }, /managementTokenFile is set but management-addr is not/],
    ['both', { managementAddr: '127.0.0.1:0', managementToken: KEY, managementTokenFile: '/x' }, /both set/],
    [
      "the peers' token",
      { managementAddr: '127.0.0.1:0', managementToken: KEY, authToken: KEY },
      /the same: every peer could give orders/,
    ],
    [
      "the metrics' token",
      { managementAddr: '127.0.0.1:0', managementToken: KEY, metricsToken: KEY },
      /the same: everyone who reads metrics could give orders/,
    ],
  ])('O7: %s is a fault', async (_what, input, fault) => {
    await expect(startServer(input)).rejects.toThrow(fault);
  });
});

describe('cairn-signal disconnect and connections', () => {
  const run = (...args: string[]): Promise<Ended> => new Program(args, { CAIRN_SIGNAL_MANAGEMENT_TOKEN: KEY }).ended;
  const at = (running: RunningServer): string[] => ['--management-addr', new URL(running.management).host];

  it('O7: closes the connections of a principal and says how many: 0; nobody there: 3', async () => {
    const running = await start();
    const peers = await Promise.all([ALICE, ALICE].map((who) => Peer.connect(running.url, who)));
    expect(await run('disconnect', 'alice', ...at(running))).toMatchObject({
      code: 0,
      stdout: 'closed 2 connections of alice (1 node answered)\n',
      stderr: '',
    });
    expect(await Promise.all(peers.map((peer) => peer.closed))).toEqual([CLOSED, CLOSED]);
    expect(await run('disconnect', ...at(running), '--', '-alice')).toMatchObject({
      code: 3,
      stdout: 'nobody is connected as -alice (1 node answered)\n',
    });
  });

  it('O7: prints how many connections each principal has', async () => {
    const running = await start();
    await Promise.all([ALICE, ALICE, BOB, NOBODY].map((who) => Peer.connect(running.url, who)));
    expect(await run('connections', ...at(running))).toMatchObject({
      code: 0,
      stdout: [
        '       2  alice',
        '       1  bob',
        '       1  (without a principal)',
        '       4  connections on this node',
        '',
      ].join('\n'),
    });
  });

  it('O7: another token, an address where nobody is: 1 and a sentence', async () => {
    const running = await start({ managementToken: 'another' });
    expect(await run('disconnect', 'alice', ...at(running))).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/^cairn-signal: the server answered 401: Orders need a token of their own/),
    });
    await running.close();
    expect(await run('disconnect', 'alice', ...at(running))).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^cairn-signal: management-addr cannot be reached: /),
    });
  });

  it.each([
    ['no principal', ['disconnect', '--management-addr', '127.0.0.1:9'], 'disconnect needs one principal'],
    ['two', ['disconnect', 'a', 'b', '--management-addr', '127.0.0.1:9'], 'disconnect needs one principal'],
  ])('O7: %s: 2', async (_what, args, fault) => {
    const { code, stderr } = await run(...args);
    expect(code).toBe(2);
    expect(stderr).toContain(fault);
  });

  it('O7: without address or token: 2, and both are named', async () => {
    const { code, stderr } = await new Program(['disconnect', 'alice']).ended;
    expect(code).toBe(2);
    expect(stderr).toContain('management-addr is not set');
    expect(stderr).toContain('management-token or management-token-file is not set');
  });
});

describeWithNats('O7: on several nodes', () => {
  let nats: NatsServer;
  beforeEach(async () => {
    nats = await NatsServer.start();
  });

  const node = (input: SettingsInput = {}): Promise<RunningServer> => start({ natsUrl: nats.url, ...input });
  /** A peer on a node that is sure to be on the bus. */
  const joined = async ({ url }: RunningServer): Promise<Peer> => {
    const peer = await Peer.connect(url, ALICE);
    peer.subscribe('topic');
    return peer.sync();
  };

  it('closes those on all nodes, and says how many nodes answered', async () => {
    const nodes = await Promise.all([node(), node(), node()]);
    const peers = await Promise.all(nodes.map(joined));
    expect((await close(nodes[0], 'alice')).body).toEqual({ principal: 'alice', closed: 3, nodes: 3, bus: 'up' });
    expect(await Promise.all(peers.map((peer) => peer.closed))).toEqual([CLOSED, CLOSED, CLOSED]);
  });

  it('closes those on all nodes where NATS refuses something else', async () => {
    const denied = await NatsServer.configured(
      'authorization { users: [ { user: a, password: b, permissions: { publish: { deny: "cairn.records.>" } } } ] }\n' +
        'no_auth_user: a',
    );
    const nodes = await Promise.all([node({ natsUrl: denied.url }), node({ natsUrl: denied.url })]);
    const peers = await Promise.all(nodes.map(joined));
    await busIs(nodes[0], 'degraded');
    expect((await close(nodes[0], 'alice')).body).toEqual({
      principal: 'alice',
      closed: 2,
      nodes: 2,
      bus: 'degraded',
    });
    expect(await Promise.all(peers.map((peer) => peer.closed))).toEqual([CLOSED, CLOSED]);
  });

  it('a node without a token obeys; one with another token does not, and is not counted', async () => {
    const [one, open, other] = await Promise.all([
      node(),
      startServer({ authTokenFile: tokens, natsUrl: nats.url }),
      node({ managementToken: 'another' }),
    ]);
    const [, closed, kept] = await Promise.all([one, open, other].map(joined));
    expect((await close(one, 'alice')).body).toMatchObject({ closed: 2, nodes: 2 });
    expect(await closed.closed).toEqual(CLOSED);
    await kept.sync();
  });

  it('what somebody else writes to the bus closes nothing, and is counted', async () => {
    const running = await node();
    const peer = await joined(running);
    const hostile = await connect({ servers: nats.url });
    const now = Date.now();
    const orders = [
      '',
      '{',
      'null',
      '[]',
      '{"close":"alice"}',
      JSON.stringify({ close: 'alice', at: now }),
      JSON.stringify({ close: 'alice', at: now, signature: 'x' }),
      JSON.stringify({ close: 'alice', at: 'now', signature: null }),
      JSON.stringify({ other: 'alice', at: now }),
      'x'.repeat(100_000),
    ];
    try {
      for (const written of orders) hostile.publish('cairn.orders', written, { reply: 'nobody' });
      await hostile.flush();
      const { dropped } = running.server.app.get(BackplaneCounts, { strict: false });
      await until(() => dropped.malformed === orders.length);
      await peer.sync();
      expect(peer.isOpen).toBe(true);
    } finally {
      await hostile.close();
    }
  });

  it('an order that was changed on its way closes nothing', async () => {
    const [one, other] = await Promise.all([node(), node()]);
    const spy = await connect({ servers: nats.url });
    try {
      const heard: Uint8Array[] = [];
      spy.subscribe('cairn.orders', { callback: (_error, message) => void heard.push(message.data) });
      await spy.flush();
      await joined(other);
      await close(one, 'bob');
      await until(() => heard.length > 0);
      const { at, ...rest } = JSON.parse(Buffer.from(heard[0]).toString()) as Record<string, unknown>;
      expect(rest).toEqual({ close: 'bob', signature: expect.any(String) });
      const peer = await joined(other);
      const { dropped } = other.server.app.get(BackplaneCounts, { strict: false });
      spy.publish('cairn.orders', JSON.stringify({ ...rest, at, close: 'alice' }));
      spy.publish('cairn.orders', JSON.stringify({ ...rest, at: (at as number) + 1 }));
      await until(() => dropped.malformed === 2);
      await peer.sync();
    } finally {
      await spy.close();
    }
  });

  it('an order that is more than five minutes old is a copy, and is not obeyed', async () => {
    class Ahead extends SystemClock {
      override now(): number {
        return super.now() + 301_000;
      }
    }
    const other = await startServer({ authTokenFile: tokens, natsUrl: nats.url }, 'trace', new Ahead());
    const peer = await joined(other);
    expect((await close(await node(), 'alice')).body).toMatchObject({ closed: 0, nodes: 1 });
    await peer.sync();
  });

  it('without the bus, only this node is asked, and the answer says so', async () => {
    const running = await node();
    await joined(running);
    await nats.kill();
    await until(async () => {
      const { body } = await close(running, 'alice');
      return (body as { bus: string }).bus === 'down';
    });
    expect((await close(running, 'alice')).body).toMatchObject({ nodes: 1, bus: 'down' });
  });
});
