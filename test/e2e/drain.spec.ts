import { afterEach, describe, expect, it } from '@jest/globals';
import { Peer } from '../support/peer.js';
import { RawConnection } from '../support/raw-http.js';
import { startServer, stopServers } from '../support/server.js';

describe('drain', () => {
  afterEach(stopServers);

  it('1012: every connection is told to come back, with a delay', async () => {
    const running = await startServer();
    const peers = await Promise.all(Array.from({ length: 50 }, () => Peer.connect(running.url)));
    await running.close();
    const closed = await Promise.all(peers.map((peer) => peer.closed));
    for (const { code, reason } of closed) {
      expect(code).toBe(1012);
      expect(reason).toMatch(/^restart; retry in [1-5] s$/);
    }
  });

  it('what was relayed before is delivered before the close', async () => {
    const running = await startServer();
    const [a, b] = [await Peer.connect(running.url), await Peer.connect(running.url)];
    b.subscribe('t');
    await b.sync();
    const sent = Array.from({ length: 100 }, (_, i) => a.relay('t', String(i)));
    await a.sync();
    await running.close();
    await b.closed;
    expect(b.received).toEqual(sent);
  });

  it('while a peer is slow to leave: ready is 503, live 200, upgrades 503, and then it is cut at drain-timeout', async () => {
    const running = await startServer({ drainTimeout: '1s' });
    const stubborn = await RawConnection.upgraded(running.port);

    const closing = running.close();
    while (!stubborn.answer.includes('restart')) await new Promise((resolve) => stubborn.socket.once('data', resolve));
    expect((await fetch(`${running.http}/health/ready`)).status).toBe(503);
    expect((await fetch(`${running.http}/health/live`)).status).toBe(200);
    const refused = await Peer.refused(running.url);
    expect(refused.status).toBe(503);
    expect(refused.headers['retry-after']).toBe('5');

    await closing;
    await stubborn.ended;
    expect(running.log.map((line) => line.msg)).toContain('drain-timeout is over, cutting the connections that are left');
  });

  it('a peer that ignores the close is not cut before drain-timeout is over', async () => {
    const running = await startServer({ drainTimeout: '7s' });
    await RawConnection.upgraded(running.port);
    await running.close();
    expect(running.log.map((line) => line.msg)).toContain('drain-timeout is over, cutting the connections that are left');
  }, 20_000);

  it('drain-timeout 0s cuts at once', async () => {
    const running = await startServer({ drainTimeout: '0s' });
    const stubborn = await RawConnection.upgraded(running.port);
    await running.close();
    expect(await stubborn.ended).toContain('restart; retry in');
  });

  it('a half-open request does not hold the end up', async () => {
    const running = await startServer({ handshakeTimeout: '1m' });
    const connection = await RawConnection.open(running.port);
    connection.write('GET / HTTP/1.1\r\nHost: ');
    await running.close();
    expect(await connection.ended).toBe('');
  });

  it('closing twice is closing once', async () => {
    const running = await startServer();
    await expect(Promise.all([running.close(), running.close()])).resolves.toHaveLength(2);
    await expect(fetch(running.http)).rejects.toThrow('fetch failed');
  });
});
