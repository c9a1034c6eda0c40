import { once } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { SettingsInput } from '../../../src/config/settings.js';
import { ManualClock } from '../../support/manual-clock.js';
import { Peer } from '../../support/peer.js';
import type { PeerOptions } from '../../support/peer.js';
import { HANDSHAKE, RawConnection } from '../../support/raw-http.js';
import { startServer, stopServers } from '../../support/server.js';

afterEach(stopServers);

/** A peer that a trusted proxy says is at `address`. */
const from = (address: string, headers: Record<string, string> = {}): PeerOptions => ({ headers: { 'X-Forwarded-For': address, ...headers } });

const BEHIND_PROXY: SettingsInput = { trustedProxies: '127.0.0.1' };

describe('max-connections', () => {
  it('L5: as many connect as the setting says; one more is 503 with Retry-After, until a place is free', async () => {
    const running = await startServer({ maxConnections: 2 });
    const [first] = [await Peer.connect(running.url), await Peer.connect(running.url)];
    const { status, headers, body } = await Peer.refused(running.url);
    expect([status, headers['retry-after'], body]).toEqual([503, '10', 'This server has as many connections as it may; the setting is max-connections.\n']);
    expect(running.counts.of('max-connections')).toBe(1);
    // The front page and health are no connections of peers.
    expect((await fetch(`${running.http}/health/ready`)).status).toBe(200);
    await first.close();
    await Peer.connect(running.url);
    expect((await Peer.refused(running.url)).status).toBe(503);
  });

  it('L5: an upgrade that is refused, malformed or given up takes no place', async () => {
    const running = await startServer({ maxConnections: 1, authToken: 's3cret' });
    await Peer.refused(running.url);
    await Peer.refused(running.url, { headers: { Authorization: 'Bearer no' } });
    const malformed = await RawConnection.open(running.port);
    malformed.write('GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer s3cret\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: no\r\n\r\n');
    expect(await malformed.ended).toMatch(/^HTTP\/1.1 400 /);
    await Peer.connect(running.url, { headers: { Authorization: 'Bearer s3cret' } });
  });

  it('L5: one that is refused gives its place back at once, however long it takes to read why', async () => {
    const running = await startServer({ maxConnections: 1, authToken: 's3cret' });
    const refused = await RawConnection.open(running.port);
    refused.write(HANDSHAKE);
    while (!refused.answer.startsWith('HTTP/1.1 401 ')) await once(refused.socket, 'data');
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
    let next: Peer | undefined;
    while (next === undefined) next = await Peer.connect(running.url).catch(() => undefined);
    expect(next.socket.readyState).toBe(next.socket.OPEN);
  });
});

describe('max-connections-per-ip', () => {
  it('L6: as many connect from one address as the setting says; one more is 429 with Retry-After, others are not concerned', async () => {
    const running = await startServer({ maxConnectionsPerIp: 2 });
    const [first] = [await Peer.connect(running.url), await Peer.connect(running.url)];
    const { status, headers, body } = await Peer.refused(running.url);
    expect([status, headers['retry-after'], body]).toEqual([429, '10', 'Too many connections from this address; the setting is max-connections-per-ip.\n']);
    expect(running.counts.of('max-connections-per-ip')).toBe(1);
    await Peer.connect(running.url, { localAddress: '127.0.0.2' });
    await first.close();
    await Peer.connect(running.url);
  });

  it('L6, L7: behind a trusted proxy it is the address that the proxy saw; without trust the header means nothing', async () => {
    const trusting = await startServer({ ...BEHIND_PROXY, maxConnectionsPerIp: 1 });
    await Peer.connect(trusting.url, from('203.0.113.1'));
    await Peer.connect(trusting.url, from('203.0.113.2'));
    expect((await Peer.refused(trusting.url, from('1.2.3.4, 203.0.113.1'))).status).toBe(429);

    const trustless = await startServer({ maxConnectionsPerIp: 1 });
    await Peer.connect(trustless.url, from('203.0.113.1'));
    expect((await Peer.refused(trustless.url, from('203.0.113.2'))).status).toBe(429);
  });

  it('L7: what the proxy wrote counts however many headers a peer put before it', async () => {
    const running = await startServer({ ...BEHIND_PROXY, maxConnectionsPerIp: 1 });
    await Peer.connect(running.url, from('203.0.113.9'));
    const raw = await RawConnection.open(running.port);
    const handshake = HANDSHAKE.replace('\r\n\r\n', '');
    raw.write(`${handshake}\r\nX-Forwarded-For: 6.6.6.1\r\n${'a:\r\n'.repeat(1100)}X-Forwarded-For: 203.0.113.9\r\n\r\n`);
    expect(await raw.ended).toMatch(/^HTTP\/1.1 429 /);
  });

  it('L6: IPv6 peers are counted by their /64', async () => {
    const running = await startServer({ ...BEHIND_PROXY, maxConnectionsPerIp: 1 });
    await Peer.connect(running.url, from('2001:db8:0:1::1'));
    expect((await Peer.refused(running.url, from('2001:db8:0:1:ffff::2'))).status).toBe(429);
    await Peer.connect(running.url, from('2001:db8:0:2::1'));
  });
});

