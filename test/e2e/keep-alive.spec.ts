import { afterEach, describe, expect, it } from '@jest/globals';
import { HANDSHAKE, RawConnection } from '../support/raw-http.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';

afterEach(stopServers);

const GET = 'GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n';

/** A connection that was answered once and is kept, as a proxy keeps one for its next request. */
async function kept(port: number): Promise<RawConnection> {
  const connection = await RawConnection.open(port);
  connection.write(GET);
  await connection.heard('"details":{}}');
  return connection;
}

/** Resolves when a connection that asks nothing has been given up, which is longer than handshake-timeout. */
async function handshakeTimeoutPassed({ port }: RunningServer): Promise<void> {
  const silent = await RawConnection.open(port);
  await silent.ended;
}

describe('L14: a connection that was answered', () => {
  it('is promised longer than proxies keep theirs, on both addresses', async () => {
    const running = await startServer({ managementAddr: '127.0.0.1:0' });
    for (const port of [running.port, running.server.management!.port]) {
      const { answer } = await kept(port);
      expect(Number(/\r\nKeep-Alive: timeout=(\d+)/.exec(answer)![1])).toBeGreaterThan(60);
    }
  });

  it('is kept past handshake-timeout, and may then become a WebSocket', async () => {
    const running = await startServer({ handshakeTimeout: '100ms' });
    const connection = await kept(running.port);
    for (let i = 0; i < 3; i++) await handshakeTimeoutPassed(running);
    connection.write(HANDSHAKE);
    await connection.heard('Sec-WebSocket-Accept');
    connection.socket.destroy();
    expect(connection.answer.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 101']);
  });

  it('is closed when keep-alive-timeout is over', async () => {
    const running = await startServer({ keepAliveTimeout: '100ms', handshakeTimeout: '10m' });
    const connection = await kept(running.port);
    expect((await connection.ended).match(/HTTP\/1\.1/g)).toHaveLength(1);
  });

  it('has no more time for its next request than for its first', async () => {
    const running = await startServer({ handshakeTimeout: '300ms', keepAliveTimeout: '1h' });
    const connection = await kept(running.port);
    connection.write('GET / HTTP/1.1\r\nHost: ');
    expect(await connection.ended).toMatch(/HTTP\/1\.1 408 /);
  });

  it('makes way for newcomers, however long it may be kept', async () => {
    const running = await startServer({ keepAliveTimeout: '1h', maxPlainConnections: 2 });
    const idle = [await kept(running.port), await kept(running.port)];
    const newcomer = await kept(running.port);
    await idle[0].ended;
    idle[1].write(GET);
    newcomer.write(GET);
    await newcomer.heard('}HTTP/1.1 200');
    expect(idle[1].socket.destroyed).toBe(false);
  });

  it('does not hold up the end of the server', async () => {
    const running = await startServer({ keepAliveTimeout: '1h' });
    const connection = await kept(running.port);
    await running.close();
    expect((await connection.ended).match(/HTTP\/1\.1/g)).toHaveLength(1);
  });
});
