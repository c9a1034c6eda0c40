import { afterEach, describe, expect, it } from '@jest/globals';
import type { WsConnection } from '../../src/transport/ws-connection.js';
import { HonestPair } from '../support/honest-pair.js';
import { ManualClock } from '../support/manual-clock.js';
import { connectionOf } from '../support/peer.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';
import { until } from '../support/until.js';
import { encode, V2Peer } from '../support/v2-peer.js';

/** Peers of cairn-signal.v2 that never read. All that they are told waits in the memory of the server, up to a bound. */
describe('slow v2 reader', () => {
  afterEach(stopServers);

  const LIMIT = 65_536;
  /** What may exceed it: the frame that showed that it was exceeded. */
  const ONE_FRAME = 49_152;
  const SETTINGS = { maxBufferedBytes: LIMIT, maxMessagesPerSecond: 0, drainTimeout: '0s' };

  /**
   * Does `attack` until the peer is closed with 4008. Returns the most that waited for it meanwhile, and what waits in
   * the end.
   */
  async function closed(
    running: RunningServer,
    slow: V2Peer,
    attack: (round: number) => unknown,
    clock?: ManualClock,
  ): Promise<{ most: number; left: number; closed: number }> {
    const pair = await HonestPair.connect(running.url);
    const watched: WsConnection = connectionOf(running, slow);
    slow.socket.pause();
    let [round, most] = [0, 0];
    await until(
      () => running.counts.of('max-buffered-bytes') > 0,
      async () => {
        await attack((round += 1));
        clock?.pass(300);
        await pair.isServed();
        most = Math.max(most, watched.share.backlog.of(watched));
      },
    );
    slow.socket.terminate();
    await until(() => ![...running.connections].includes(watched));
    return { most, left: watched.share.backlog.total, closed: running.counts.of('max-buffered-bytes') };
  }

  function expectBounded({ most, left, closed: count }: Awaited<ReturnType<typeof closed>>): void {
    expect(most).toBeLessThanOrEqual(LIMIT + ONE_FRAME);
    expect([left, count]).toEqual([0, 1]);
  }

  it('4008: it is relayed to', async () => {
    const running = await startServer(SETTINGS, 'off');
    const [slow, sender] = [await V2Peer.connect(running.url), await V2Peer.connect(running.url)];
    await slow.look('t');
    await sender.look('t');
    const seen = await closed(running, slow, () => {
      for (let i = 0; i < 16; i++) sender.tell({ Relay: { topic: 't', payload: Buffer.alloc(16_384) } });
      return sender.heard();
    });
    expectBounded(seen);
  });

  it('4008: it asks, and reads no answer', async () => {
    const running = await startServer(SETTINGS, 'off');
    const slow = await V2Peer.connect(running.url);
    /** Refused with an Error that repeats the topic. */
    const frame = encode({ Subscribe: { topic: 'x'.repeat(256), data: Buffer.alloc(1025), id: 1 } });
    const seen = await closed(running, slow, () => {
      for (let i = 0; i < 1000; i++) slow.send(frame);
    });
    expectBounded(seen);
  });

  it('4008: it has itself told the same list again and again', async () => {
    const running = await startServer(SETTINGS, 'off');
    const [slow, ...others] = await Promise.all(Array.from({ length: 32 }, () => V2Peer.connect(running.url)));
    for (const peer of others) await peer.answer({ Subscribe: { topic: 't', data: Buffer.alloc(1024) } });
    const seen = await closed(running, slow, () => {
      for (let i = 0; i < 50; i++) slow.tell({ Subscribe: { topic: 't', presence: true } });
    });
    expectBounded(seen);
  });

  it('4008: it is told of members that flap', async () => {
    const clock = new ManualClock();
    // The time that passes here is longer than a peer may be silent.
    const running = await startServer({ ...SETTINGS, pingInterval: '1h' }, 'off', clock);
    const [slow, ...others] = await Promise.all(Array.from({ length: 32 }, () => V2Peer.connect(running.url)));
    await slow.look('t');
    const seen = await closed(
      running,
      slow,
      async (round) => {
        for (const peer of others) peer.tell({ Subscribe: { topic: 't', data: Buffer.alloc(1024, round) } });
        await Promise.all(others.map((peer) => peer.heard()));
      },
      clock,
    );
    expectBounded(seen);
  });

  it('V9, L4: it answers no Ping, and is closed with 4009', async () => {
    const running = await startServer({ pingInterval: '1s', pongTimeout: '1s', drainTimeout: '0s' }, 'off');
    const mute = await V2Peer.connect(running.url);
    mute.answersPings = false;
    expect((await mute.closed).code).toBe(4009);
    expect(await mute.hear()).toHaveProperty('Ping');
  });
});
