import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { ExecutionContext } from '@nestjs/common';
import type { JWTPayload } from 'jose';
import { namedTokenLine } from '../../../src/auth/named-token.js';
import { upgradeOf } from '../../../src/auth/upgrade-request.js';
import type { SettingsInput } from '../../../src/config/settings.js';
import { RefusalCounts } from '../../../src/metrics/refusal-counts.js';
import { Principals } from '../../../src/principals/principals.js';
import { makeKey, sign, stopIssuers, TestIssuer } from '../../support/issuer.js';
import type { SigningKey } from '../../support/issuer.js';
import { ManualClock } from '../../support/manual-clock.js';
import { Peer } from '../../support/peer.js';
import type { PeerOptions } from '../../support/peer.js';
import { RawConnection } from '../../support/raw-http.js';
import { startServer, stopServers } from '../../support/server.js';
import type { RunningServer } from '../../support/server.js';
import { until } from '../../support/until.js';

const bearer = (token: string): PeerOptions => ({ headers: { Authorization: `Bearer ${token}` } });
const ALICE = bearer('s3cret-a');
const BOB = bearer('s3cret-b');
const NOBODY = bearer('s3cret-n');

let folder: string;
let key: SigningKey;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cairn-signal-principals-'));
  writeFileSync(
    join(folder, 'tokens'),
    [namedTokenLine('alice', 's3cret-a'), namedTokenLine('bob', 's3cret-b'), 's3cret-n', ''].join('\n'),
  );
  key = await makeKey('key');
});
afterEach(async () => {
  await stopServers();
  await stopIssuers();
});
afterAll(() => rmSync(folder, { recursive: true }));

const withTokens = (input: SettingsInput, clock?: ManualClock): Promise<RunningServer> =>
  startServer({ authTokenFile: join(folder, 'tokens'), ...input }, 'trace', clock);
const principalsOf = ({ server }: RunningServer): Principals => server.app.get(Principals, { strict: false });

describe('max-connections-per-principal', () => {
  it('L17: one more is 429 with Retry-After, whatever others have, until a place is free', async () => {
    const running = await withTokens({ maxConnectionsPerPrincipal: 2 });
    const [first] = [await Peer.connect(running.url, ALICE), await Peer.connect(running.url, ALICE)];
    const { status, headers, body } = await Peer.refused(running.url, ALICE);
    expect([status, headers['retry-after'], body]).toEqual([
      429,
      '10',
      'Too many connections of this principal; the setting is max-connections-per-principal.\n',
    ]);
    expect(running.counts.of('max-connections-per-principal')).toBe(1);
    expect(running.server.app.get(RefusalCounts, { strict: false }).of('connections_per_principal')).toBe(1);
    await Peer.connect(running.url, BOB);
    await first.close();
    await Peer.connect(running.url, ALICE);
    expect((await Peer.refused(running.url, ALICE)).status).toBe(429);
  });

  it('L17: anonymous peers are not counted', async () => {
    const running = await withTokens({ maxConnectionsPerPrincipal: 1 });
    for (let i = 0; i < 3; i++) await Peer.connect(running.url, NOBODY);
    expect(principalsOf(running).size).toBe(0);
  });

  it('L17: an upgrade that is refused or aborted takes no place', async () => {
    const running = await withTokens({ maxConnectionsPerPrincipal: 1 });
    const malformed = await RawConnection.open(running.port);
    malformed.write(
      'GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer s3cret-a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: no\r\n\r\n',
    );
    expect(await malformed.ended).toMatch(/^HTTP\/1.1 400 /);
    await until(() => principalsOf(running).size === 0);
    await Peer.connect(running.url, ALICE);
  });

  it('L17: the connection check says what a handshake would be told, and takes no place', async () => {
    const running = await withTokens({ maxConnectionsPerPrincipal: 1 });
    const check = async (): Promise<number> =>
      (await fetch(`${running.http}/check/auth`, { headers: ALICE.headers! })).status;
    expect([await check(), await check()]).toEqual([204, 204]);
    const peer = await Peer.connect(running.url, ALICE);
    expect(await check()).toBe(429);
    await peer.close();
    expect(await check()).toBe(204);
  });

  it('L17: a peer that does not answer pings makes way for another one of its principal', async () => {
    const clock = new ManualClock();
    const running = await withTokens({ maxConnectionsPerPrincipal: 1, pingInterval: '10s', pongTimeout: '10s' }, clock);
    const mute = await RawConnection.open(running.port);
    mute.write(
      'GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer s3cret-a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
    );
    await mute.heard('\r\n\r\n');
    // A text message, masked with zeros: only such peers are kept without an answer.
    mute.write(Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x7b, 0x7d]));
    expect((await Peer.refused(running.url, ALICE)).status).toBe(429);
    await until(async () => {
      clock.pass(10_000);
      return (await Peer.connect(running.url, ALICE).catch(() => undefined)) !== undefined;
    });
    await mute.ended;
    expect(running.connections.size).toBe(1);
  });

  it('L17: the memory of 10,000 principals is freed with their connections', () => {
    const clock = new ManualClock();
    const settings = {
      maxConnectionsPerPrincipal: 1,
      maxMessagesPerSecondPerPrincipal: 1,
      messageBurstPerPrincipal: 1,
    };
    const counts = { reached: () => undefined };
    const principals = new Principals(settings as never, clock, counts as never);
    const taken = Array.from({ length: 20_000 }, (_, i) => principals.take(`principal ${i}`, undefined));
    for (const member of taken) {
      if (!('charge' in member)) throw member;
      member.charge(clock.monotonic(), 5);
      member.release();
      member.release();
    }
    // The empty buckets of some are remembered, so that nobody fills one by coming back.
    expect(principals.size).toBe(10_000);
    clock.pass(6000);
    const last = principals.take('last', undefined);
    if ('release' in last) last.release();
    expect(principals.size).toBe(0);
  });
});

