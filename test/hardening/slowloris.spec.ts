import { afterEach, describe, expect, it } from '@jest/globals';
import { HonestPair } from '../support/honest-pair.js';
import { RawConnection } from '../support/raw-http.js';
import { startServer, stopServers } from '../support/server.js';
import { until } from '../support/until.js';

/**
 * Connections that send their request one byte at a time and never finish it. Without `handshake-timeout` they would
 * stay forever, until the process has no file handle left for a peer. After the upgrade, `pong-timeout` does the same.
 */
describe('slowloris', () => {
  afterEach(stopServers);

  /** Keeps sending a byte on every connection, with the honest pair served in between, until all of them are closed. */
  async function drip(connections: readonly RawConnection[], pair: HonestPair): Promise<string[]> {
    await until(
      () => !connections.some(({ socket }) => !socket.destroyed),
      async () => {
        for (const { socket } of connections) if (socket.writable) socket.write('x');
        await pair.isServed();
      },
    );
    return Promise.all(connections.map(({ ended }) => ended));
  }

  it.each([
    ['headers', 'GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ', /^(?:HTTP\/1\.1 408 [^]*)?$/],
    [
      'a handshake whose last line never ends',
      'GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ',
      /^(?:HTTP\/1\.1 408 [^]*)?$/,
    ],
    ['a body', 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n', /^(?:HTTP\/1\.1 404 [^]*)?$/],
  ])(
    '50 connections that drip %s are closed, and take no place of a peer while they last',
    async (_what, begun, answer) => {
      const running = await startServer({ handshakeTimeout: '500ms', maxConnections: 2, maxMessagesPerSecond: 0 });
      const slow = await Promise.all(Array.from({ length: 50 }, () => RawConnection.open(running.port)));
      for (const connection of slow) connection.write(begun);
      const pair = await HonestPair.connect(running.url);
      for (const given of await drip(slow, pair)) expect(given).toMatch(answer);
      expect(running.connections.size).toBe(2);
    },
  );
});
