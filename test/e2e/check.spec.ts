import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';
import { upgradeOf } from '../../src/auth/upgrade-request.js';
import { Lifecycle } from '../../src/lifecycle/lifecycle.js';
import { ManualClock } from '../support/manual-clock.js';
import { Peer } from '../support/peer.js';
import { exchange, RawConnection } from '../support/raw-http.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';

const TYPES = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
};

/** What a file of the page refers to: by attribute, by import. */
const REFERENCES = /(?:href|src)="(?!#)([^"]+)"|(?:from|import) '([^']+)'/g;

/** The paths and texts of the page and of everything it loads, found as a browser finds them. */
async function filesOf({ http }: RunningServer): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const left = ['/check'];
  for (let path = left.pop(); path !== undefined; path = left.pop()) {
    if (files.has(path)) continue;
    const response = await fetch(http + path);
    expect([path, response.status]).toEqual([path, 200]);
    const text = await response.text();
    files.set(path, text);
    if (path.endsWith('client.js')) continue;
    for (const [, attribute, module] of text.matchAll(REFERENCES)) {
      left.push(new URL(attribute ?? module, http + path).pathname);
    }
  }
  return files;
}

describe('the check page', () => {
  afterEach(stopServers);

  it('loads only files of this server, each with its type, and the server has no others', async () => {
    const running = await startServer();
    const files = await filesOf(running);
    expect(files.size).toBeGreaterThan(10);
    for (const [path, text] of files) {
      const { headers } = await fetch(running.http + path, { method: 'HEAD' });
      const type = path === '/check' ? 'html' : path.split('.').at(-1);
      expect([path, headers.get('content-type')]).toEqual([path, TYPES[type as keyof typeof TYPES]]);
      expect(Number(headers.get('content-length'))).toBe(Buffer.byteLength(text));
    }
    for (const [path, text] of files) {
      expect([path, text.replaceAll('http://www.w3.org/', '')]).toEqual([
        path,
        expect.not.stringMatching(/https?:\/\//),
      ]);
    }
  });

  it('has no script, style or handler inside the page', async () => {
    const page = await (await fetch(`${(await startServer()).http}/check`)).text();
    expect(page).not.toMatch(/<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)/i);
  });

  it.each(['/check', '/check/check.js', '/check/client.js', '/check/look.css', '/check/icon.svg'])(
    '%s comes with strict headers',
    async (path) => {
      const running = await startServer();
      const { headers } = await fetch(running.http + path);
      const { host } = new URL(running.http);
      expect(Object.fromEntries(headers)).toMatchObject({
        'cache-control': 'no-store',
        'content-security-policy': `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' ws://${host} wss://${host}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
        'cross-origin-resource-policy': 'same-origin',
        'referrer-policy': 'no-referrer',
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
      });
    },
  );

  it.each([
    ['signal.example.com', ' ws://signal.example.com wss://signal.example.com'],
    ['signal.example.com:8443', ' ws://signal.example.com:8443 wss://signal.example.com:8443'],
    ['[::1]:8080', ''],
    ['*', ''],
    ['*.example.com', ''],
    ["a;script-src'unsafe-inline'", ''],
    ['a,b', ''],
    ["a'b", ''],
    ['', ''],
  ])('requested as "%s", its policy names only that host', async (host, named) => {
    const { port } = await startServer();
    const answer = await exchange(port, `GET /check HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(/^Content-Security-Policy: (.*)\r$/m.exec(answer)?.[1]).toContain(`; connect-src 'self'${named}; base-uri`);
  });

  it('redirects a trailing slash', async () => {
    const response = await fetch(`${(await startServer()).http}/check/`, { redirect: 'manual' });
    expect([response.status, response.headers.get('location')]).toEqual([308, '../check']);
  });

  it.each([
    '/check/nothing.js',
    '/check/index',
    '/check/index.html',
    '/check/page/check.js',
    '/check/..%2f..%2fpackage.json',
    '/check/%2e%2e/app.js',
    '/check/constructor',
    '/check/__proto__',
    '/check/auth/more',
  ])('404 in JSON to %s', async (path) => {
    const { port } = await startServer();
    const answer = await exchange(port, `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 404 /);
    expect(JSON.parse(answer.split('\r\n\r\n')[1])).toMatchObject({ status: 404, error: 'Not Found' });
  });

  it('answers 404 when it is off', async () => {
    const { http } = await startServer({ checkPage: false });
    const unknown = await (await fetch(`${http}/nothing`)).text();
    for (const path of ['/check', '/check/', '/check/auth', '/check/check.js']) {
      const response = await fetch(http + path);
      expect([path, response.status, await response.text()]).toEqual([path, 404, unknown]);
    }
    expect(await (await fetch(http)).json()).not.toHaveProperty('links.check');
  });

  it.each(['/check', '/check/auth', '/check/check.js'])(
    '%s with a WebSocket handshake becomes a WebSocket, on or off',
    async (path) => {
      for (const checkPage of ['on', 'off'] as const) {
        const peer = await Peer.connect((await startServer({ checkPage })).url + path);
        expect(await peer.close()).toMatchObject({ code: 1000 });
      }
    },
  );
});

describe('GET /check/auth', () => {
  const TOKEN = 'a-right-token';
  const right = { Authorization: `Bearer ${TOKEN}` };
  const wrong = { Authorization: 'Bearer a-wrong-one' };

  afterEach(stopServers);

  const ask = ({ http }: RunningServer, headers: Record<string, string> = {}, method = 'GET'): Promise<Response> =>
    fetch(`${http}/check/auth`, { headers, method });
  const status = async (...args: Parameters<typeof ask>): Promise<number> => (await ask(...args)).status;

  it('204 to anyone if no token is needed', async () => {
    const running = await startServer();
    expect([await status(running), await status(running, wrong), await status(running, {}, 'HEAD')]).toEqual([
      204, 204, 204,
    ]);
  });

  it('204 to a correct token: the answer is empty and nothing is logged', async () => {
    const running = await startServer({ authToken: TOKEN });
    const response = await ask(running, right);
    expect([response.status, await response.text(), response.headers.get('cache-control')]).toEqual([
      204,
      '',
      'no-store',
    ]);
    expect(JSON.stringify([...response.headers, ...running.log])).not.toContain(TOKEN);
  });

  it.each([
    ['none', {}, 'needs a bearer token'],
    ['a wrong one', wrong, 'does not know this token'],
    ['one in another scheme', { Authorization: `Basic ${TOKEN}` }, 'needs a bearer token'],
  ])('401 in JSON to %s, which the answer does not repeat', async (_what, headers: Record<string, string>, why) => {
    const running = await startServer({ authToken: TOKEN });
    const response = await ask(running, headers);
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
    const text = await response.text();
    expect(JSON.parse(text)).toEqual({ status: 401, error: 'Unauthorized', message: expect.stringContaining(why) });
    expect(text + JSON.stringify(running.log)).not.toMatch(/a-wrong-one|a-right-token/);
  });

  it('401 to a token in the URL', async () => {
    const { http } = await startServer({ authToken: TOKEN });
    expect((await fetch(`${http}/check/auth?token=${TOKEN}`)).status).toBe(401);
  });

  it('L9 wrong tokens count together with those at the upgrade, by network, also behind a trusted proxy', async () => {
    const running = await startServer(
      { managementAddr: '127.0.0.1:0', authToken: TOKEN, maxWrongTokens: 2, trustedProxies: '127.0.0.1' },
      'trace',
      new ManualClock(),
    );
    const from = (address: string): Record<string, string> => ({ ...wrong, 'X-Forwarded-For': address });
    expect(await status(running, from('203.0.113.1'))).toBe(401);
    expect((await Peer.refused(running.url, { headers: from('203.0.113.1') })).status).toBe(401);
    const response = await ask(running, from('203.0.113.1'));
    expect([response.status, response.headers.get('retry-after')]).toEqual([429, '60']);
    expect(await response.json()).toMatchObject({
      status: 429,
      message: 'Too many wrong tokens from this address; the setting is max-wrong-tokens.',
    });
    expect((await Peer.refused(running.url, { headers: from('203.0.113.1') })).status).toBe(429);
    expect(await status(running, from('203.0.113.2'))).toBe(401);
    expect(await status(running, { ...from('203.0.113.1'), ...right })).toBe(204);
    expect(running.counts.of('max-wrong-tokens')).toBe(2);
    expect(running.log.filter(({ msg }) => msg === 'refused an upgrade')).toEqual([
      expect.objectContaining({ status: 401, reason: 'token_wrong', remote: '203.0.113.1' }),
    ]);
    const metrics = await (await fetch(`${running.management}/metrics`)).text();
    expect(metrics).toMatch(/^cairn_signal_upgrades_refused_total\{reason="token_wrong"\} 3$/m);
    expect(metrics).toMatch(/^cairn_signal_upgrades_refused_total\{reason="token_throttled"\} 2$/m);
  });

  it('L8 403 to another origin: as a browser sends it with a WebSocket, and as it sends it here', async () => {
    const running = await startServer({ allowedOrigins: 'https://app.example.com' });
    expect(await status(running, { Origin: 'https://other.example.com' })).toBe(403);
    expect(await status(running, { Referer: 'https://other.example.com/' })).toBe(403);
    expect(await status(running, { Referer: 'https://app.example.com/' })).toBe(204);
    expect(await status(running, { Origin: 'https://app.example.com', Referer: 'https://other.example.com/' })).toBe(
      204,
    );
    expect(await status(running, { Referer: 'no URL' })).toBe(204);
  });

  it('L5 503 if the server is full; the request itself takes no place', async () => {
    const running = await startServer({ maxConnections: 1 });
    for (let i = 0; i < 3; i++) expect(await status(running)).toBe(204);
    await Peer.connect(running.url);
    const response = await ask(running);
    expect([response.status, response.headers.get('retry-after'), await response.json()]).toEqual([
      503,
      '10',
      expect.objectContaining({ message: expect.stringContaining('max-connections') }),
    ]);
  });

  it('L5 takes no place from peers while a slow guard judges a request whose client has left', async () => {
    let asked!: () => void;
    const all = new Promise<void>((resolve) => (asked = resolve));
    let rehearsals = 0;
    class Hanging implements CanActivate {
      canActivate(context: ExecutionContext): Promise<boolean> | boolean {
        if (upgradeOf(context).url !== '/check/auth') return true;
        if (++rehearsals === 3) asked();
        return new Promise(() => undefined);
      }
    }
    const running = await startServer({ maxConnections: 3 }, 'trace', new ManualClock(), { guards: [Hanging] });
    const raw = await RawConnection.open(running.port);
    raw.write('GET /check/auth HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(3));
    await all;
    raw.socket.destroy();
    expect((await (await Peer.connect(running.url)).close()).code).toBe(1000);
  });

  it.each([404, 500, 503])(
    'G2: %d with the sentence of the guard that refuses with it, and no fault is logged',
    async (refused) => {
      class Refusing implements CanActivate {
        canActivate(): boolean {
          throw Object.assign(new Error('We open at nine.'), { status: refused, retryAfter: 60 });
        }
      }
      const running = await startServer({}, 'trace', undefined, { guards: [Refusing] });
      const response = await ask(running);
      expect([response.status, response.headers.get('retry-after'), await response.json()]).toEqual([
        refused,
        '60',
        expect.objectContaining({ status: refused, message: 'We open at nine.' }),
      ]);
      expect(running.log.filter(({ level }) => level === 'error')).toEqual([]);
      expect(JSON.stringify(running.log)).not.toContain('at nine');
    },
  );

  it('L6 429 if this address has its full share', async () => {
    const running = await startServer({ maxConnectionsPerIp: 1 });
    await Peer.connect(running.url);
    const response = await ask(running);
    expect([response.status, await response.json()]).toEqual([
      429,
      expect.objectContaining({ message: expect.stringContaining('max-connections-per-ip') }),
    ]);
  });

  it('D2 503 while draining', async () => {
    const running = await startServer();
    running.server.app.get(Lifecycle, { strict: false }).drain();
    const response = await ask(running);
    expect([response.status, response.headers.get('retry-after'), await response.json()]).toEqual([
      503,
      '5',
      expect.objectContaining({ message: 'This server is restarting; try again.' }),
    ]);
  });

  it('404 to anything but a GET', async () => {
    expect(await status(await startServer(), {}, 'POST')).toBe(404);
  });
});
