import { afterEach, describe, expect, it } from '@jest/globals';
import type { WsConnection } from '../../src/transport/ws-connection.js';
import { HonestPair } from '../support/honest-pair.js';
import { ManualClock } from '../support/manual-clock.js';
import { Peer, relayMessage } from '../support/peer.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';
import { until } from '../support/until.js';

/**
 * Peers that send as fast as the network allows. Without `max-messages-per-second` and `message-burst` they would take
 * all of the process's time, and every subscriber would get everything they send. With them, the excess stays unread.
 */
describe('flood', () => {
  afterEach(stopServers);

  const counted = (running: RunningServer): number => running.counts.of('max-messages-per-second');
  const newest = (running: RunningServer): WsConnection => [...running.connections].at(-1) as WsConnection;

  /** The payloads of the next `count` messages. */
  async function next(peer: Peer, count: number): Promise<Buffer[]> {
    const messages: Buffer[] = [];
    while (messages.length < count) messages.push(await peer.next());
    return messages;
  }

  it('of 1000 messages the burst passes immediately, the rest at the allowed rate; in the end all of them, in order', async () => {
    const clock = new ManualClock();
    const running = await startServer({ drainTimeout: '0s' }, 'off', clock);
    const pair = await HonestPair.connect(running.url);
    const [witness, greedy] = [await Peer.connect(running.url), await Peer.connect(running.url)];
    witness.subscribe('flood');
    await witness.sync();
    for (let i = 0; i < 1000; i++) greedy.relay('flood', `${i}`);

    const heard: Buffer[] = [];
    for (const allowed of [400, 200, 200, 200]) {
      heard.push(...(await next(witness, allowed)));
      await pair.isServed();
      await witness.sync();
      expect(witness.received).toEqual([]);
      clock.pass(1000);
    }
    expect(heard).toEqual(Array.from({ length: 1000 }, (_, i) => relayMessage('flood', `${i}`)));
    expect(counted(running)).toBeGreaterThan(0);
    await greedy.sync();
  });

  it('each of 20 greedy peers with meaningless messages is held back', async () => {
    const running = await startServer(
      { maxMessagesPerSecond: 10, messageBurst: 20, drainTimeout: '0s' },
      'off',
      new ManualClock(),
    );
    const pair = await HonestPair.connect(running.url);
    const greedy = await Promise.all(Array.from({ length: 20 }, () => Peer.connect(running.url)));
    for (const peer of greedy) {
      for (let i = 0; i < 200; i++) peer.send(i % 2 === 0 ? Buffer.from('nothing') : 'nothing');
    }
    await until(() => counted(running) >= greedy.length);
    await pair.isServed();
    expect([...running.connections].filter((connection) => (connection as WsConnection).inbox.paused)).toHaveLength(20);
  });

  it('the excess waits with the peer, not in the memory of the server', async () => {
    const running = await startServer(
      { maxMessagesPerSecond: 1, messageBurst: 10, drainTimeout: '0s' },
      'off',
      new ManualClock(),
    );
    const pair = await HonestPair.connect(running.url);
    const greedy = await Peer.connect(running.url);
    const connection = newest(running);
    for (let i = 0; i < 1000; i++) greedy.relay('flood', Buffer.alloc(16_384));
    await until(() => connection.inbox.paused);
    await pair.isServed();
    await pair.isServed();
    // The burst, and the rest of the read in which it was used up, out of 16 MB.
    expect(connection.socket.bytesRead).toBeLessThan(11 * 16_500 + 2 * 65_536);
  });
});
