import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { SettingsInput } from '../../src/config/settings.js';
import { RefusalCounts } from '../../src/metrics/refusal-counts.js';
import { makeCertificates } from '../support/certificates.js';
import type { Certificates } from '../support/certificates.js';
import { describeWithProxy, FrontProxy } from '../support/front-proxy.js';
import { payloadOf, Peer } from '../support/peer.js';
import { proxyHeaderV2 } from '../support/proxy-header.js';
import { exchange, HANDSHAKE, RawConnection } from '../support/raw-http.js';
import { startServer, stopServers } from '../support/server.js';
import type { LogLine, RunningServer } from '../support/server.js';
import { until } from '../support/until.js';

/** With one peer from each address, a second one shows that its address is the one that was named. */
const BEHIND: SettingsInput = {
  proxyProtocol: 'on',
  trustedProxies: '127.0.0.1',
  maxConnectionsPerIp: 1,
  drainTimeout: '0s',
};
const OFF: SettingsInput = { maxConnectionsPerIp: 0, drainTimeout: '0s' };

const v1 = (address: string): string => `PROXY TCP4 ${address} 127.0.0.1 4711 443\r\n`;
const v2 = (address: string): string =>
  proxyHeaderV2(0x21, 0x11, `${Buffer.from(address.split('.').map(Number)).toString('hex')}7f000001126701bb`).toString(
    'latin1',
  );

/** What the log says of connections that were refused for their PROXY header. */
const refusedFor = (running: RunningServer): LogLine[] =>
  running.log.filter(({ msg, why = '' }) => `${msg} ${why as string}`.includes('PROXY header'));
const counted = ({ server }: RunningServer): number =>
  server.app.get(RefusalCounts, { strict: false }).of('proxy_header');

let certificates: Certificates;
beforeAll(async () => {
  certificates = await makeCertificates();
});
afterAll(() => certificates.remove());
afterEach(async () => {
  await FrontProxy.stopAll();
  await stopServers();
});

/**
 * Says `header` on a new connection, then what a peer says; over TLS where the server does. Resolves to the answer's
 * first line.
 */
async function upgrade(running: RunningServer, header: string, request = HANDSHAKE): Promise<string> {
  const tcp = connect(running.port, '127.0.0.1');
  tcp.on('error', () => undefined);
  tcp.write(Buffer.from(header, 'latin1'));
  let socket: Socket = tcp;
  if (running.url.startsWith('wss')) {
    socket = connectTls({ socket: tcp, ca: certificates.ca, servername: 'localhost' });
    socket.on('error', () => undefined);
  }
  socket.write(request);
  return new Promise((resolve) => {
    socket.once('data', (answer: Buffer) => resolve(answer.toString('latin1').split('\r\n')[0]));
    socket.once('close', () => resolve(''));
  });
}

