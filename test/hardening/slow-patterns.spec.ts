/** @own-context The patterns of Node itself are not recorded. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { HonestPair } from '../support/honest-pair.js';
import { compact, makeKey, sign, stopIssuers, TestIssuer } from '../support/issuer.js';
import { isLinear, PatternRecorder } from '../support/patterns.js';
import { Peer } from '../support/peer.js';
import { exchange, HANDSHAKE } from '../support/raw-http.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';

/**
 * Headers, tokens and messages of maximum length. If a regular expression, ours or of a package, takes time quadratic
 * in its input, one request of 16 KB blocks everybody for a second, and a message of some MB exhausts its stack. The
 * test records which regular expressions run, and each must take time linear in the length of the text.
 */
describe('whatever a peer sends, each regular expression that reads it is linear', () => {
  const TOKEN = 's3cret';
  /** What is left of 16 KB next to the rest of a handshake. */
  const MOST = 15_000;
  const HEADERS = [
    'Accept',
    'Accept-Encoding',
    'Accept-Language',
    'Authorization',
    'Cache-Control',
    'Content-Type',
    'Cookie',
    'Forwarded',
    'Host',
    'If-Modified-Since',
    'If-None-Match',
    'Last-Event-ID',
    'Origin',
    'Range',
    'Referer',
    'Sec-WebSocket-Extensions',
    'Sec-WebSocket-Key',
    'Sec-WebSocket-Protocol',
    'Sec-WebSocket-Version',
    'User-Agent',
    'Via',
    'X-Forwarded-Host',
  ];
  const VALUES = [
    `a${' '.repeat(MOST)}b`,
    ',;="\''.repeat(MOST / 5),
    'a'.repeat(MOST),
    `a, ${'no-cache\t'.repeat(MOST / 9)}b`,
    'bearer.a,'.repeat(MOST / 9),
  ];
  const PATHS = [
    '/',
    '/health/live',
    '/health/ready',
    '/health',
    '/metrics',
    '/events',
    '/page/status.js',
    '/check/',
    '/check/check.js',
    '/check/auth',
    '/nowhere',
    `/${'%41'.repeat(1000)}`,
    '//x',
    'http://a/check',
  ];

  /** Patterns of packages that are linear although `isLinear` says no. */
  const KNOWN = new Set([
    // `fresh`, over Cache-Control: it begins at a comma, and only spaces follow before the next one, so each space is
    // read at most twice.
    String.raw`/(?:^|,)\s*?no-cache\s*?(?:,|$)/`,
  ]);

  /** Each pattern as `/source/flags`, and whether it is linear. */
  async function recorded(work: () => Promise<void>): Promise<{ names: string[]; slow: string[] }> {
    const recorder = PatternRecorder.start();
    let patterns: ReadonlyMap<string, RegExp>;
    try {
      await work();
    } finally {
      patterns = recorder.stop();
    }
    return {
      names: [...patterns.keys()],
      slow: [...patterns].filter(([name, pattern]) => !KNOWN.has(name) && !isLinear(pattern)).map(([name]) => name),
    };
  }

  afterAll(async () => {
    await stopServers();
    await stopIssuers();
  });

  describe('to a server that asks for a token', () => {
    let issuer: TestIssuer;
    let running: RunningServer;
    let ports: number[];

    beforeAll(async () => {
      issuer = await TestIssuer.start();
      running = await startServer({
        authToken: TOKEN,
        jwtIssuer: issuer.name,
        jwtAudience: 'cairn',
        maxWrongTokens: 0,
        managementAddr: '127.0.0.1:0',
        trustedProxies: '127.0.0.1',
        forwardedHeader: 'forwarded',
        allowedOrigins: 'https://app.example',
      });
      ports = [running.port, Number(new URL(running.management).port)];
    });

    it('paths', async () => {
      const { names, slow } = await recorded(async () => {
        const requests = ['GET', 'HEAD', 'POST', 'OPTIONS'].flatMap((method) =>
          PATHS.map((path) => `${method} ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`),
        );
        for (const port of ports) {
          for (const request of requests) {
            if (!request.includes('/events') || port === running.port) await exchange(port, request);
          }
        }
      });
      expect(slow).toEqual([]);
      // Patterns of Express and of our own.
      expect(names).toEqual(
        expect.arrayContaining([String.raw`/^(?:\/health\/live)(?:\/$)?$/i`, String.raw`/^\/[!-"$-[\]-~]*$/`]),
      );
    });

    it('headers of plain requests', async () => {
      const { names, slow } = await recorded(async () => {
        for (const port of ports) {
          for (const header of HEADERS) {
            const host = header === 'Host' ? '' : 'Host: localhost\r\n';
            for (const value of VALUES) {
              await exchange(port, `GET / HTTP/1.1\r\n${host}${header}: ${value}\r\nConnection: close\r\n\r\n`);
            }
          }
          await exchange(
            port,
            `GET / HTTP/1.1\r\nHost: a\r\nIf-None-Match: a\r\nCache-Control: ${' ,'.repeat(MOST / 2)}no\r\nConnection: close\r\n\r\n`,
          );
        }
        for (const value of VALUES) {
          await exchange(
            running.port,
            `GET /check/auth HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${value}\r\nConnection: close\r\n\r\n`,
          );
        }
      });
      expect(slow).toEqual([]);
      expect(names).toEqual(expect.arrayContaining([...KNOWN]));
      expect(names).toContain(String.raw`/^[a-z\d](?:[a-z\d.-]*[a-z\d])?(?::\d{1,5})?$/i`);
    });

    it('headers of upgrades', async () => {
      const { names, slow } = await recorded(async () => {
        for (const header of HEADERS) {
          // With the token, because 401 comes before what `ws` says about these two.
          const token = ['Sec-WebSocket-Key', 'Sec-WebSocket-Version'].includes(header)
            ? [`Authorization: Bearer ${TOKEN}`]
            : [];
          const [request, ...lines] = HANDSHAKE.split('\r\n').filter((line) => !line.startsWith(`${header}:`));
          for (const value of VALUES) {
            const upgrade = [request, ...token, `${header}: ${value}`, ...lines].join('\r\n');
            expect(await exchange(running.port, upgrade)).toMatch(/^HTTP\/1\.1 4\d\d /);
          }
        }
      });
      expect(slow).toEqual([]);
      expect(names).toEqual(
        expect.arrayContaining([
          String.raw`/^[+/\dA-Za-z]{22}==$/`,
          '/^bearer +([^ ].*)$/i',
          String.raw`/^(?:null|https?:\/\/.*)$/i`,
        ]),
      );
    });

    it('tokens', async () => {
      const key = await makeKey('key');
      issuer.keys = [key.jwk, { ...key.jwk, kid: ' '.repeat(MOST), x: ' '.repeat(MOST) }];
      const long = ' '.repeat(1000);
      const tokens = [
        await sign(key, { iss: issuer.name, aud: long, sub: 'alice', exp: 4_000_000_000 }),
        await sign(key, { iss: issuer.name, aud: 'cairn', sub: `${long}|`, exp: 4_000_000_000 }),
        compact({ alg: 'ES256', kid: long }, { iss: issuer.name }, 'x'),
        compact({ alg: 'ES256', typ: long }, { iss: issuer.name, exp: long, nbf: long, iat: long }, 'x'.repeat(86)),
        compact({ alg: long }, { iss: issuer.name }, 'x'),
        `${'-'.repeat(7000)}.${'_'.repeat(1000)}.a`,
        `${'a'.repeat(7000)}.b`,
        '.'.repeat(8000),
      ];
      const { names, slow } = await recorded(async () => {
        for (const token of tokens) {
          const { status } = await Peer.refused(running.url, { headers: { Authorization: `Bearer ${token}` } });
          // A7: 503 for a key that is not among those that were fetched a moment ago.
          expect([401, 503]).toContain(status);
        }
      });
      expect(slow).toEqual([]);
      expect(issuer.asked).toContain('/keys');
      // Patterns of `jose` and of our own.
      expect(names).toEqual(expect.arrayContaining(['/-/g', String.raw`/^[\w-]+\.[\w-]+\.[\w-]*$/`]));
    });
  });

  describe('to a server that accepts messages of 9 MiB', () => {
    const MIB = 1_048_576;
    let running: RunningServer;
    let pair: HonestPair;

    beforeAll(async () => {
      running = await startServer(
        { maxMessageBytes: 9 * MIB, recordMaxBytes: 32 * 1024, maxMessagesPerSecond: 0 },
        'info',
      );
      pair = await HonestPair.connect(running.url);
    });

    it('J7: messages, and none exhausts the stack', async () => {
      const tooLarge = expect.objectContaining({ code: 'record_too_large' });
      const malformed = expect.objectContaining({ code: 'malformed' });
      const { names, slow } = await recorded(async () => {
        const peer = await Peer.connect(running.url);
        for (const [message, answer] of [
          [{ type: 'publish', payload: 'AAAA'.repeat(2 * MIB) }, tooLarge],
          [{ type: 'publish', payload: `${'AAAA'.repeat(2 * MIB)}=` }, malformed],
          [{ type: 'publish', payload: ' '.repeat(8 * MIB) }, malformed],
          [{ type: 'publish', payload: '='.repeat(8 * MIB) }, malformed],
          [{ type: 'announce', addresses: [], peer_id: 'aa'.repeat(4 * MIB) }, tooLarge],
          [{ type: 'announce', addresses: [], peer_id: `${'aa'.repeat(4 * MIB)}a` }, malformed],
          [{ type: 'announce', addresses: ['aa'.repeat(4 * MIB)] }, tooLarge],
        ] as const) {
          expect(await peer.say({ topic: 't', ...message })).toEqual([answer]);
        }
        // What is kept is read again, to count it and to answer with it.
        await peer.announce('hex', ['aa'.repeat(15_000)]);
        await peer.announce('text', [`${'aa'.repeat(15_000)}a`], 'bb'.repeat(100));
        const other = await Peer.connect(running.url);
        expect((await other.query('hex')).payload).toBe(Buffer.alloc(15_000, 0xaa).toString('base64'));
        expect((await other.query('text')).payload).toBe(Buffer.from(`${'aa'.repeat(15_000)}a`).toString('base64'));
        for (const one of [peer, other]) expect(await one.close()).toMatchObject({ code: 1000 });
      });
      expect(slow).toEqual([]);
      expect(names).toContain('/[^0-9a-fA-F]/');
      await pair.isServed();
      expect(running.log.filter(({ level }) => level === 'error')).toEqual([]);
    });
  });
});