describe('max-topics-per-principal', () => {
  it('L18: one more closes its connection with 1008, and what others of the principal leave is free again', async () => {
    const running = await withTokens({ maxTopicsPerPrincipal: 3 });
    const [one, two] = [await Peer.connect(running.url, ALICE), await Peer.connect(running.url, ALICE)];
    one.subscribe('a');
    one.subscribe('b');
    one.subscribe('a');
    two.subscribe('a');
    await Promise.all([one.sync(), two.sync()]);
    const bob = await Peer.connect(running.url, BOB);
    for (const topic of ['a', 'b', 'c']) bob.subscribe(topic);
    await bob.sync();
    two.subscribe('c');
    expect(await two.closed).toEqual({
      code: 1008,
      reason: 'more than 3 topics of one principal; the setting is max-topics-per-principal',
    });
    one.subscribe('c');
    await one.sync();
    one.unsubscribe('a');
    one.subscribe('d');
    await one.sync();
    one.subscribe('e');
    expect((await one.closed).code).toBe(1008);
    expect(running.counts.of('max-topics-per-principal')).toBe(2);
    await until(() => running.connections.size === 1);
    await bob.close();
    await until(() => running.connections.size === 0);
    expect(principalsOf(running).size).toBe(0);
  });

  it('L18: does not bind anonymous peers', async () => {
    const running = await withTokens({ maxTopicsPerPrincipal: 1 });
    const peer = await Peer.connect(running.url, NOBODY);
    for (const topic of ['a', 'b', 'c']) peer.subscribe(topic);
    await peer.sync();
    expect(running.topics.subscriptions).toBe(3);
  });
});

describe('max-messages-per-second-per-principal', () => {
  it('L19: all connections of a principal share a burst and a rate; nothing is lost, and others are not slowed down', async () => {
    const clock = new ManualClock();
    const running = await withTokens(
      { maxMessagesPerSecondPerPrincipal: 10, messageBurstPerPrincipal: 20, maxMessagesPerSecond: 0 },
      clock,
    );
    const [one, two, bob] = await Promise.all([ALICE, ALICE, BOB].map((who) => Peer.connect(running.url, who)));
    const relayed = (): number => running.traffic.received.relay;
    for (let i = 0; i < 30; i++) {
      one.relay('t', 'x');
      two.relay('t', 'x');
    }
    await until(() => relayed() === 20);
    bob.relay('t', 'x');
    await bob.sync();
    expect(relayed()).toBe(21);
    expect(running.counts.of('max-messages-per-second-per-principal')).toBe(2);
    expect(running.counts.of('max-messages-per-second')).toBe(0);
    // Each second brings ten more, and nothing more.
    for (const expected of [31, 41, 51, 61]) {
      clock.pass(1000);
      await until(() => relayed() === expected);
    }
    clock.pass(10_000);
    await Promise.all([one.sync(), two.sync()]);
    expect(relayed()).toBe(61);
  });

  it('L19: a new connection brings no new burst', async () => {
    const clock = new ManualClock();
    const running = await withTokens({ maxMessagesPerSecondPerPrincipal: 1, messageBurstPerPrincipal: 5 }, clock);
    const first = await Peer.connect(running.url, ALICE);
    for (let i = 0; i < 5; i++) first.relay('t', 'x');
    await until(() => running.traffic.received.relay === 5);
    await first.close();
    await until(() => running.connections.size === 0);
    const second = await Peer.connect(running.url, ALICE);
    second.relay('t', 'x');
    await until(() => running.counts.of('max-messages-per-second-per-principal') === 1);
    expect(running.traffic.received.relay).toBe(5);
    clock.pass(1000);
    await until(() => running.traffic.received.relay === 6);
  });
});