describe.each([
  ['plaintext', (): SettingsInput => ({})],
  ['TLS', (): SettingsInput => ({ tlsCert: certificates.chain, tlsKey: certificates.key })],
])('a PROXY header before %s', (kind, tls) => {
  /** What the log says of a header that nobody takes. Over TLS only the handshake shows that something is wrong. */
  const unexpected = (advice: string): object =>
    kind === 'TLS'
      ? { reason: 'tls_handshake', why: expect.stringContaining(advice), remote: '127.0.0.1' }
      : { reason: 'proxy_header', msg: expect.stringContaining(advice), remote: '127.0.0.1' };

  it.each([
    ['version 1', v1],
    ['version 2', v2],
  ])('L7: %s names the peer, for limits and log', async (_version, header) => {
    const running = await startServer({ ...BEHIND, ...tls() });
    expect(await upgrade(running, header('192.0.2.1'))).toMatch(/^HTTP\/1.1 101 /);
    expect(await upgrade(running, header('192.0.2.2'))).toMatch(/^HTTP\/1.1 101 /);
    expect(await upgrade(running, header('192.0.2.2'))).toMatch(/^HTTP\/1.1 429 /);
    expect(running.log.find(({ msg }) => msg === 'refused an upgrade')).toMatchObject({ remote: '192.0.2.2' });
    expect(refusedFor(running)).toEqual([]);
  });

  it('L7: what a peer writes into a header does not count where a PROXY header names it, or names nobody', async () => {
    const running = await startServer({ ...BEHIND, ...tls() });
    const forged = HANDSHAKE.replace('\r\n\r\n', '\r\nX-Forwarded-For: 198.51.100.9\r\n\r\n');
    expect(await upgrade(running, v1('192.0.2.1'), forged)).toMatch(/^HTTP\/1.1 101 /);
    expect(await upgrade(running, v1('192.0.2.1'), forged)).toMatch(/^HTTP\/1.1 429 /);
    expect(await upgrade(running, 'PROXY UNKNOWN\r\n', forged)).toMatch(/^HTTP\/1.1 101 /);
    expect(await upgrade(running, proxyHeaderV2(0x20, 0, '').toString('latin1'), forged)).toMatch(/^HTTP\/1.1 429 /);
  });

  it('L7: a trusted proxy that sends no header, or a malformed one, is refused with a line that names the setting', async () => {
    const running = await startServer({ ...BEHIND, ...tls() });
    const answer = kind === 'TLS' ? /^$/ : /^HTTP\/1.1 400 /;
    expect(await upgrade(running, '')).toMatch(answer);
    expect(await upgrade(running, 'PROXY TCP4 nowhere\r\n')).toMatch(answer);
    expect(counted(running)).toBe(2);
    // A second line within the same second is counted in a later one.
    expect(refusedFor(running)[0]).toMatchObject({
      msg: expect.stringContaining('set proxy-protocol off'),
      remote: '127.0.0.1',
    });
  });

  it.each([
    ['version 1', v1],
    ['version 2', v2],
  ])('L7: with proxy-protocol off, %s is refused with a line that names the setting', async (_version, header) => {
    const running = await startServer({ ...OFF, ...tls() });
    expect(await upgrade(running, header('192.0.2.1'))).toMatch(kind === 'TLS' ? /^$/ : /^HTTP\/1.1 400 /);
    expect(refusedFor(running)).toMatchObject([unexpected('set proxy-protocol on')]);
    expect(await upgrade(running, '')).toMatch(/^HTTP\/1.1 101 /);
  });

  it('L7: an address that is not trusted connects without a header, and is refused with one', async () => {
    const running = await startServer({ ...BEHIND, trustedProxies: '192.0.2.99', ...tls() });
    expect(await upgrade(running, v1('198.51.100.1'))).toMatch(kind === 'TLS' ? /^$/ : /^HTTP\/1.1 400 /);
    expect(refusedFor(running)).toMatchObject([unexpected('in trusted-proxies')]);
    expect(await upgrade(running, '')).toMatch(/^HTTP\/1.1 101 /);
  });

  it('L6: a header that does not come in time ends the connection', async () => {
    const running = await startServer({ ...BEHIND, ...tls(), handshakeTimeout: '300ms' });
    const [silent, halfway] = [await RawConnection.open(running.port), await RawConnection.open(running.port)];
    halfway.write('PROXY TCP4 1.2.3');
    expect([await silent.ended, await halfway.ended]).toEqual(['', '']);
    expect(await upgrade(running, v1('192.0.2.1'))).toMatch(/^HTTP\/1.1 101 /);
  });

  it('a connection whose header is not read yet does not hold up the end', async () => {
    const running = await startServer({ ...BEHIND, ...tls(), handshakeTimeout: '10m' });
    const silent = await RawConnection.open(running.port);
    await until(() => running.server.app.getHttpServer().listening === true);
    await running.close();
    expect(await silent.ended).toBe('');
  });
});

