import { afterEach, describe, expect, it } from '@jest/globals';
import type { WsConnection } from '../../src/transport/ws-connection.js';
import { clientFrame } from '../support/client-frame.js';
import { HonestPair } from '../support/honest-pair.js';
import { Peer } from '../support/peer.js';
import { startServer, stopServers } from '../support/server.js';
import { until } from '../support/until.js';

afterEach(stopServers);

/**
 * Pings from a peer that reads nothing. If the answers did not count towards what waits for it, they would pile up in
 * memory forever, and its pings would keep it from being taken for dead.
 */
describe('ping backlog', () => {
  it('4008: a peer that keeps pinging and reads no pong', async () => {
    const running = await startServer({ maxBufferedBytes: 65_536, maxMessagesPerSecond: 0 });
    const pair = await HonestPair.connect(running.url);
    const slow = await Peer.connect(running.url);
    const connection = [...running.connections].at(-1) as WsConnection;
    slow.socket.pause();
    const flood = Buffer.concat(Array.from({ length: 500 }, () => clientFrame(0x89, Buffer.alloc(125))));
    await until(
      () => running.counts.of('max-buffered-bytes') !== 0,
      async () => {
        slow.tcp.write(flood);
        await pair.isServed();
        expect(connection.share.backlog.of(connection)).toBeLessThanOrEqual(65_536 + 32_768);
      },
    );
  });
});
