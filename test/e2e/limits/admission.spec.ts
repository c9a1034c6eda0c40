import { afterEach, describe, expect, it } from '@jest/globals';
import type { SettingsInput } from '../../../src/config/settings.js';
import { ConnectionCounts } from '../../../src/metrics/connection-counts.js';
import { ManualClock } from '../../support/manual-clock.js';
import { Peer } from '../../support/peer.js';
import type { PeerOptions } from '../../support/peer.js';
import { exchange, HANDSHAKE, RawConnection } from '../../support/raw-http.js';
import { startServer, stopServers } from '../../support/server.js';
import type { RunningServer } from '../../support/server.js';
import { eventually, until } from '../../support/until.js';

afterEach(stopServers);

/** A peer that a trusted proxy says is at `address`. */
const from = (address: string, headers: Record<string, string> = {}): PeerOptions => ({
  headers: { 'X-Forwarded-For': address, ...headers },
});

/** TCP connections that do not belong to a peer. */
const plainOn = ({ server }: RunningServer): number => server.app.get(ConnectionCounts, { strict: false }).plain!.size;

const BEHIND_PROXY: SettingsInput = { trustedProxies: '127.0.0.1' };

describe('max-connections', () => {
  it('L5: the setting is the maximum; one more is 503 with Retry-After, until a place is free', async () => {
    const running = await startServer({ maxConnections: 2 });
    const [first] = [await Peer.connect(running.url), await Peer.connect(running.url)];
    const { status, headers, body } = await Peer.refused(running.url);
    expect([status, headers['retry-after'], body]).toEqual([
      503,
      '10',
      'This server has reached its connection limit; the setting is max-connections.\n',
    ]);
    expect(running.counts.of('max-connections')).toBe(1);
    // Requests for the front page and health do not count.
    expect((await fetch(`${running.http}/health/ready`)).status).toBe(200);
    await first.close();
    await Peer.connect(running.url);
    expect((await Peer.refused(running.url)).status).toBe(503);
  });

  it('L5: an upgrade that is refused, malformed or aborted takes no place', async () => {
    const running = await startServer({ maxConnections: 1, authToken: 's3cret' });
    await Peer.refused(running.url);
    await Peer.refused(running.url, { headers: { Authorization: 'Bearer no' } });
    const malformed = await RawConnection.open(running.port);
    malformed.write(
      'GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer s3cret\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: no\r\n\r\n',
    );
    expect(await malformed.ended).toMatch(/^HTTP\/1.1 400 /);
    await Peer.connect(running.url, { headers: { Authorization: 'Bearer s3cret' } });
  });

  it('L5: a refused peer gives its place back immediately, however long it takes to read the answer', async () => {
    const running = await startServer({ maxConnections: 1, authToken: 's3cret' });
    const refused = await RawConnection.open(running.port);
    refused.write(HANDSHAKE);
    await refused.heard('HTTP/1.1 401 ');
    const peer = await Peer.connect(running.url, { headers: { Authorization: 'Bearer s3cret' } });
    expect(peer.socket.readyState).toBe(peer.socket.OPEN);
    refused.socket.destroy();
  });

  it('L5: a peer that resets its connection gives its place back', async () => {
    const running = await startServer({ maxConnections: 1 });
    const raw = await RawConnection.upgraded(running.port);
    raw.socket.resetAndDestroy();
    await raw.ended;
    // The reset is on its way: until it is seen there is no place.
    const next = await eventually(
      () => Peer.connect(running.url).catch(() => undefined),
      (peer) => peer !== undefined,
    );
    expect(next!.socket.readyState).toBe(next!.socket.OPEN);
  });
});

