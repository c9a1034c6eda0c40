import { once } from 'node:events';
import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { readFileSync } from 'node:fs';
import { createServer as createTcpServer } from 'node:net';
import type { AddressInfo, Server as TcpServer } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { healthcheck, serverFlags } from '../../../src/cli/healthcheck.js';
import { parseSettings } from '../../../src/config/load-settings.js';
import type { SettingsInput } from '../../../src/config/settings.js';
import { makeCertificates } from '../../support/certificates.js';

const servers: (Server | TcpServer)[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) {
    if ('closeAllConnections' in server) server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }
});

async function listening(server: Server | TcpServer): Promise<number> {
  servers.push(server.listen(0, '127.0.0.1'));
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

function serving(answer: RequestListener): Promise<number> {
  return listening(createServer(answer));
}

/** A port that nothing listens on. */
async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listening(server);
  server.close();
  await once(server, 'close');
  servers.pop();
  return port;
}

/** The exit code of a health check with these settings, and its output. */
async function check(input: SettingsInput): Promise<{ code: number; said: string }> {
  let said = '';
  const code = await healthcheck(
    () => parseSettings(input),
    async (text) => void (said += text),
  );
  return { code, said };
}

describe('a health check', () => {
  it('requests GET /health/live, and ends silently with 0 when the answer is 200', async () => {
    const asked: string[] = [];
    const port = await serving((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      response.end('{"status":"ok"}');
    });
    expect(await check({ listenAddr: `127.0.0.1:${port}` })).toEqual({ code: 0, said: '' });
    expect(asked).toEqual(['GET /health/live']);
  });

  it('does not wait for the body of the answer', async () => {
    const port = await serving((_request, response) => response.writeHead(200).flushHeaders());
    expect(await check({ listenAddr: `127.0.0.1:${port}` })).toEqual({ code: 0, said: '' });
  });

  it.each([503, 404, 301, 204])('ends with 1 and says so when the answer is %i', async (status) => {
    const port = await serving((_request, response) => void response.writeHead(status, { location: '/' }).end());
    expect(await check({ listenAddr: `127.0.0.1:${port}` })).toEqual({
      code: 1,
      said: `unhealthy: the server answered ${status}\n`,
    });
  });

  it('ends with 1 when nothing listens', async () => {
    const port = await freePort();
    expect(await check({ listenAddr: `127.0.0.1:${port}` })).toEqual({
      code: 1,
      said: `unhealthy: connect ECONNREFUSED 127.0.0.1:${port}\n`,
    });
  });

  it('ends with 1 when the server hangs up', async () => {
    const port = await listening(createTcpServer((socket) => socket.destroy()));
    const { code, said: line } = await check({ listenAddr: `127.0.0.1:${port}` });
    expect(code).toBe(1);
    expect(line).toMatch(/^unhealthy: (socket hang up|read ECONNRESET)\n$/);
  });

  it('ends with 1 when the server does not speak HTTP', async () => {
    const port = await listening(
      createTcpServer(
        (socket) =>
          void socket
            .on('error', () => undefined)
            .resume()
            .end('SSH-2.0-OpenSSH_9.9\r\n'),
      ),
    );
    const { code, said: line } = await check({ listenAddr: `127.0.0.1:${port}` });
    expect(code).toBe(1);
    expect(line).toMatch(/^unhealthy: Parse Error: .+\n$/);
  });

  it('gives up on a server that sends nothing for 3 s', async () => {
    const port = await serving(() => undefined);
    expect(await check({ listenAddr: `127.0.0.1:${port}` })).toEqual({
      code: 1,
      said: 'unhealthy: no answer within 3 s\n',
    });
  });

  it('reaches a server that listens on all addresses over loopback', async () => {
    const hosts: unknown[] = [];
    const port = await serving((request, response) => {
      hosts.push(request.headers.host);
      response.end();
    });
    expect(await check({ listenAddr: `0.0.0.0:${port}` })).toEqual({ code: 0, said: '' });
    expect(await check({ listenAddr: `localhost:${port}` })).toEqual({ code: 0, said: '' });
    expect(hosts).toEqual([`127.0.0.1:${port}`, `localhost:${port}`]);
    const { said: refused } = await check({ listenAddr: `[::]:${await freePort()}` });
    expect(refused).toContain(' 127.0.0.1:');
  });

  it('asks IPv4 where a server on all addresses is not reached by IPv6', async () => {
    const port = await serving((_request, response) => void response.end());
    expect(await check({ listenAddr: `[::]:${port}` })).toEqual({ code: 0, said: '' });
  });

  it.each([
    ['127.0.0.1', 'PROXY UNKNOWN\r\nGET /health/live '],
    ['10.0.0.1', 'GET /health/live '],
  ])(
    'begins with a PROXY header where the server takes this machine for a proxy: %s',
    async (trustedProxies, begin) => {
      let asked = '';
      const port = await listening(
        createTcpServer((socket) => {
          socket
            .on('error', () => undefined)
            .on('data', (bytes) => {
              asked += bytes.toString();
              if (asked.includes('\r\n\r\n')) socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
            });
        }),
      );
      expect(await check({ listenAddr: `127.0.0.1:${port}`, proxyProtocol: 'on', trustedProxies })).toEqual({
        code: 0,
        said: '',
      });
      expect(asked.startsWith(begin)).toBe(true);
    },
  );

  it('cannot know a port that the system chose', async () => {
    expect(await check({ listenAddr: '127.0.0.1:0' })).toEqual({
      code: 1,
      said: 'unhealthy: listen-addr has port 0, so the port of the server is unknown\n',
    });
  });

  it('uses TLS if the settings do, without verifying the certificate', async () => {
    const certificates = await makeCertificates();
    try {
      const tls = { cert: readFileSync(certificates.chain), key: readFileSync(certificates.key) };
      const listenAddr = `127.0.0.1:${await listening(createTlsServer(tls, (_request, response) => void response.end()))}`;
      expect(await check({ listenAddr, tlsCert: certificates.chain, tlsKey: certificates.key })).toEqual({
        code: 0,
        said: '',
      });
      expect((await check({ listenAddr })).code).toBe(1);
    } finally {
      certificates.remove();
    }
  });
});

describe('the flags of process 1', () => {
  it.each([
    [
      'node and main.js',
      ['node', '/app/dist/main.js', '--listen-addr', '0.0.0.0:8080'],
      { 'listen-addr': '0.0.0.0:8080' },
    ],
    [
      'the binary',
      ['/usr/local/bin/cairn-signal', 'serve', '--listen-addr=0.0.0.0:8080'],
      { 'listen-addr': '0.0.0.0:8080' },
    ],
    [
      'an init before it',
      ['tini', '--', 'cairn-signal', '--config', '/c.yaml', '--tls-cert=/c'],
      { config: '/c.yaml', 'tls-cert': '/c' },
    ],
    [
      'flags of node before it',
      ['node', '--enable-source-maps', '/app/dist/main.js', '--log-format=json'],
      { 'log-format': 'json' },
    ],
    ['nothing after it', ['cairn-signal'], {}],
    ['another program', ['/sbin/init', '--listen-addr', '0.0.0.0:8080'], {}],
    ['nothing at all', [], {}],
  ])('are read after %s', (_what, words, flags) => {
    expect(Object.fromEntries(serverFlags(words.map((word) => `${word}\0`).join('')))).toEqual(flags);
  });
});
