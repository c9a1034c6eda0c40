import { afterEach, describe, expect, it } from '@jest/globals';
import { MANAGEMENT } from '../../src/http/management-path.js';
import { Lifecycle } from '../../src/lifecycle/lifecycle.js';
import { makeCertificates } from '../support/certificates.js';
import { Peer } from '../support/peer.js';
import { RawConnection } from '../support/raw-http.js';
import { startServer, stopServers } from '../support/server.js';

afterEach(stopServers);

/** Targets for the operators' paths, as somebody who knew them might write them. */
const inside = (target: string): string =>
  target
    .replace('management', MANAGEMENT)
    .replace('MANAGEMENT', MANAGEMENT.toUpperCase())
    .replace('Management', MANAGEMENT.replace('m', 'M'))
    .replace('%6danagement', MANAGEMENT.replace('m', '%6d'));

const MANAGED = { managementAddr: '127.0.0.1:0' };

describe('the management address', () => {
  it('O1: does not exist unless it is configured', async () => {
    const { server } = await startServer();
    expect(server.management).toBeUndefined();
  });

  it('O1: asks for no token', async () => {
    const running = await startServer({ ...MANAGED, authToken: 's3cret' });
    for (const path of ['/metrics', '/health', '/health/live', '/health/ready']) {
      expect((await fetch(running.management + path)).status).toBe(200);
    }
  });

  it('O1: is plaintext even if the server has TLS', async () => {
    const certificates = await makeCertificates();
    try {
      const running = await startServer({ ...MANAGED, tlsCert: certificates.chain, tlsKey: certificates.key });
      expect(await (await fetch(`${running.management}/health`)).json()).toMatchObject({
        details: { certificate: { validTo: expect.any(String) } },
      });
    } finally {
      certificates.remove();
    }
  });

  it('O1: serves no peer', async () => {
    const running = await startServer(MANAGED);
    expect((await Peer.refused(running.management.replace('http', 'ws'))).status).toBe(404);
    expect(running.connections.size).toBe(0);
  });

  it.each([
    '/management/metrics',
    '/MANAGEMENT/metrics',
    '/Management',
    '/management?x',
    '/%6danagement/metrics',
    '//management/metrics',
    '/./management/metrics',
    'http://x/management/metrics',
    'http://x//management/health',
  ])('O1: cannot be reached through the public address as %s', async (target) => {
    expect(await answerInPublic(inside(target))).toMatch(/^HTTP\/1.1 404 /);
  });

  // Targets that RFC 9112 does not define. Express would read them in its own way: up to "#", and with every "\" as a
  // "/".
  it.each([
    '/management#',
    '/MANAGEMENT#/metrics',
    '/management\\metrics#',
    '/management\\health#?',
    '/management\\events#',
    '/management\\page\\status.js#',
    'x:///management\\metrics#',
    'http://x/management\\metrics#',
  ])('O1: cannot be reached through the public address as the malformed %s', async (target) => {
    expect(await answerInPublic(inside(target))).toMatch(/^HTTP\/1.1 404 /);
  });

  it('O1: answers unknown paths as the public address does', async () => {
    const running = await startServer(MANAGED);
    const response = await fetch(`${running.management}/nothing`);
    expect([response.status, await response.json()]).toMatchObject([
      404,
      { status: 404, message: expect.stringContaining('peers connect to listen-addr') },
    ]);
  });

  it('O4: shows the details of health', async () => {
    const running = await startServer(MANAGED);
    const peer = await Peer.connect(running.url);
    peer.subscribe('t');
    await peer.sync();
    expect(await (await fetch(`${running.management}/health`)).json()).toMatchObject({
      status: 'ok',
      details: {
        signaling: { status: 'up', phase: 'serving' },
        presence: { connections: 1, topics: 1, lonelyTopics: 1, subscriptions: 1 },
        process: { version: expect.any(String), uptimeSeconds: expect.any(Number) },
      },
    });
  });

  it('O4: answers 503 while draining, and still shows the details and the metrics', async () => {
    const running = await startServer(MANAGED);
    running.server.app.get(Lifecycle, { strict: false }).drain();
    const response = await fetch(`${running.management}/health`);
    expect([response.status, await response.json()]).toMatchObject([
      503,
      { details: { signaling: { phase: 'draining' }, presence: { connections: 0 } } },
    ]);
    expect(await (await fetch(`${running.management}/metrics`)).text()).toContain('cairn_signal_ready 0');
  });

  it('O1: has at most 64 connections; one more closes an idle one, and a status page stays', async () => {
    const running = await startServer(MANAGED);
    const { port } = running.server.management!;
    const page = await RawConnection.open(port);
    page.write('GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await page.heard('history');
    const idle = await Promise.all(Array.from({ length: 100 }, () => RawConnection.open(port)));
    expect((await fetch(`${running.management}/metrics`)).status).toBe(200);
    await Promise.all(idle.slice(0, 38).map(({ ended }) => ended));
    expect(idle.slice(38).filter(({ socket }) => socket.destroyed)).toEqual([]);
    expect(page.socket.destroyed).toBe(false);
    for (const { socket } of [page, ...idle]) socket.destroy();
  });

  it('O1: an address that is taken stops the start, and the message names it', async () => {
    const { server } = await startServer(MANAGED);
    const taken = `127.0.0.1:${server.management!.port}`;
    await expect(startServer({ managementAddr: taken })).rejects.toThrow(
      new RegExp(`cannot listen on ${taken}: the port is in use; .* --management-addr `),
    );
  });
});

/** What the public address answers to a request for a target, which is sent as it is written. */
async function answerInPublic(target: string): Promise<string> {
  const running = await startServer(MANAGED);
  const raw = await RawConnection.open(running.port);
  raw.write(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  return raw.ended;
}
