import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Lifecycle } from '../../src/lifecycle/lifecycle.js';
import { VERSION } from '../../src/version.js';
import { Peer } from '../support/peer.js';
import { exchange, RawConnection } from '../support/raw-http.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';
import { until } from '../support/until.js';

describe('health and the front page', () => {
  let running: RunningServer;

  beforeAll(async () => {
    running = await startServer({ managementAddr: '127.0.0.1:0' });
  });
  afterAll(stopServers);

  it('GET / says what this is', async () => {
    const response = await fetch(running.http);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toContain('application/json');
    expect(response.headers.get('x-powered-by')).toBeNull();
    expect(await response.json()).toEqual({
      name: 'cairn-signal',
      version: VERSION,
      protocol: 'cairn-signal',
      protocols: ['cairn-signal.v2', 'cairn-signal'],
      links: { health: '/health', live: '/health/live', ready: '/health/ready', check: '/check' },
    });
  });

  it.each([
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', true],
    ['TEXT/HTML', true],
    ['application/json;q=0.5, text/html', true],
    ['*/*', false],
    ['', false],
    ['application/json', false],
    ['text/html;q=0.4, application/json;q=0.5', false],
    ['text/html;q=0', false],
    ['application/json, text/html', false],
    ['text/*', false],
  ])('GET / with Accept: %s is a page: %p', async (accept, isPage) => {
    const response = await fetch(running.http, { headers: { accept } });
    expect([response.status, response.headers.get('vary')]).toEqual([200, 'Accept']);
    expect(response.headers.get('content-type')).toContain(isPage ? 'text/html' : 'application/json');
  });

  it('the front page links to what there is, with links that work below a path of a proxy, and runs nothing', async () => {
    const headers = { accept: 'text/html' };
    const response = await fetch(running.http, { headers });
    const page = await response.text();
    const links = [...page.matchAll(/href="([^"]*)"/g)].map(([, link]) => link);
    expect(links).toEqual(['health', 'health/live', 'health/ready', 'check']);
    for (const link of links) expect((await fetch(`${running.http}/${link}`)).status).toBe(200);
    expect(page).toContain(VERSION);
    expect(page).not.toContain('<script');
    const [, style] = /<style>([^<]*)<\/style>/.exec(page)!;
    const digest = createHash('sha256').update(style).digest('base64');
    expect(response.headers.get('content-security-policy')).toContain(
      `default-src 'none'; style-src 'sha256-${digest}'`,
    );
    const without = await startServer({ checkPage: 'off' });
    expect(await (await fetch(without.http, { headers })).text()).not.toContain('/check');
  });

  it('live and ready are 200 while serving', async () => {
    expect(await (await fetch(`${running.http}/health/live`)).json()).toMatchObject({ status: 'ok' });
    const response = await fetch(`${running.http}/health/ready`);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({
      status: 'ok',
      details: { signaling: { status: 'up', phase: 'serving' } },
    });
  });

  it('O4: all checks together are one word, because details are for operators', async () => {
    const response = await fetch(`${running.http}/health`);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ status: 'ok' });
  });

  const checked = (line: string, host = 'Host: localhost\r\n', port = running.port): Promise<string> =>
    exchange(port, `${line}\r\n${host}Connection: close\r\n\r\n`);

  it.each(['/', '/health', '/health/live', '/health/ready', '/check', '/check/run.js', '*'])(
    'OPTIONS %s over HTTP/1.0 and 1.1 is 204 with Allow, as HAProxy and load balancers ask for health',
    async (path) => {
      for (const answer of [
        await checked(`OPTIONS ${path} HTTP/1.0`, ''),
        await checked(`OPTIONS ${path} HTTP/1.1`),
        await checked(`OPTIONS ${path} HTTP/1.1`, `Host: 127.0.0.1\r\n`, running.server.management!.port),
      ].slice(0, path.startsWith('/check') ? 2 : 3)) {
        const [head, body] = answer.split('\r\n\r\n');
        expect(head).toMatch(/^HTTP\/1\.1 204 No Content\r\n/);
        expect(head).toContain('\r\nAllow: GET, HEAD, OPTIONS');
        expect(head).not.toMatch(/^(?:content-|transfer-)/im);
        expect(body).toBe('');
      }
    },
  );

  it.each(['/', '/health', '/health/live', '/health/ready', '/check'])(
    'GET and HEAD %s over HTTP/1.0 without Host are 200',
    async (path) => {
      expect(await checked(`GET ${path} HTTP/1.0`, '')).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\n./);
      expect(await checked(`HEAD ${path} HTTP/1.0`, '')).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\n$/);
    },
  );

  it('OPTIONS is answered as GET is where that fails, with a whole body', async () => {
    const answer = await checked('OPTIONS /nothing HTTP/1.1');
    expect(answer).toMatch(/^HTTP\/1\.1 404 /);
    expect(JSON.parse(answer.split('\r\n\r\n')[1])).toMatchObject({ status: 404 });
  });

  it.each(['/', '/health/ready', '/check', '/nothing', '*'])(
    'OPTIONS %s of a page lets no page read an answer, in public or on the management address',
    async (path) => {
      const preflight = 'Origin: https://evil.example\r\nAccess-Control-Request-Method: GET\r\n';
      for (const port of [running.port, running.server.management!.port]) {
        const answer = await checked(`OPTIONS ${path} HTTP/1.1`, `Host: 127.0.0.1\r\n${preflight}`, port);
        expect(answer).toMatch(/^HTTP\/1\.1 (?:2\d\d|404) /);
        expect(answer).not.toMatch(/access-control|management-/i);
      }
    },
  );

  it('OPTIONS /events starts no stream', async () => {
    const answer = await checked('OPTIONS /events HTTP/1.1', `Host: 127.0.0.1\r\n`, running.server.management!.port);
    expect(answer).toMatch(/^HTTP\/1\.1 204 /);
  });

  it('health must not be cached', async () => {
    expect((await fetch(`${running.http}/health/ready`)).headers.get('cache-control')).toContain('no-store');
  });

  it('health requests take no place of a WebSocket, and are answered when there is none', async () => {
    const small = await startServer({ maxConnections: 1 });
    const asking = await Promise.all([1, 2, 3].map(() => RawConnection.open(small.port)));
    for (const connection of asking) connection.write('GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const answered = (): boolean => asking.every(({ answer }) => answer.startsWith('HTTP/1.1 200 '));
    await until(answered);
    // Their connections are kept alive.
    const peer = await Peer.connect(small.url);
    expect([asking.map(({ socket }) => socket.destroyed), small.connections.size]).toEqual([[false, false, false], 1]);
    expect((await Peer.refused(small.url)).status).toBe(503);
    expect((await fetch(`${small.http}/health`)).status).toBe(200);
    await peer.close();
  });

  it('ready is 503 while draining, live is not', async () => {
    const leaving = await startServer();
    leaving.server.app.get(Lifecycle, { strict: false }).drain();
    const ready = await fetch(`${leaving.http}/health/ready`);
    expect(ready.status).toBe(503);
    expect(await ready.json()).toMatchObject({
      status: 'error',
      details: { signaling: { status: 'down', phase: 'draining' } },
    });
    const all = await fetch(`${leaving.http}/health`);
    expect([all.status, await all.json()]).toEqual([503, { status: 'error' }]);
    expect((await fetch(`${leaving.http}/health/live`)).status).toBe(200);
    const asked = await Promise.all(
      ['/health/ready', '/health/live'].map((path) => fetch(leaving.http + path, { method: 'OPTIONS' })),
    );
    expect(asked.map(({ status }) => status)).toEqual([503, 204]);
    expect(await asked[0].json()).toMatchObject({ status: 'error' });
  });
});
