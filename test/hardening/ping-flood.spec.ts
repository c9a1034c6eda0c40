import { once } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { WsConnection } from '../../src/transport/ws-connection.js';
import { clientFrame } from '../support/client-frame.js';
import { HonestPair } from '../support/honest-pair.js';
import { ManualClock } from '../support/manual-clock.js';
import { Peer } from '../support/peer.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';
import { turn } from '../support/turn.js';
import { until } from '../support/until.js';

/**
 * Pings, each of which must be answered, or unsolicited pongs, as fast as the network allows. If
 * `max-messages-per-second` did not count them like messages, they would be the way around it: an answer for every six
 * bytes.
 */
describe('ping flood', () => {
  const [PING, PONG] = [0x89, 0x8a];

  afterEach(stopServers);

  const newest = (running: RunningServer): WsConnection => [...running.connections].at(-1) as WsConnection;
  const counted = (running: RunningServer): number => running.counts.of('max-messages-per-second');

  async function paused(connection: WsConnection): Promise<void> {
    await until(() => connection.inbox.paused);
  }

  it('of 1000 pings the burst is answered immediately, the rest at the allowed rate; in the end all of them, in order', async () => {
    const clock = new ManualClock();
    const running = await startServer({ drainTimeout: '0s' }, 'off', clock);
    const pair = await HonestPair.connect(running.url);
    const peer = await Peer.connect(running.url);
    const pongs: string[] = [];
    peer.socket.on('pong', (data) => pongs.push(data.toString()));
    peer.tcp.write(Buffer.concat(Array.from({ length: 1000 }, (_, i) => clientFrame(PING, `${i}`.padEnd(125)))));

    for (const answered of [400, 600, 800, 1000]) {
      await until(
        () => pongs.length >= answered,
        () => once(peer.socket, 'pong'),
      );
      await pair.isServed();
      expect(pongs).toHaveLength(answered);
      clock.pass(1000);
    }
    expect(pongs.map((data) => data.trimEnd())).toEqual(Array.from({ length: 1000 }, (_, i) => `${i}`));
    expect(counted(running)).toBeGreaterThan(0);
  });

  it('1000 unsolicited pongs count towards the rate, and are not answered', async () => {
    const clock = new ManualClock();
    const running = await startServer({ drainTimeout: '0s' }, 'off', clock);
    const pair = await HonestPair.connect(running.url);
    const peer = await Peer.connect(running.url);
    const connection = newest(running);
    const { bytesWritten } = connection.socket;
    peer.tcp.write(Buffer.concat(Array.from({ length: 1000 }, () => clientFrame(PONG, 'x'))));
    await paused(connection);
    await pair.isServed();
    await until(
      () => !connection.inbox.paused,
      async () => {
        clock.pass(100);
        await turn();
      },
    );
    await pair.isServed();
    expect(connection.socket.bytesWritten).toBe(bytesWritten);
    expect(counted(running)).toBeGreaterThan(0);
  });

  it('the excess waits with the peer: of 8 MB only the burst is read, and what came with it', async () => {
    const running = await startServer(
      { maxMessagesPerSecond: 1, messageBurst: 10, drainTimeout: '0s' },
      'off',
      new ManualClock(),
    );
    const pair = await HonestPair.connect(running.url);
    const peer = await Peer.connect(running.url);
    const connection = newest(running);
    const flood = Buffer.concat(Array.from({ length: 8000 }, () => clientFrame(PING, Buffer.alloc(125))));
    for (let i = 0; i < 8; i++) peer.tcp.write(flood);
    await paused(connection);
    await pair.isServed();
    expect(connection.socket.bytesRead).toBeLessThan(3 * 65_536);
    expect(connection.socket.writableLength).toBe(0);
    await pair.isServed();
  });
});
