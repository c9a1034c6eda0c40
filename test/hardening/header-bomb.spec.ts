import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { HonestPair } from '../support/honest-pair.js';
import { MeasuredServer } from '../support/measured-server.js';
import { RawConnection } from '../support/raw-http.js';
import { startServer, stopServers } from '../support/server.js';
import { turn } from '../support/turn.js';
import { until } from '../support/until.js';

/**
 * Requests with thousands of tiny headers that are never finished. Each header is several objects in Node, so 16 KB of
 * `a:` held 300 KB, and 3,000 such connections ended a server of 512 MiB, before any guard and without a token.
 */
describe('header bomb', () => {
  const sockets: Socket[] = [];
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await stopServers();
    MeasuredServer.endAll();
  });

  const NOISE = 3 * 1024 * 1024;
  const headers = (count: number): string => 'a:\r\n'.repeat(count);

  it('L14: 200 requests that begin with 4,000 headers hold little more than their bytes', async () => {
    const server = await MeasuredServer.start({ 'handshake-timeout': '10m' });
    const pair = await HonestPair.connect(server.url);
    const before = await server.memory();
    const bytes = `GET / HTTP/1.1\r\n${headers(4000)}`;
    for (let i = 0; i < 200; i++) {
      const socket = connect(server.port, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.write(bytes);
      sockets.push(socket);
    }
    // The system has all of it, and the server what came before the pair's messages.
    await until(
      () =>
        sockets.every(
          ({ bytesWritten, pending, writableLength }) =>
            !pending && writableLength === 0 && bytesWritten === bytes.length,
        ),
      () => turn(),
    );
    await server.reaches('cairn_signal_plain_connections', 200);
    await pair.isServed();
    await pair.isServed();
    expect((await server.memory()) - before).toBeLessThan(200 * 40_000 + NOISE);
  });

  describe('L14: 128 headers are read, one more is 431, and the connection ends', () => {
    const HANDSHAKE = [
      'Upgrade: websocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
      'Sec-WebSocket-Version: 13',
    ];

    /** The status of a request with this many headers. The headers that matter come last. */
    async function status(port: number, count: number, last: readonly string[], path = '/'): Promise<number> {
      const all = [
        'Host: localhost',
        ...Array.from({ length: count - last.length - 1 }, (_, i) => `x-${i}: y`),
        ...last,
      ];
      const raw = await RawConnection.open(port);
      raw.write(Buffer.from(`GET ${path} HTTP/1.1\r\n${all.join('\r\n')}\r\n\r\n`));
      await until(() => /^HTTP\/1\.1 \d/.test(raw.answer));
      const ended = raw.answer.startsWith('HTTP/1.1 431') ? await raw.ended : raw.answer;
      raw.socket.destroy();
      return Number(ended.slice(9, 12));
    }

    it('of an upgrade', async () => {
      const running = await startServer({}, 'off');
      expect([
        await status(running.port, 128, HANDSHAKE),
        await status(running.port, 129, HANDSHAKE),
        await status(running.port, 1000, HANDSHAKE),
      ]).toEqual([101, 431, 431]);
    });

    it('of a plain request', async () => {
      const running = await startServer({}, 'off');
      expect([
        await status(running.port, 128, [], '/health/live'),
        await status(running.port, 129, [], '/health/live'),
      ]).toEqual([200, 431]);
    });

    it('of an operator', async () => {
      const running = await startServer({ managementAddr: '127.0.0.1:0' }, 'off');
      const { port } = new URL(running.management);
      expect([
        await status(Number(port), 128, [], '/metrics'),
        await status(Number(port), 129, [], '/metrics'),
      ]).toEqual([200, 431]);
    });

    it('L7: and what a proxy wrote last is still believed', async () => {
      const running = await startServer({ trustedProxies: ['127.0.0.1/32'], maxConnectionsPerIp: 1 }, 'off');
      const pair = [await status(running.port, 128, [...HANDSHAKE, 'X-Forwarded-For: 192.0.2.1'])];
      expect(pair).toEqual([101]);
    });
  });
});