describe('max-connections-per-ip', () => {
  it('L6: the setting is the maximum for one address; one more is 429 with Retry-After, and other addresses are not affected', async () => {
    const running = await startServer({ maxConnectionsPerIp: 2 });
    const [first] = [await Peer.connect(running.url), await Peer.connect(running.url)];
    const { status, headers, body } = await Peer.refused(running.url);
    expect([status, headers['retry-after'], body]).toEqual([
      429,
      '10',
      'Too many connections from this address; the setting is max-connections-per-ip.\n',
    ]);
    expect(running.counts.of('max-connections-per-ip')).toBe(1);
    await Peer.connect(running.url, { localAddress: '127.0.0.2' });
    await first.close();
    await Peer.connect(running.url);
  });

  it('L6, L7: behind a trusted proxy the address that the proxy saw counts; without trust the header is ignored', async () => {
    const trusting = await startServer({ ...BEHIND_PROXY, maxConnectionsPerIp: 1 });
    await Peer.connect(trusting.url, from('203.0.113.1'));
    await Peer.connect(trusting.url, from('203.0.113.2'));
    expect((await Peer.refused(trusting.url, from('1.2.3.4, 203.0.113.1'))).status).toBe(429);

    const trustless = await startServer({ maxConnectionsPerIp: 1 });
    await Peer.connect(trustless.url, from('203.0.113.1'));
    expect((await Peer.refused(trustless.url, from('203.0.113.2'))).status).toBe(429);
  });

  it('L7: what the proxy wrote counts, however many headers a peer put before it, or else the request is refused', async () => {
    const running = await startServer({ ...BEHIND_PROXY, maxConnectionsPerIp: 1 });
    await Peer.connect(running.url, from('203.0.113.9'));
    const handshake = HANDSHAKE.replace('\r\n\r\n', '');
    const answer = (headers: number): Promise<string> =>
      exchange(
        running.port,
        `${handshake}\r\nX-Forwarded-For: 6.6.6.1\r\n${'a:\r\n'.repeat(headers)}X-Forwarded-For: 203.0.113.9\r\n\r\n`,
      );
    expect(await answer(100)).toMatch(/^HTTP\/1.1 429 /);
    expect(await answer(1100)).toMatch(/^HTTP\/1.1 431 /);
  });

  it('L6: IPv6 peers are counted by their /64', async () => {
    const running = await startServer({ ...BEHIND_PROXY, maxConnectionsPerIp: 1 });
    await Peer.connect(running.url, from('2001:db8:0:1::1'));
    expect((await Peer.refused(running.url, from('2001:db8:0:1:ffff::2'))).status).toBe(429);
    await Peer.connect(running.url, from('2001:db8:0:2::1'));
  });
});

describe('plain connections', () => {
  const LIVE = 'GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n';

  /** A connection that sent a request and got its answer. */
  async function answered(port: number, request = LIVE): Promise<RawConnection> {
    const connection = await RawConnection.open(port);
    connection.write(request);
    await connection.heard('\r\n\r\n');
    return connection;
  }

  it('L6: count towards max-connections-per-ip: beyond it, and 16, the one that is idle longest is closed', async () => {
    const running = await startServer({ maxConnectionsPerIp: 2 });
    const peer = await Peer.connect(running.url);
    const connections: RawConnection[] = [];
    for (let i = 0; i < 17; i++) connections.push(await answered(running.port));
    expect([running.counts.of('max-connections-per-ip'), plainOn(running)]).toEqual([0, 17]);
    const further = await answered(running.port);
    expect(further.answer).toMatch(/^HTTP\/1\.1 200 /);
    await connections[0].ended;
    expect([running.counts.of('max-connections-per-ip'), plainOn(running)]).toEqual([1, 17]);
    expect(connections.slice(1).every(({ socket }) => !socket.destroyed)).toBe(true);
    // Peers still find their places, and peers without one are told why.
    const second = await Peer.connect(running.url);
    expect((await Peer.refused(running.url)).body).toContain('max-connections-per-ip');
    await Peer.connect(running.url, { localAddress: '127.0.0.2' });
    expect([peer, second].map(({ socket }) => socket.readyState)).toEqual([1, 1]);
    for (const { socket } of [...connections, further]) socket.destroy();
  });

  it('L6, L7: of a trusted proxy count for nobody while they have no open request', async () => {
    const running = await startServer({ ...BEHIND_PROXY, maxConnectionsPerIp: 1 });
    const kept = await Promise.all(
      Array.from({ length: 40 }, () =>
        answered(running.port, LIVE.replace('\r\n\r\n', '\r\nX-Forwarded-For: 203.0.113.1\r\n\r\n')),
      ),
    );
    expect([running.counts.of('max-connections-per-ip'), plainOn(running)]).toEqual([0, 40]);
    for (const { socket } of kept) socket.destroy();
  });

  it('L16: max-plain-connections is their maximum, besides peers; one more makes another one close', async () => {
    const running = await startServer({ maxPlainConnections: 3 });
    const peers = [
      await Peer.connect(running.url),
      await Peer.connect(running.url),
      await Peer.connect(running.url),
      await Peer.connect(running.url),
    ];
    const connections = [
      await answered(running.port),
      await RawConnection.open(running.port),
      await answered(running.port),
    ];
    expect(plainOn(running)).toBe(3);
    connections.push(await answered(running.port));
    await connections[0].ended;
    connections.push(await answered(running.port));
    await connections[2].ended;
    expect([running.counts.of('max-plain-connections'), plainOn(running)]).toEqual([2, 3]);
    expect(peers.map(({ socket }) => socket.readyState)).toEqual([1, 1, 1, 1]);
    expect(running.log.filter(({ msg }) => msg.startsWith('closed a plain connection'))).toMatchObject([
      { level: 'info', remote: '127.0.0.1', msg: expect.stringContaining('max-plain-connections') },
    ]);
    for (const { socket } of connections) socket.destroy();
  });

  it('L16: a connection is plain until it belongs to a peer or, if it is refused, until it is closed', async () => {
    const running = await startServer({ authToken: 's3cret' });
    expect(plainOn(running)).toBe(0);
    await Peer.connect(running.url, { headers: { Authorization: 'Bearer s3cret' } });
    expect(plainOn(running)).toBe(0);
    const refused = await answered(running.port, HANDSHAKE);
    expect([refused.answer.slice(0, 12), plainOn(running)]).toEqual(['HTTP/1.1 401', 1]);
    await refused.ended;
    await until(() => plainOn(running) === 0);
  });
});

