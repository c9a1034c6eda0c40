import type { Server } from 'node:http';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from '@jest/globals';
import { HonestPair } from '../support/honest-pair.js';
import { RawConnection } from '../support/raw-http.js';
import { startServer, stopServers } from '../support/server.js';
import { until } from '../support/until.js';

afterEach(stopServers);

/**
 * A connection that pipelines plain requests and reads none of the answers. Without a bound on the requests of a
 * connection, the answers would wait in memory as long as the client likes. No timeout would ever end it, because none
 * of its requests is incomplete.
 */
describe('slow reader of HTTP', () => {
  it('a connection that pipelines complete requests and reads no answer is closed', async () => {
    const running = await startServer({ handshakeTimeout: '300ms' });
    const pair = await HonestPair.connect(running.url);
    const connection = await RawConnection.open(running.port);
    connection.socket.pause();
    // 64 bytes each, so that a read of 64 KiB ends between two of them, and none is incomplete when the server pauses.
    const request = `GET / HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(32)}\r\n\r\n`;
    expect(request).toHaveLength(64);
    for (let i = 0; i < 200; i++) connection.write(request.repeat(1024));
    const { app } = running.server;
    const open = promisify((app.getHttpServer() as Server).getConnections.bind(app.getHttpServer()));
    await until(
      async () => (await open()) <= 2,
      () => pair.isServed(),
    );
    connection.socket.destroy();
    await pair.isServed();
  });
});
