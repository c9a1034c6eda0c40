import { connect } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { RefusalCounts } from '../../src/metrics/refusal-counts.js';
import type { RefusalReason } from '../../src/protocol/refusal-reasons.js';
import { makeCertificates } from '../support/certificates.js';
import type { Certificates } from '../support/certificates.js';
import { exchange, RawConnection } from '../support/raw-http.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';
import { until } from '../support/until.js';

afterEach(stopServers);

const counted = ({ server }: RunningServer, reason: RefusalReason): number =>
  server.app.get(RefusalCounts, { strict: false }).of(reason);

const linesOf = ({ log }: RunningServer): RunningServer['log'] => log.filter(({ msg }) => msg === 'refused a request');

/** The beginning of a TLS handshake. */
const HELLO = Buffer.concat([Buffer.from([22, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3]), Buffer.alloc(190)]);
const COOKIES = `GET / HTTP/1.1\r\nHost: localhost\r\nCookie: ${'s3cret'.repeat(3000)}\r\n\r\n`;
const MANY_HEADERS = `GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${'X: 1\r\n'.repeat(129)}\r\n`;
const EXPECTATION = 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nExpect: s3cret\r\n\r\n';
const EXTENSIONS = `POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1;${'s3cret'.repeat(5000)}\r\n`;

