import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { clientFrame } from '../support/client-frame.js';
import { HonestPair } from '../support/honest-pair.js';
import { ManualClock } from '../support/manual-clock.js';
import { Peer } from '../support/peer.js';
import { exchange, HANDSHAKE, RawConnection } from '../support/raw-http.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';

/**
 * Requests that a proxy in front and this server could read differently: where one ends, which header counts, where the
 * peer is. Without the strictness of Node's parser, of `handshakeFault` and of `trusted-proxies`, an attacker could
 * slip a request past the proxy in the name of another peer, or get around a limit with a false address.
 */
describe('header smuggling', () => {
  /** The request that must not be answered: only the attacker sent it, inside another one. */
  const SMUGGLED = 'GET /health/live HTTP/1.1\r\nHost: smuggled\r\n\r\n';
  let running: RunningServer;
  let pair: HonestPair;

  beforeAll(async () => {
    running = await startServer();
    pair = await HonestPair.connect(running.url);
  });
  afterAll(stopServers);

  /** The handshake with additional header lines. */
  const handshake = (...lines: string[]): string =>
    HANDSHAKE.replace(/\r\n\r\n$/, `\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`);
  const statuses = (answer: string): (string | undefined)[] =>
    [...answer.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);
  const latin1 = (request: string): Buffer => Buffer.from(request, 'latin1');
  const connections = (): number => running.connections.size;

  /** The statuses of all answers, once the server has closed the connection, which never became a WebSocket. */
  async function refused(request: string): Promise<(string | undefined)[]> {
    const before = connections();
    const answer = await exchange(running.port, latin1(request));
    expect(connections()).toBe(before);
    await pair.isServed();
    return statuses(answer);
  }

  it.each([
    [
      'a length and chunks',
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    [
      'chunks and a length',
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n',
    ],
    ['two lengths', `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n`],
    ['a list of lengths', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0, 5\r\n\r\n'],
    ['a signed length', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n'],
    [
      'chunks twice',
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n',
    ],
    ['a space before the colon', 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n'],
    ['a handshake with a length and chunks', handshake('Content-Length: 5', 'Transfer-Encoding: chunked')],
    ['a handshake with two lengths', handshake('Content-Length: 0', `Content-Length: ${SMUGGLED.length}`)],
    ['a handshake with a length of 00', handshake('Content-Length: 00')],
    ['a handshake with an unknown coding', handshake('Transfer-Encoding: xchunked')],
    ['a handshake whose body is the request', handshake(`Content-Length: ${SMUGGLED.length}`)],
  ])('400 to %s, and nothing after it is answered', async (_what, request) => {
    expect(await refused(request + SMUGGLED)).toEqual(['400']);
  });

  it.each([
    ['a folded header', handshake('X: a\r\n b')],
    ['a folded key', HANDSHAKE.replace('Key: ', 'Key:\r\n ')],
    ['a fold before any header', HANDSHAKE.replace('\r\n', '\r\n X: y\r\n')],
    ['lines that end in a bare LF', HANDSHAKE.replaceAll('\r\n', '\n')],
    ['one line that ends in a bare LF', HANDSHAKE.replace('localhost\r\n', 'localhost\n')],
    ['a NUL in a value', handshake('X: a\0b')],
    ['a NUL in a name', handshake('X\0: a')],
    ['a NUL in the target', HANDSHAKE.replace('GET /', 'GET /\0')],
    ['a bare CR in a value', handshake('X: a\rTransfer-Encoding: chunked')],
    ['a bare CR in the request line', HANDSHAKE.replace('GET /', 'GET /\rX')],
    ['a space in a name', handshake('X Y: a')],
    ['a header without a name', handshake(': a')],
    ['a space inside the target', HANDSHAKE.replace('GET /', 'GET / /')],
    ['a version with two digits', HANDSHAKE.replace('HTTP/1.1', 'HTTP/1.10')],
    ['two keys', handshake('Sec-WebSocket-Key: BBBBBBBBBBBBBBBBBBBBBB==')],
    ['the same key twice', handshake('Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==')],
    ['two versions', handshake('Sec-WebSocket-Version: 8')],
  ])('400 to a handshake with %s', async (_what, request) => {
    expect(await refused(request + SMUGGLED)).toEqual(['400']);
  });

  it.each([
    ['400', HANDSHAKE.replace('AAAA', 'A')],
    ['405', HANDSHAKE.replace('GET', 'PUT')],
    ['405', 'CONNECT smuggled:80 HTTP/1.1\r\nHost: smuggled\r\n\r\n'],
    ['426', 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'],
    ['200', 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n'],
  ])(
    'after an upgrade that is answered %s, nothing pipelined is done: no request, handshake or frame',
    async (status, request) => {
      for (const behind of [SMUGGLED, HANDSHAKE, HANDSHAKE + clientFrame(0x89, 'ping').toString('latin1')]) {
        expect(await refused(request + behind)).toEqual([status]);
      }
    },
  );

  it('1002: a request after a successful handshake is read as frames, which are broken', async () => {
    const connection = await RawConnection.open(running.port);
    connection.write(HANDSHAKE + SMUGGLED);
    await connection.heard('\x03\xeabroken WebSocket framing');
    expect(statuses(connection.answer)).toEqual(['101']);
    connection.socket.destroy();
    await pair.isServed();
  });

  it('a body is not a request: the content of a GET is read as its body and not answered', async () => {
    const last = 'GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
    expect(
      await refused(
        `GET /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}${last}`,
      ),
    ).toEqual(['404', '200']);
  });

  it.each([
    ['a second Host', handshake('Host: smuggled')],
    ['the same Host twice', handshake('Host: localhost')],
    ['no Host', HANDSHAKE.replace('Host: localhost\r\n', '')],
  ])(
    'a handshake with %s is refused (RFC 9112, section 3.2), since others may read another one',
    async (_what, request) => {
      expect(await refused(request)).toEqual(['400']);
    },
  );

  it.each([
    ['another Connection', handshake('Connection: close')],
    ['two Upgrade headers, which are one list', handshake('Upgrade: h2c')],
    ['the same Upgrade twice', handshake('Upgrade: websocket')],
  ])('a handshake with %s is one handshake: headers that decide nothing change nothing', async (_what, request) => {
    const connection = await RawConnection.open(running.port);
    connection.write(Buffer.concat([latin1(request), clientFrame(0x89, 'hi')]));
    await connection.heard('\x8a\x02hi');
    expect(statuses(connection.answer)).toEqual(['101']);
    connection.socket.destroy();
    await pair.isServed();
  });

  describe('false names', () => {
    const RIGHT = 'Authorization: Bearer right';
    const WRONG = 'Authorization: Bearer wrong';

    it('the first of two Authorization headers counts, whatever the second says', async () => {
      const guarded = await startServer({ authToken: 'right' });
      expect(statuses(await exchange(guarded.port, handshake(WRONG, RIGHT)))).toEqual(['401']);
      expect(statuses(await exchange(guarded.port, handshake('Authorization: ', RIGHT)))).toEqual(['401']);
      expect(statuses(await exchange(guarded.port, handshake('Authorization: Bearer wrong, Bearer right')))).toEqual([
        '401',
      ]);
      const connection = await RawConnection.open(guarded.port);
      connection.write(handshake(RIGHT, WRONG));
      await once(connection.socket, 'data');
      expect(statuses(connection.answer)).toEqual(['101']);
      connection.socket.destroy();
    });

    it.each(['X-Forwarded-For', 'Forwarded', 'X-Real-IP', 'CF-Connecting-IP', 'True-Client-IP', 'X-Client-IP', 'Via'])(
      '429: without trusted-proxies, %s does not change the address',
      async (header) => {
        const limited = await startServer({ maxConnectionsPerIp: 2 });
        const honest = await HonestPair.connect(limited.url);
        for (let i = 1; i <= 5; i++) {
          const value = header === 'Forwarded' ? `for=203.0.113.${i}` : `203.0.113.${i}`;
          expect((await Peer.refused(limited.url, { headers: { [header]: value } })).status).toBe(429);
        }
        expect(limited.counts.of('max-connections-per-ip')).toBe(5);
        await honest.isServed();
      },
    );

    it('with trusted-proxies two headers are one list, and the proxy wrote the end of it', async () => {
      const behind = await startServer(
        { trustedProxies: '127.0.0.1', authToken: 'right', maxWrongTokens: 1, drainTimeout: '0s' },
        'info',
        new ManualClock(),
      );
      const guess = (...lines: string[]): Promise<string> => exchange(behind.port, handshake(WRONG, ...lines));
      expect(statuses(await guess('X-Forwarded-For: 203.0.113.1'))).toEqual(['401']);
      expect(statuses(await guess('X-Forwarded-For: 198.51.100.1', 'X-Forwarded-For: 203.0.113.1'))).toEqual(['429']);
      expect(statuses(await guess('X-Forwarded-For: 203.0.113.1', 'X-Forwarded-For: 198.51.100.1'))).toEqual(['401']);
      // The header that is not believed, next to the one that is.
      expect(statuses(await guess('Forwarded: for=198.51.100.7', 'X-Forwarded-For: 203.0.113.1'))).toEqual(['429']);
    });
  });
});