describe('allowed-origins', () => {
  const origin = (value: string): PeerOptions => ({ headers: { Origin: value } });

  it('L8: web pages of other origins, and pages without one, are answered 403', async () => {
    const running = await startServer({ allowedOrigins: 'https://app.example.com, http://localhost:3000' });
    for (const value of ['https://evil.example', 'null', 'http://app.example.com', 'https://app.example.com.evil.example', 'https://app.example.com:8443']) {
      const { status, body } = await Peer.refused(running.url, origin(value));
      expect([value, status, body]).toEqual([value, 403, 'Web pages of this origin may not connect; the setting is allowed-origins.\n']);
    }
    expect(running.counts.of('allowed-origins')).toBe(5);
    for (const value of ['https://app.example.com', 'HTTPS://APP.EXAMPLE.COM', 'http://localhost:3000']) await Peer.connect(running.url, origin(value));
  });

  it('L8: peers that are no web page connect: without an origin, or with what the Go library sends', async () => {
    const running = await startServer({ allowedOrigins: 'https://app.example.com' });
    await Peer.connect(running.url);
    expect((await Peer.connect(running.url, origin(`ws://127.0.0.1:${running.port}/`))).socket.readyState).toBe(1);
  });

  it('L8: by default every origin may, and null where it is listed', async () => {
    await Peer.connect((await startServer()).url, origin('https://any.example'));
    const running = await startServer({ allowedOrigins: 'null' });
    await Peer.connect(running.url, origin('null'));
    expect((await Peer.refused(running.url, origin('https://any.example'))).status).toBe(403);
  });
});

describe('max-wrong-tokens', () => {
  const bearer = (token: string): Record<string, string> => ({ Authorization: `Bearer ${token}` });

  it('L9: ten wrong tokens of an address are 401, the next 429 with Retry-After; a right one and other addresses are let in', async () => {
    const clock = new ManualClock();
    const running = await startServer({ ...BEHIND_PROXY, authToken: 's3cret' }, 'trace', clock);
    for (let i = 0; i < 10; i++) expect((await Peer.refused(running.url, from('203.0.113.1', bearer(`wrong ${i}`)))).status).toBe(401);
    const { status, headers, body } = await Peer.refused(running.url, from('203.0.113.1', bearer('wrong')));
    expect([status, headers['retry-after'], body]).toEqual([429, '60', 'Too many wrong tokens from this address; the setting is max-wrong-tokens.\n']);
    expect(running.counts.of('max-wrong-tokens')).toBe(1);

    await Peer.connect(running.url, from('203.0.113.1', bearer('s3cret')));
    expect((await Peer.refused(running.url, from('203.0.113.2', bearer('wrong')))).status).toBe(401);
    clock.pass(60_000);
    expect((await Peer.refused(running.url, from('203.0.113.1', bearer('wrong')))).status).toBe(401);
  });

  it('L9: a missing token is no guess', async () => {
    const running = await startServer({ ...BEHIND_PROXY, authToken: 's3cret', maxWrongTokens: 1 });
    for (let i = 0; i < 5; i++) expect((await Peer.refused(running.url, from('203.0.113.1'))).status).toBe(401);
  });

  it('L9: an address that may be a proxy nobody named is not throttled but warned about, once', async () => {
    const running = await startServer({ authToken: 's3cret', maxWrongTokens: 1 });
    for (let i = 0; i < 5; i++) expect((await Peer.refused(running.url, { headers: bearer('wrong') })).status).toBe(401);
    expect(running.log.filter(({ level, msg }) => level === 'warn' && msg.includes('trusted-proxies'))).toHaveLength(1);
  });
});
