/**
 * A page of an attacker in the operator's browser makes its own name resolve to 127.0.0.1 once it is loaded (DNS
 * rebinding). To the browser it then reads from its own origin. Without the defence it reads metrics, health and the
 * status page of the management address, which asks for no token because only operators reach it.
 */
import { request as ask } from 'node:http';
import { networkInterfaces } from 'node:os';
import { afterEach, describe, expect, it } from '@jest/globals';
import { diagnose } from '../support/diagnosis.js';
import { Peer } from '../support/peer.js';
import { exchange } from '../support/raw-http.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';

afterEach(stopServers);

const PATHS = ['/', '/metrics', '/health', '/health/live', '/health/ready', '/events', '/page/status.js', '/nothing'];

const start = (settings: object = {}): Promise<RunningServer> =>
  startServer({ managementAddr: '127.0.0.1:0', managementHosts: 'ops.example.com', ...settings });

/** The complete answer to a request with this line and these headers on the management address. */
const answerTo = ({ server }: RunningServer, line: string, ...headers: string[]): Promise<string> =>
  exchange(server.management!.port, `${[line, ...headers, 'Connection: close'].join('\r\n')}\r\n\r\n`);
const statusFor = async (running: RunningServer, ...headers: string[]): Promise<number> =>
  Number(/^HTTP\/1.1 (\d+)/.exec(await answerTo(running, 'GET /health/live HTTP/1.1', ...headers))?.[1]);

const OURS = [
  'localhost',
  'LOCALHOST',
  'localhost.',
  'localhost:9090',
  'localhost:',
  'LocalHost.:1',
  '127.0.0.1',
  '127.0.0.1:9090',
  '127.8.9.10',
  '[::1]',
  '[::1]:9090',
  '[0:0:0:0:0:0:0:1]:80',
  '[::ffff:127.0.0.1]',
  '192.0.2.7:9090',
  '[2001:db8::7]',
  'ops.example.com',
  'OPS.example.com.:9090',
];
const THEIRS = [
  'evil.example',
  'evil.example:9090',
  'localhost.evil.example',
  '127.0.0.1.evil.example',
  '1.127.0.0.1.nip.io',
  'foo.localhost',
  'ops.example.com.evil.example',
  'xops.example.com',
  'example.com',
  'localhost..',
  '127.1',
  '2130706433',
  '0x7f000001',
  '0177.0.0.1',
  '127.0.0.1:9090:9090',
  'localhost:9090@evil.example',
  'evil.example@localhost',
  'localhost/',
  'localhost#',
  'localhost,evil.example',
  'localhost evil.example',
  '::1',
  '[::1',
  '[::1].evil.example',
  '[localhost]',
  '[127.0.0.1]',
  'localhost:port',
  ':9090',
  '',
  '*',
  'l\u00f6calhost',
];

describe('a name that was rebound to the management address', () => {
  it.each(PATHS)('O6: gets 421 for %s, and nothing is executed', async (path) => {
    const running = await start();
    const answer = await answerTo(running, `GET ${path} HTTP/1.1`, 'Host: evil.example');
    expect(answer).toMatch(/^HTTP\/1.1 421 Misdirected Request\r\n/);
    expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))).toEqual({
      status: 421,
      error: 'Misdirected Request',
      message: expect.stringContaining('management-hosts'),
    });
    expect(answer).not.toContain('evil');
  });

  it.each(OURS)('O6: %s is accepted', async (host) => {
    expect(await statusFor(await start(), `Host: ${host}`)).toBe(200);
  });

  it.each(THEIRS)('O6: %j is rejected', async (host) => {
    expect(await statusFor(await start(), `Host: ${host}`)).toBe(421);
  });

  it('O6: a second name next to an accepted one, or a name in the target, is rejected', async () => {
    const running = await start();
    expect(await statusFor(running, 'Host: localhost', 'Host: evil.example')).toBe(421);
    expect(await statusFor(running, 'Host: evil.example', 'Host: localhost')).toBe(421);
    expect(await answerTo(running, 'GET http://evil.example/metrics HTTP/1.1', 'Host: localhost')).toMatch(
      /^HTTP\/1.1 421 /,
    );
    expect(await answerTo(running, 'GET http://localhost@evil.example/metrics HTTP/1.1', 'Host: localhost')).toMatch(
      /^HTTP\/1.1 421 /,
    );
    expect(await answerTo(running, 'GET http://localhost/metrics HTTP/1.1', 'Host: evil.example')).toMatch(
      /^HTTP\/1.1 421 /,
    );
    expect(await answerTo(running, 'GET http://localhost:9090/health/live HTTP/1.1', 'Host: localhost')).toMatch(
      /^HTTP\/1.1 200 /,
    );
  });

  it('O6: a client without Host is not a browser', async () => {
    expect(await answerTo(await start(), 'GET /health/live HTTP/1.0')).toMatch(/^HTTP\/1.1 200 /);
  });

  it('O6: names are checked by default over loopback, whatever the address listens on', async () => {
    for (const managementAddr of ['127.0.0.1:0', 'localhost:0', '0.0.0.0:0', '[::]:0']) {
      const running = await start({ managementAddr, managementHosts: undefined });
      expect([await statusFor(running, 'Host: evil.example'), await statusFor(running, 'Host: localhost')]).toEqual([
        421, 200,
      ]);
    }
  });

  const elsewhere = Object.values(networkInterfaces())
    .flat()
    .find((found) => found?.family === 'IPv4' && !found.internal)?.address;
  (elsewhere === undefined ? it.skip : it)(
    'O6: over an address other than loopback, any name is accepted until management-hosts is set',
    async () => {
      const status = async (running: RunningServer, host: string): Promise<number | undefined> =>
        new Promise((resolve, reject) =>
          ask(
            {
              host: elsewhere,
              port: running.server.management!.port,
              path: '/metrics',
              headers: { Host: host },
              agent: false,
            },
            (response) => resolve(response.resume().statusCode),
          )
            .on('error', reject)
            .end(),
        );
      const open = await start({ managementAddr: '0.0.0.0:0', managementHosts: undefined });
      expect([await status(open, 'node-1:9090'), await status(open, elsewhere!)]).toEqual([200, 200]);
      const held = await start({ managementAddr: '0.0.0.0:0', managementHosts: ['node-1'] });
      expect([
        await status(held, 'node-1:9090'),
        await status(held, `${elsewhere}:9090`),
        await status(held, 'node-2:9090'),
      ]).toEqual([200, 200, 421]);
    },
  );

  it('O6: the name in management-addr is accepted', async () => {
    const running = await start({ managementAddr: 'LOCALHOST:0', managementHosts: undefined });
    expect(await statusFor(running, 'Host: localhost')).toBe(200);
  });

  it('O6: the public address checks no names', async () => {
    const { port } = await start();
    expect(
      await exchange(port, 'GET /health/live HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n'),
    ).toMatch(/^HTTP\/1.1 200 /);
  });

  it('O6: tells a peer, and the doctor, that this address is not for them', async () => {
    const running = await start();
    const options = { headers: { Host: 'signal.example.com' } };
    expect((await Peer.refused(running.management.replace('http', 'ws'), options)).status).toBe(421);
    const { upgrade } = await diagnose(running.management.replace('http', 'ws'));
    expect(upgrade).toMatchObject({ advice: 'Use the URL of listen-addr: management-addr does not serve peers.' });
  });
});