describe('a PROXY header in plaintext', () => {
  it('L7: may come a byte at a time, and with the request in one packet', async () => {
    const running = await startServer(BEHIND);
    const slow = await RawConnection.open(running.port);
    slow.socket.setNoDelay(true);
    for (const byte of `${v1('192.0.2.1')}${HANDSHAKE}`) slow.write(byte);
    await slow.heard('HTTP/1.1 101 ');
    const other = await RawConnection.open(running.port);
    other.write(`${v1('192.0.2.1')}${HANDSHAKE}`);
    expect(await other.ended).toMatch(/^HTTP\/1.1 429 /);
  });

  it('L7: stands before every connection, not before every request', async () => {
    const running = await startServer(BEHIND);
    const request = 'GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n';
    const connection = await RawConnection.open(running.port);
    connection.write(`${v1('192.0.2.1')}${request}${request}${v1('192.0.2.2')}${request}`);
    expect((await connection.ended).match(/HTTP\/1.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 200', 'HTTP/1.1 400']);
  });

  it('L16: plain connections count for the address that the header names', async () => {
    const running = await startServer({ ...BEHIND, handshakeTimeout: '10m' });
    const idle = await Promise.all(Array.from({ length: 18 }, () => RawConnection.open(running.port)));
    for (const { socket } of idle) socket.write(v1('192.0.2.1'));
    // 17 may stay: the one of max-connections-per-ip, and 16 for refusals.
    expect(await Promise.race(idle.map(({ ended }) => ended))).toBe('');
    await until(() => running.counts.of('max-connections-per-ip') === 1);
    const other = await RawConnection.open(running.port);
    other.write(`${v1('192.0.2.2')}${HANDSHAKE}`);
    await other.heard('HTTP/1.1 101 ');
  });

  it('is refused on the management address with a line that says so, and requests without one are served', async () => {
    const running = await startServer({ ...BEHIND, managementAddr: '127.0.0.1:0' });
    const { port } = running.server.management!;
    expect(await exchange(port, `${v1('192.0.2.1')}GET / HTTP/1.1\r\nHost: localhost\r\n\r\n`)).toMatch(
      /^HTTP\/1.1 400 /,
    );
    expect(refusedFor(running)).toMatchObject([{ msg: expect.stringContaining('management-addr takes none') }]);
    expect((await fetch(`${running.management}/metrics`)).status).toBe(200);
  });

  it('an answer says what is missing', async () => {
    const running = await startServer(BEHIND);
    expect(await exchange(running.port, HANDSHAKE)).toContain(
      'This server expects a PROXY header from this address; the setting is proxy-protocol.\n',
    );
  });
});

describeWithProxy('haproxy', 'a real HAProxy in TCP mode', () => {
  it.each([
    ['send-proxy', false],
    ['send-proxy-v2', false],
    ['send-proxy', true],
    ['send-proxy-v2', true],
  ])('L7: %s, behind it TLS: %s: peers meet, and their own address is theirs', async (send, secure) => {
    const tls = secure ? { tlsCert: certificates.chain, tlsKey: certificates.key } : {};
    const running = await startServer({ ...BEHIND, maxConnectionsPerIp: 2, ...tls });
    const proxy = await FrontProxy.haproxy(`backend nodes\n    server node 127.0.0.1:${running.port} ${send}`, 'tcp');
    const url = secure ? proxy.url.replace('ws:', 'wss:') : proxy.url;
    const at = { ca: certificates.ca, localAddress: '127.0.0.2' };
    const [one, two] = [await Peer.connect(url, at), await Peer.connect(url, at)];
    one.subscribe('t');
    await one.sync();
    two.subscribe('t');
    two.relay('t', 'hello');
    expect(payloadOf(await one.next()).toString()).toBe('hello');
    expect((await Peer.refused(url, at)).status).toBe(429);
    expect(running.log.find(({ msg }) => msg === 'refused an upgrade')).toMatchObject({ remote: '127.0.0.2' });
    await Peer.connect(url, { ca: certificates.ca, localAddress: '127.0.0.3' });
  });

  it('L7: a server that does not take its header says which setting it is', async () => {
    const running = await startServer(OFF);
    const proxy = await FrontProxy.haproxy(
      `backend nodes\n    server node 127.0.0.1:${running.port} send-proxy-v2`,
      'tcp',
    );
    expect((await Peer.refused(proxy.url)).status).toBe(400);
    expect(refusedFor(running)).toHaveLength(1);
  });
});
