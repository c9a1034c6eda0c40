import { afterEach, describe, expect, it } from '@jest/globals';
import { HonestPair } from '../support/honest-pair.js';
import { Peer } from '../support/peer.js';
import type { PeerOptions } from '../support/peer.js';
import { HANDSHAKE, RawConnection } from '../support/raw-http.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';
import { until } from '../support/until.js';

/**
 * As many connections as the attacker can open, kept or aborted. Without `max-connections` they would take the memory
 * and the file handles of the process, and without `max-connections-per-ip` one machine would take the places of all
 * others.
 */
describe('connection bomb', () => {
  afterEach(stopServers);

  const sizeOf = (running: RunningServer): number => running.connections.size;

  /** The outcome of `count` simultaneous attempts: the peers, and how many were refused with `status`. */
  async function attempts(
    running: RunningServer,
    count: number,
    status: number,
    options: PeerOptions = {},
  ): Promise<{ peers: Peer[]; refused: number }> {
    const all = await Promise.all(
      Array.from({ length: count }, () => Peer.connect(running.url, options).catch((error: Error) => error.message)),
    );
    const peers = all.filter((result): result is Peer => result instanceof Peer);
    return {
      peers,
      refused: all.filter((result) => typeof result === 'string' && result.startsWith(`refused: ${status} `)).length,
    };
  }

  it('503: a hundred together get only the places that are left; once they have left, newcomers are let in', async () => {
    const running = await startServer({ maxConnections: 10 });
    const pair = await HonestPair.connect(running.url);
    const storm = attempts(running, 100, 503);
    await pair.isServed();
    const { peers, refused } = await storm;
    expect([peers.length, refused]).toEqual([8, 92]);
    expect([sizeOf(running), running.counts.of('max-connections')]).toEqual([10, 92]);
    await pair.isServed();
    for (const peer of peers) peer.socket.terminate();
    await until(
      () => sizeOf(running) <= 2,
      () => pair.isServed(),
    );
    const newcomers = await HonestPair.connect(running.url).then((late) => [late.one, late.other]);
    expect(newcomers.map(({ socket }) => socket.readyState)).toEqual([1, 1]);
  });

  it('429: one address gets its share; other addresses get the rest of the places', async () => {
    const running = await startServer({ maxConnections: 12, maxConnectionsPerIp: 5 });
    const { peers, refused } = await attempts(running, 50, 429, { localAddress: '127.0.0.2' });
    expect([peers.length, refused]).toEqual([5, 45]);
    expect(running.counts.of('max-connections-per-ip')).toBe(45);
    const pair = await HonestPair.connect(running.url);
    await pair.isServed();
    expect(running.counts.of('max-connections')).toBe(0);
  });

  it('connections that send nothing, or ask for no WebSocket, take no place of a peer', async () => {
    const running = await startServer({ maxConnections: 2, maxConnectionsPerIp: 2 });
    const idle = await Promise.all(Array.from({ length: 200 }, () => RawConnection.open(running.port)));
    for (const connection of idle.slice(0, 100)) {
      connection.write('GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n');
    }
    const pair = await HonestPair.connect(running.url);
    await pair.isServed();
    expect([sizeOf(running), running.counts.of('max-connections')]).toEqual([2, 0]);
    // They share the limit of their address with its peers, and made way for each other.
    await until(
      () => idle.filter(({ socket }) => socket.destroyed).length >= 182,
      () => pair.isServed(),
    );
    for (const { socket } of idle) socket.destroy();
  });

  it.each([
    ['once they are open', true],
    ['before they are answered', false],
  ])('a hundred handshakes that are aborted %s give their places back', async (_when, open) => {
    const running = await startServer({ maxConnections: 110 });
    const pair = await HonestPair.connect(running.url);
    const broken = await Promise.all(
      Array.from({ length: 100 }, async () => {
        const connection = await (open ? RawConnection.upgraded(running.port) : RawConnection.open(running.port));
        if (!open) await new Promise<void>((resolve) => connection.socket.write(HANDSHAKE, () => resolve()));
        connection.socket.resetAndDestroy();
        return connection.ended;
      }),
    );
    expect(broken).toHaveLength(100);
    // All of the places can be taken again once the server has seen each reset.
    const { length } = await fill(running, 108, pair);
    expect(length).toBe(108);
    expect((await Peer.refused(running.url)).status).toBe(503);
    expect(sizeOf(running)).toBe(110);
  });

  /** Connects `count` peers, however long the server takes to see that others have left. */
  async function fill(running: RunningServer, count: number, pair: HonestPair): Promise<Peer[]> {
    const peers: Peer[] = [];
    await until(
      () => peers.length >= count,
      async () => {
        peers.push(...(await attempts(running, count - peers.length, 503)).peers);
        await pair.isServed();
      },
    );
    return peers;
  }
});