describe('the claim limits', () => {
  let running: RunningServer;
  let issuer: TestIssuer;

  async function start(input: SettingsInput = {}, clock?: ManualClock): Promise<void> {
    issuer = await TestIssuer.start();
    issuer.keys = [key.jwk];
    const jwts = { jwtIssuer: issuer.name, jwtJwksUrl: issuer.keysUrl, jwtAudience: 'cairn', maxWrongTokens: 0 };
    running = await startServer({ ...jwts, ...input }, 'trace', clock);
  }

  const withClaims = async (claims: JWTPayload): Promise<PeerOptions> => {
    const exp = Math.floor(Date.now() / 1000) + 60;
    return bearer(await sign(key, { iss: issuer.name, aud: 'cairn', sub: 'alice', exp, ...claims }));
  };

  it('A16: takes the place of the settings, in both directions', async () => {
    await start({ maxConnectionsPerPrincipal: 2, maxTopicsPerPrincipal: 1 });
    const more = await withClaims({ limits: { connections: 3, topics: 2, unknown: 'x' } });
    const peers = [];
    for (let i = 0; i < 3; i++) peers.push(await Peer.connect(running.url, more));
    const { status, body } = await Peer.refused(running.url, more);
    expect([status, body]).toEqual([429, expect.stringContaining('the claim "limits"')]);
    peers[0].subscribe('a');
    peers[1].subscribe('b');
    await Promise.all(peers.map((peer) => peer.sync()));
    peers[2].subscribe('c');
    expect((await peers[2].closed).reason).toMatch(/^more than 2 topics of one principal/);
    await until(() => running.connections.size === 2);
    const fewer = await withClaims({ limits: { connections: 1 } });
    expect((await Peer.refused(running.url, fewer)).status).toBe(429);
    const unlimited = await withClaims({ limits: { connections: 0 } });
    for (let i = 0; i < 3; i++) await Peer.connect(running.url, unlimited);
  });

  it('A16: gives a rate where the settings have none', async () => {
    await start();
    const peer = await Peer.connect(running.url, await withClaims({ limits: { rate: 1, burst: 3 } }));
    for (let i = 0; i < 4; i++) peer.relay('t', 'x');
    await until(() => running.counts.of('max-messages-per-second-per-principal') === 1);
    expect(running.traffic.received.relay).toBeLessThan(5);
    await peer.sync();
  });

  it('A16: who gets a higher rate need not wait as long as with the old one', async () => {
    const clock = new ManualClock();
    await start({ maxMessagesPerSecond: 0 }, clock);
    const exp = Math.floor(clock.now() / 1000) + 3600;
    const slow = await Peer.connect(running.url, await withClaims({ exp, limits: { rate: 1, burst: 1000 } }));
    for (let i = 0; i < 1000; i++) slow.relay('t', 'x');
    await until(() => running.traffic.received.relay === 1000);
    const fast = await Peer.connect(running.url, await withClaims({ exp, limits: { rate: 1000, burst: 100 } }));
    fast.relay('t', 'x');
    await until(() => running.counts.of('max-messages-per-second-per-principal') === 1);
    expect(running.traffic.received.relay).toBe(1000);
    clock.pass(1000);
    await until(() => running.traffic.received.relay === 1001);
  });

  it.each([
    ['a string', '5', 'must be an object of connections, topics, rate, burst'],
    ['null', null, 'must be an object of connections, topics, rate, burst'],
    ['a list', [5], 'must be an object of connections, topics, rate, burst'],
    ['a number as text', { connections: '5' }, 'must have a whole number from 0 to 10000000 for connections'],
    ['a fraction', { topics: 1.5 }, 'must have a whole number from 0 to 10000000 for topics'],
    ['less than nothing', { rate: -1 }, 'must have a whole number from 0 to 1000000 for rate'],
    ['too much', { burst: 1e20 }, 'must have a whole number from 1 to 1000000 for burst'],
    ['an empty burst', { burst: 0 }, 'must have a whole number from 1 to 1000000 for burst'],
    ['null inside', { rate: null }, 'must have a whole number from 0 to 1000000 for rate'],
  ])('A16: %s makes the token malformed, and the refusal says so', async (_what, limits, fault) => {
    await start();
    const { status, body } = await Peer.refused(running.url, await withClaims({ limits }));
    expect([status, body]).toEqual([401, `The claim "limits" of this token ${fault}.\n`]);
    expect(running.server.app.get(RefusalCounts, { strict: false }).of('token_malformed')).toBe(1);
    const line = running.log.find(({ msg }) => msg === 'refused an upgrade')!;
    expect([line.issuer, line.claimed]).toEqual([issuer.name, undefined]);
  });
});

describe('limits that a guard sets', () => {
  const guarded = (limits: unknown): Promise<RunningServer> => {
    class Limiting {
      canActivate(context: ExecutionContext): boolean {
        const upgrade = upgradeOf(context);
        upgrade.principal = 'of the guard';
        upgrade.limits = limits as never;
        return true;
      }
    }
    return startServer({}, 'trace', undefined, { guards: [Limiting] });
  };

  it('A16: hold for the principal', async () => {
    const running = await guarded({ connections: 1 });
    await Peer.connect(running.url);
    expect((await Peer.refused(running.url)).status).toBe(429);
  });

  it('A16: that are none refuse the peer, and the log names the guard', async () => {
    const running = await guarded({ connections: 'many' });
    expect((await Peer.refused(running.url)).status).toBe(503);
    expect(running.log.find(({ guard }) => guard === 'Limiting')?.msg).toContain(
      'set limits, which must have a whole number from 0 to 10000000 for connections',
    );
  });
});
