import { afterEach, describe, expect, it } from '@jest/globals';
import type { WsConnection } from '../../src/transport/ws-connection.js';
import { HonestPair } from '../support/honest-pair.js';
import { Peer } from '../support/peer.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';
import { until } from '../support/until.js';

/**
 * Peers that are sent a lot and read none of it. Without `max-buffered-bytes` and `max-buffered-total-bytes` all of it
 * would wait in the memory of the server as long as they stay.
 */
describe('slow reader', () => {
  const LIMIT = 65_536;
  /** What may exceed it: the frame that showed that it was exceeded. */
  const ONE_FRAME = 32_768;

  afterEach(stopServers);

  const connectionsOf = (running: RunningServer): WsConnection[] => [...running.connections] as WsConnection[];
  const most = (connections: readonly WsConnection[]): number =>
    Math.max(...connections.map((connection) => connection.share.backlog.of(connection)));

  it('4008: five subscribers that read nothing are closed; nobody else notices, and nothing is left waiting', async () => {
    const running = await startServer({ maxBufferedBytes: LIMIT, maxMessagesPerSecond: 0 });
    const pair = await HonestPair.connect(running.url);
    const sender = await Peer.connect(running.url);
    const slow = await Promise.all(Array.from({ length: 5 }, () => Peer.connect(running.url)));
    const watched = connectionsOf(running).slice(3);
    for (const peer of slow) {
      peer.subscribe('slow');
      await peer.sync();
      peer.socket.pause();
    }
    await until(
      () => running.counts.of('max-buffered-bytes') >= slow.length,
      async () => {
        for (let i = 0; i < 16; i++) sender.relay('slow', Buffer.alloc(16_384));
        await sender.sync();
        expect(most(watched)).toBeLessThanOrEqual(LIMIT + ONE_FRAME);
        await pair.isServed();
      },
    );
    for (const { socket } of slow) socket.terminate();
    await until(
      () => connectionsOf(running).length <= 3,
      () => pair.isServed(),
    );
    expect(watched[0].share.backlog.total).toBe(0);
    expect(running.counts.of('max-buffered-bytes')).toBe(slow.length);
  });

  it('4008: a peer that keeps asking and reads no answer', async () => {
    const running = await startServer({ maxBufferedBytes: LIMIT, maxMessagesPerSecond: 0 });
    const pair = await HonestPair.connect(running.url);
    const publisher = await Peer.connect(running.url);
    await publisher.publish('large', Buffer.alloc(16_384));
    const slow = await Peer.connect(running.url);
    const watched = connectionsOf(running).slice(3);
    slow.socket.pause();
    await until(
      () => running.counts.of('max-buffered-bytes') !== 0,
      async () => {
        for (let i = 0; i < 20; i++) slow.send('{"type":"query","topic":"large"}');
        await pair.isServed();
        expect(most(watched)).toBeLessThanOrEqual(LIMIT + ONE_FRAME);
      },
    );
    slow.socket.terminate();
    await until(
      () => connectionsOf(running).length <= 3,
      () => pair.isServed(),
    );
  });

  it('4008: five peers without an individual bound are bounded together', async () => {
    const running = await startServer({
      maxBufferedBytes: 0,
      maxBufferedTotalBytes: 1_048_576,
      maxMessagesPerSecond: 0,
    });
    const pair = await HonestPair.connect(running.url);
    const sender = await Peer.connect(running.url);
    const slow = await Promise.all(Array.from({ length: 5 }, () => Peer.connect(running.url)));
    for (const peer of slow) {
      peer.subscribe('slow');
      await peer.sync();
      peer.socket.pause();
    }
    const { backlog } = connectionsOf(running)[0].share;
    await until(
      () => running.counts.of('max-buffered-total-bytes') !== 0,
      async () => {
        for (let i = 0; i < 16; i++) sender.relay('slow', Buffer.alloc(16_384));
        await sender.sync();
        await pair.isServed();
        expect(backlog.total).toBeLessThanOrEqual(1_048_576);
      },
    );
    for (const { socket } of slow) socket.terminate();
    await until(
      () => connectionsOf(running).length <= 3,
      () => pair.isServed(),
    );
    expect(backlog.total).toBe(0);
  });
});