describe('allowed-origins', () => {
  const origin = (value: string): PeerOptions => ({ headers: { Origin: value } });

  it('L8: web pages of other origins, and pages without one, are answered 403', async () => {
    const running = await startServer({ allowedOrigins: 'https://app.example.com, http://localhost:3000' });
    for (const value of [
      'https://evil.example',
      'null',
      'http://app.example.com',
      'https://app.example.com.evil.example',
      'https://app.example.com:8443',
    ]) {
      const { status, body } = await Peer.refused(running.url, origin(value));
      expect([value, status, body]).toEqual([
        value,
        403,
        'Web pages of this origin may not connect; the setting is allowed-origins.\n',
      ]);
    }
    expect(running.counts.of('allowed-origins')).toBe(5);
    for (const value of ['https://app.example.com', 'HTTPS://APP.EXAMPLE.COM', 'http://localhost:3000']) {
      await Peer.connect(running.url, origin(value));
    }
  });

  it('L8: peers that are not web pages connect: without an origin, or with what the Go library sends', async () => {
    const running = await startServer({ allowedOrigins: 'https://app.example.com' });
    await Peer.connect(running.url);
    expect((await Peer.connect(running.url, origin(`ws://127.0.0.1:${running.port}/`))).socket.readyState).toBe(1);
  });

  it('L8: by default every origin may connect; null may if it is listed', async () => {
    await Peer.connect((await startServer()).url, origin('https://any.example'));
    const running = await startServer({ allowedOrigins: 'null' });
    await Peer.connect(running.url, origin('null'));
    expect((await Peer.refused(running.url, origin('https://any.example'))).status).toBe(403);
  });
});

describe('max-wrong-tokens', () => {
  const bearer = (token: string): Record<string, string> => ({ Authorization: `Bearer ${token}` });

  it('L9: ten wrong tokens from an address are 401, then 429 with Retry-After; a correct one and other addresses are let in', async () => {
    const clock = new ManualClock();
    const running = await startServer({ ...BEHIND_PROXY, authToken: 's3cret' }, 'trace', clock);
    for (let i = 0; i < 10; i++) {
      expect((await Peer.refused(running.url, from('203.0.113.1', bearer(`wrong ${i}`)))).status).toBe(401);
    }
    const { status, headers, body } = await Peer.refused(running.url, from('203.0.113.1', bearer('wrong')));
    expect([status, headers['retry-after'], body]).toEqual([
      429,
      '60',
      'Too many wrong tokens from this address; the setting is max-wrong-tokens.\n',
    ]);
    expect(running.counts.of('max-wrong-tokens')).toBe(1);

    await Peer.connect(running.url, from('203.0.113.1', bearer('s3cret')));
    expect((await Peer.refused(running.url, from('203.0.113.2', bearer('wrong')))).status).toBe(401);
    clock.pass(60_000);
    expect((await Peer.refused(running.url, from('203.0.113.1', bearer('wrong')))).status).toBe(401);
  });

  it('L9: a missing token does not count as a guess', async () => {
    const running = await startServer({ ...BEHIND_PROXY, authToken: 's3cret', maxWrongTokens: 1 });
    for (let i = 0; i < 5; i++) expect((await Peer.refused(running.url, from('203.0.113.1'))).status).toBe(401);
  });

  it('L9: an address that may be an unlisted proxy is not throttled; the log warns about it once', async () => {
    const running = await startServer({ authToken: 's3cret', maxWrongTokens: 1 });
    for (let i = 0; i < 5; i++) {
      expect((await Peer.refused(running.url, { headers: bearer('wrong') })).status).toBe(401);
    }
    expect(running.log.filter(({ level, msg }) => level === 'warn' && msg.includes('trusted-proxies'))).toHaveLength(1);
  });
});
