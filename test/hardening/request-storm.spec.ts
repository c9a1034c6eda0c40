import { afterEach, describe, expect, it } from '@jest/globals';
import { heapUsed } from '../support/heap.js';
import { HonestPair } from '../support/honest-pair.js';
import { ManualClock } from '../support/manual-clock.js';
import { startServer, stopServers } from '../support/server.js';
import { until } from '../support/until.js';
import { V2Peer } from '../support/v2-peer.js';
import type { FromServer } from '../support/v2-peer.js';

/** Peers of cairn-signal.v2 that ask as fast as they can. Each request costs at least one answer. */
describe('request storm', () => {
  afterEach(stopServers);

  const codes = (heard: readonly FromServer[]): string[] => heard.map((message) => Object.keys(message)[0]);

  it('V2: to subscribe and unsubscribe at full rate is answered in order, and leaves nothing behind', async () => {
    const running = await startServer({ maxMessagesPerSecond: 0, drainTimeout: '0s' }, 'off');
    const pair = await HonestPair.connect(running.url);
    const peers = await Promise.all(Array.from({ length: 4 }, () => V2Peer.connect(running.url)));
    /** Everything twice: it is subscribed to before it is left, or left before it is there. */
    const round = async (): Promise<void> => {
      for (const peer of peers) {
        for (let i = 0; i < 100; i++) {
          peer.tell({ Subscribe: { topic: 'shared', presence: true, data: Buffer.alloc(64, i), id: 4 * i } });
          peer.tell({ Subscribe: { topic: `own ${i}`, id: 4 * i + 1 } });
          peer.tell({ Unsubscribe: { topic: 'shared', id: 4 * i + 2 } });
          peer.tell({ Unsubscribe: { topic: `own ${i}`, id: 4 * i + 3 } });
        }
      }
      for (const peer of peers) {
        const acks = (await peer.heard()).flatMap(({ Ack }) => (Ack === undefined ? [] : [Ack.id]));
        expect(acks).toEqual(Array.from({ length: 400 }, (_, i) => i));
      }
      await pair.isServed();
    };
    for (let i = 0; i < 3; i++) await round();
    const before = heapUsed();
    for (let i = 0; i < 10; i++) await round();
    // 16,000 requests: 200 bytes left of each would be 3 MB.
    expect(heapUsed() - before).toBeLessThan(2_000_000);
    expect(running.topics.size).toBe(1);
    for (const peer of peers) await peer.close();
    await until(() => running.connections.size === 2);
  });

  it('L1: what a peer asks is held to its rate, and all of it is answered in the end', async () => {
    const clock = new ManualClock();
    const running = await startServer({ drainTimeout: '0s' }, 'off', clock);
    const pair = await HonestPair.connect(running.url);
    const greedy = await V2Peer.connect(running.url);
    for (let id = 0; id < 1000; id++) greedy.tell({ Ping: { id } });
    let answered = 0;
    for (const allowed of [400, 200, 200, 200]) {
      for (let i = 0; i < allowed; i++) expect(await greedy.hear()).toEqual({ Pong: { id: answered++ } });
      await pair.isServed();
      expect(greedy.received).toEqual([]);
      clock.pass(1000);
    }
    expect(running.counts.of('max-messages-per-second')).toBeGreaterThan(0);
  });

  it('V2: a topic too many, and one too long, are errors; the connection works on', async () => {
    const running = await startServer({ maxMessagesPerSecond: 0, drainTimeout: '0s' }, 'off');
    const peer = await V2Peer.connect(running.url);
    for (let i = 0; i < 1024; i++) peer.tell({ Subscribe: { topic: `t${i}` } });
    for (let i = 0; i < 3; i++) {
      expect(await peer.answer({ Subscribe: { topic: 'one more' } })).toMatchObject({
        Error: { topic: 'one more', code: 'too_many_topics' },
      });
    }
    const { Error: tooLong } = await peer.answer({ Subscribe: { topic: 'x'.repeat(257) } });
    expect([tooLong!.code, tooLong!.topic]).toEqual(['topic_too_long', undefined]);
    // What it has, it may change.
    expect(await peer.answer({ Subscribe: { topic: 't0', data: Buffer.from('new') } })).toHaveProperty('Ack');
    await peer.answer({ Unsubscribe: { topic: 't1' } });
    expect(await peer.answer({ Subscribe: { topic: 'one more' } })).toHaveProperty('Ack');
    expect(running.topics.size).toBe(1024);
  });

  it('V5: data of the limit are taken, a byte more is not, and what was there stays', async () => {
    const running = await startServer({ drainTimeout: '0s' }, 'off');
    const [peer, looker] = [await V2Peer.connect(running.url), await V2Peer.connect(running.url)];
    expect(await peer.answer({ Subscribe: { topic: 't', data: Buffer.alloc(1024, 1) } })).toHaveProperty('Ack');
    expect(await peer.answer({ Subscribe: { topic: 't', data: Buffer.alloc(1025, 2) } })).toMatchObject({
      Error: { code: 'data_too_large' },
    });
    expect(await peer.answer({ Subscribe: { topic: 'u', data: Buffer.alloc(1025, 2) } })).toMatchObject({
      Error: { code: 'data_too_large' },
    });
    expect(running.topics.size).toBe(1);
    expect((await looker.look('t')).joined).toEqual([{ id: expect.any(Buffer), data: Buffer.alloc(1024, 1) }]);
    await peer.answer({ Subscribe: { topic: 't', data: Buffer.alloc(0) } });
    expect((await looker.look('t')).joined).toEqual([{ id: expect.any(Buffer), data: Buffer.alloc(0) }]);
    expect(codes(await peer.heard())).toEqual([]);
  });
});
