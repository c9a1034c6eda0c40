import { afterEach, describe, expect, it } from '@jest/globals';
import { exchange, HANDSHAKE, RawConnection } from '../support/raw-http.js';
import { startServer, stopServers } from '../support/server.js';

const GET = 'GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n';
const LAST_GET = 'GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
const CONNECT = 'CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n';
const POST = 'POST /health/live HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n';

/** The status of every answer, in order. */
const statuses = (answer: string): number[] =>
  [...answer.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));

afterEach(stopServers);

/** The maximum number of requests on one connection. */
const SIXTEEN = Array.from({ length: 16 }, () => 200);

/** What follows other requests on a connection, and the answers to all of them. */
const BEHIND: readonly (readonly [what: string, requests: string, answers: readonly number[]])[] = [
  ['CONNECT', GET + CONNECT, [200, 405]],
  ['CONNECT behind several', GET + GET + GET + CONNECT, [200, 200, 200, 405]],
  ['what is not HTTP', `${GET}\u0001garbage\r\n\r\n`, [200, 400]],
  ['what is not HTTP behind several', `${GET}${GET}${GET}garbage\r\n\r\n`, [200, 200, 200, 400]],
  ['more garbage, in pieces', `${GET}garbage\r\n\r\n${'x'.repeat(200_000)}`, [200, 400]],
  ['headers over 16 KB', `${GET}GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, [200, 431]],
  [
    'two lengths of one body',
    `${GET}POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n`,
    [200, 400],
  ],
  ['no Host', `${GET}GET / HTTP/1.1\r\n\r\n`, [200, 400]],
  ['no Host, and then CONNECT', `${GET}GET / HTTP/1.1\r\n\r\n${CONNECT}`, [200, 400]],
  [
    'an expectation that nobody meets',
    `${GET}GET / HTTP/1.1\r\nHost: localhost\r\nExpect: wonders\r\n\r\n`.concat(LAST_GET),
    [200, 417, 200],
  ],
  [
    'expectations, and then CONNECT',
    `${GET}${'GET / HTTP/1.1\r\nHost: localhost\r\nExpect: wonders\r\n\r\n'.repeat(3)}${CONNECT}`,
    [200, 417, 417, 417, 405],
  ],
  [
    'a body to wait for',
    `${GET}POST /health/live HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx${CONNECT}`,
    [200, 100, 404, 405],
  ],
  ['a body that is broken', `${GET}${POST}garbage\r\n`, [200, 404]],
  ['a body that breaks later', `${GET}${POST}1\r\nx\r\ngarbage\r\n`, [200, 404]],
  ['the request of which Connection: close says that it is the last one', GET + LAST_GET + GET, [200, 200]],
  ['the last request, and then garbage', `${LAST_GET}garbage\r\n\r\n`, [200]],
  ['the last request, and then CONNECT', LAST_GET + CONNECT, [200]],
  ['a request of HTTP/1.0, and then another one', `GET /health/live HTTP/1.0\r\n\r\n${GET}`, [200]],
  [
    'more requests than a connection may make',
    GET.repeat(39) + LAST_GET,
    [...SIXTEEN, ...Array.from({ length: 24 }, () => 503)],
  ],
  ['more requests than a connection may make, and then CONNECT', GET.repeat(18) + CONNECT, [...SIXTEEN, 503, 503, 405]],
  [
    'more requests than a connection may make, and then garbage',
    `${GET.repeat(18)}garbage\r\n\r\n`,
    [...SIXTEEN, 503, 503, 400],
  ],
];

/** What only the public address does with an upgrade. */
const UPGRADES: typeof BEHIND = [
  ['an upgrade that is refused', GET + HANDSHAKE.replace('Version: 13', 'Version: 12'), [200, 400]],
  [
    'an upgrade that nobody wants',
    `${GET}GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n`,
    [200, 200],
  ],
  [
    'an upgrade that is refused behind more requests than a connection may make',
    GET.repeat(18) + HANDSHAKE.replace('Version: 13', 'Version: 12'),
    [...SIXTEEN, 503, 503, 400],
  ],
  ['a handshake behind the last request', LAST_GET + HANDSHAKE, [200]],
];

describe.each(['the public address', 'the management address'] as const)(
  'requests that come together on %s',
  (address) => {
    const port = async (settings: object = {}): Promise<number> => {
      const { server, port: open } = await startServer({ managementAddr: '127.0.0.1:0', ...settings });
      return address === 'the public address' ? open : server.management!.port;
    };

    it.each([...BEHIND, ...(address === 'the public address' ? UPGRADES : [])])(
      'are answered in order, and no answer is lost: before %s',
      async (_what, requests, answers) => {
        expect(statuses(await exchange(await port(), requests))).toEqual(answers);
      },
    );

    it('are answered in order, and no answer is lost: before one that does not end in time', async () => {
      const answer = await exchange(await port({ handshakeTimeout: '200ms' }), `${GET}GET / HTTP/1.1\r\nHost: loc`);
      expect(statuses(answer)).toEqual([200, 408]);
    });

    it('are answered as they come, byte by byte', async () => {
      const connection = await RawConnection.open(await port());
      connection.socket.setNoDelay(true);
      for (const byte of GET + GET + CONNECT) connection.write(byte);
      expect(statuses(await connection.ended)).toEqual([200, 200, 405]);
    });
  },
);

describe('a slow answer', () => {
  /** A guard that decides when it is told to. */
  function deciding(): {
    guard: new () => { canActivate(): Promise<boolean> };
    asked: Promise<void>;
    decide: () => void;
  } {
    let [ask, decide] = [(): void => undefined, (): void => undefined];
    const asked = new Promise<void>((resolve) => (ask = resolve));
    const decided = new Promise<boolean>((resolve) => (decide = (): void => resolve(true)));
    class Deciding {
      canActivate(): Promise<boolean> {
        ask();
        return decided;
      }
    }
    return { guard: Deciding, asked, decide: () => decide() };
  }
  const CHECK = 'GET /check/auth HTTP/1.1\r\nHost: localhost\r\n\r\n';

  it.each([
    ['CONNECT', CONNECT, 405],
    ['what is not HTTP', 'garbage\r\n\r\n', 400],
  ])('delays %s, and everything after it', async (_what, behind, status) => {
    const { guard, asked, decide } = deciding();
    const { port } = await startServer({}, 'off', undefined, { guards: [guard] });
    const connection = await RawConnection.open(port);
    connection.write(CHECK + GET + behind + GET);
    await asked;
    connection.write('and more of it\r\n\r\n');
    // Another connection is served meanwhile. Nothing was answered on this one.
    expect(statuses(await exchange(port, LAST_GET))).toEqual([200]);
    expect(connection.answer).toBe('');
    decide();
    expect(statuses(await connection.ended)).toEqual([204, 200, status]);
  });

  it('to a peer that has left keeps nothing in memory', async () => {
    const { guard, asked, decide } = deciding();
    const { port, server } = await startServer({}, 'trace', undefined, { guards: [guard] });
    const connection = await RawConnection.open(port);
    connection.write(`${CHECK}garbage\r\n\r\n`);
    await asked;
    connection.socket.resetAndDestroy();
    await connection.ended;
    decide();
    expect(statuses(await exchange(port, LAST_GET))).toEqual([200]);
    await server.close();
  });
});