const CASES: readonly (readonly [
  what: string,
  bytes: string | Buffer,
  status: number,
  reason: RefusalReason,
  sentence: string,
])[] = [
  ['17 KB of cookies', COOKIES, 431, 'headers', '16 KB of them; the setting is max-header-bytes'],
  ['more than 128 headers', MANY_HEADERS, 431, 'headers', 'may have at most 128 headers'],
  ['a TLS hello', HELLO, 400, 'tls_on_plaintext', 'this port speaks plaintext'],
  ['what is not HTTP', 's3cret\r\n\r\n', 400, 'not_http', 'not an HTTP/1.1 request'],
  ['a wrong version', 'GET / HTTP/9.9\r\n\r\n', 400, 'not_http', 'not an HTTP/1.1 request'],
  ['HTTP/2 by prior knowledge', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400, 'not_http', 'not an HTTP/1.1 request'],
  ['a header without a colon', 'GET / HTTP/1.1\r\ns3cret\r\n\r\n', 400, 'not_http', 'not an HTTP/1.1 request'],
  ['no Host', 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n', 400, 'malformed', 'exactly one Host header'],
  ['an expectation', EXPECTATION, 417, 'malformed', 'no expectation'],
];

describe.each([
  ['the public address', (running: RunningServer): number => running.port],
  ['the management address', (running: RunningServer): number => Number(new URL(running.management).port)],
])('on %s', (_where, portOf) => {
  it.each(CASES)('%s is answered in a sentence, counted and logged', async (_what, bytes, status, reason, sentence) => {
    const running = await startServer({ managementAddr: '127.0.0.1:0' });
    const answer = await exchange(portOf(running), bytes);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(answer.split('\r\n\r\n')[1]).toContain(sentence);
    expect(counted(running, reason)).toBe(1);
    expect(linesOf(running)).toEqual([
      expect.objectContaining({ level: 'info', status, reason, remote: expect.stringMatching(/127\.0\.0\.1$/) }),
    ]);
    expect(JSON.stringify(running.log) + answer).not.toContain('s3cret');
  });

  it.each([
    [8192, '8 KB of them'],
    [20_000, '20000 bytes of them'],
    [65_536, '64 KB of them'],
    [262_144, '256 KB of them'],
  ])('L14: max-header-bytes of %i bounds headers, and its refusal says so', async (maxHeaderBytes, sentence) => {
    const running = await startServer({ managementAddr: '127.0.0.1:0', maxHeaderBytes });
    const get = (bytes: number): Promise<string> =>
      exchange(
        portOf(running),
        `GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX: ${'x'.repeat(bytes)}\r\n\r\n`,
      );
    expect(await get(maxHeaderBytes - 100)).toMatch(/^HTTP\/1\.1 200 /);
    const answer = await get(maxHeaderBytes + 1);
    expect(answer).toMatch(/^HTTP\/1\.1 431 /);
    expect(answer).toContain(sentence);
    expect(counted(running, 'headers')).toBe(1);
  });

  it('chunk extensions that are too long are counted', async () => {
    const running = await startServer({ managementAddr: '127.0.0.1:0' });
    await exchange(portOf(running), EXTENSIONS);
    expect(counted(running, 'malformed')).toBe(1);
    expect(linesOf(running)).toEqual([expect.objectContaining({ status: 413, reason: 'malformed' })]);
  });

  it('a request that does not come in time is 408, counted and logged', async () => {
    const running = await startServer({ managementAddr: '127.0.0.1:0', handshakeTimeout: '100ms' });
    const slow = await RawConnection.open(portOf(running));
    slow.write('GET / HTTP/1.1\r\nHost:');
    expect(await slow.ended).toMatch(/^HTTP\/1\.1 408 [^]*within handshake-timeout/);
    expect(counted(running, 'request_timeout')).toBe(1);
    expect(linesOf(running)).toEqual([expect.objectContaining({ status: 408, reason: 'request_timeout' })]);
  });

  it('are logged at most once a second, and all counted', async () => {
    const running = await startServer({ managementAddr: '127.0.0.1:0' });
    await Promise.all(Array.from({ length: 20 }, () => exchange(portOf(running), 'garbage\r\n\r\n')));
    expect(counted(running, 'not_http')).toBe(20);
    expect(linesOf(running).length).toBeLessThan(20);
  });

  it('more requests than a connection may make are counted', async () => {
    const running = await startServer({ managementAddr: '127.0.0.1:0' });
    const get = 'GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n';
    await exchange(portOf(running), `${get.repeat(18)}garbage\r\n\r\n`);
    expect([counted(running, 'requests'), counted(running, 'not_http')]).toEqual([2, 1]);
  });
});

it('a wrong name and CONNECT on the management address are counted and logged', async () => {
  const running = await startServer({ managementAddr: '127.0.0.1:0' });
  const port = Number(new URL(running.management).port);
  await exchange(port, 'GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n');
  await exchange(port, 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n');
  expect([counted(running, 'wrong_host'), counted(running, 'malformed')]).toEqual([1, 1]);
});

it('a connection that sends nothing and ends is not a refusal', async () => {
  const running = await startServer();
  const silent = await RawConnection.open(running.port);
  silent.socket.end();
  await silent.ended;
  expect(running.server.app.get(RefusalCounts, { strict: false }).total).toBe(0);
});

describe('over TLS', () => {
  let certificates: Certificates;
  beforeAll(async () => {
    certificates = await makeCertificates();
  });
  afterAll(() => certificates.remove());

  const start = (handshakeTimeout = '10s'): Promise<RunningServer> =>
    startServer({ tlsCert: certificates.chain, tlsKey: certificates.key, handshakeTimeout });

  it('plain HTTP is answered in plain HTTP, counted and logged', async () => {
    const running = await start();
    const answer = await exchange(running.port, 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 400 [^]*this port speaks TLS\. Use wss:/);
    expect(counted(running, 'plaintext_on_tls')).toBe(1);
    expect(linesOf(running)).toEqual([
      expect.objectContaining({
        status: 400,
        reason: 'plaintext_on_tls',
        remote: expect.stringMatching(/127\.0\.0\.1$/),
      }),
    ]);
  });

  it('what is neither TLS nor HTTP, and a handshake that fails, are counted and logged', async () => {
    const running = await start();
    await exchange(running.port, 'garbage, and more than a record has\r\n\r\n');
    expect(counted(running, 'tls_handshake')).toBe(1);
    await new Promise((resolve) => {
      connect({ port: running.port, host: '127.0.0.1', minVersion: 'TLSv1', maxVersion: 'TLSv1.1' })
        .on('error', () => undefined)
        .on('close', resolve);
    });
    await until(() => counted(running, 'tls_handshake') === 2);
    expect(linesOf(running)[0]).toMatchObject({ reason: 'tls_handshake', why: expect.stringContaining('ERR_SSL_') });
  });

  it('a handshake that does not come in time is counted and logged', async () => {
    const running = await start('100ms');
    const silent = await RawConnection.open(running.port);
    await silent.ended;
    expect(counted(running, 'request_timeout')).toBe(1);
    expect(linesOf(running)).toEqual([expect.objectContaining({ reason: 'request_timeout' })]);
  });

  it('17 KB of cookies are answered as without TLS', async () => {
    const running = await start();
    const socket = connect({ port: running.port, host: '127.0.0.1', ca: certificates.ca, servername: 'localhost' });
    let answer = '';
    socket.on('data', (bytes: Buffer) => (answer += bytes.toString()));
    socket.on('error', () => undefined);
    socket.write(COOKIES);
    await new Promise((resolve) => socket.once('close', resolve));
    expect(answer).toMatch(/^HTTP\/1\.1 431 [^]*16 KB of them/);
    expect(counted(running, 'headers')).toBe(1);
  });
});
