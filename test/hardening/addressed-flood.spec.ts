import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from '@jest/globals';
import { heapUsed } from '../support/heap.js';
import { HonestPair } from '../support/honest-pair.js';
import { Peer } from '../support/peer.js';
import { startServer, stopServers } from '../support/server.js';
import { until } from '../support/until.js';
import { V2Peer } from '../support/v2-peer.js';

/** Relays to one member (V8) as fast as the server takes them. */
describe('addressed flood', () => {
  afterEach(stopServers);

  const SETTINGS = { maxMessagesPerSecond: 0, drainTimeout: '0s' };

  it('V8: a flood to one member reaches that one alone, in order, each with a receipt', async () => {
    const running = await startServer(SETTINGS, 'off');
    const pair = await HonestPair.connect(running.url);
    const [sender, target, other] = await Promise.all([1, 2, 3].map(() => V2Peer.connect(running.url)));
    const v1 = await Peer.connect(running.url);
    v1.subscribe('t');
    await v1.sync();
    for (const peer of [target, other]) await peer.answer({ Subscribe: { topic: 't' } });
    const { self } = await sender.look('t');
    const { self: to } = await target.look('t');
    await Promise.all([sender, other].map((peer) => peer.heard()));
    for (let round = 0; round < 8; round++) {
      for (let i = 0; i < 100; i++) {
        sender.tell({ Relay: { topic: 't', payload: Buffer.from(`${100 * round + i}`), to, id: i } });
      }
      expect(await sender.heard()).toEqual(Array.from({ length: 100 }, (_, id) => ({ Ack: { id, to: 1 } })));
      expect(await target.heard()).toEqual(
        Array.from({ length: 100 }, (_, i) => ({
          Relay: { topic: 't', payload: Buffer.from(`${100 * round + i}`), from: self, to: true },
        })),
      );
      await pair.isServed();
    }
    await v1.sync();
    expect([await other.heard(), v1.received, v1.texts]).toEqual([[], [], []]);
  });

  it('V8: ids of nobody are acknowledged with 0, whatever they are, and take no memory', async () => {
    const running = await startServer(SETTINGS, 'off');
    const [sender, gone] = [await V2Peer.connect(running.url), await V2Peer.connect(running.url)];
    const { self } = await sender.look('t');
    const { self: left } = await gone.look('t');
    await gone.answer({ Unsubscribe: { topic: 't' } });
    const elsewhere = (await gone.look('another topic')).self;
    for (const to of [self, left, elsewhere, Buffer.alloc(8), Buffer.alloc(8, 0xff)]) {
      await sender.heard();
      expect(await sender.answer({ Relay: { topic: 't', payload: Buffer.from('x'), to } })).toMatchObject({
        Ack: { to: 0 },
      });
    }
    const flood = async (): Promise<void> => {
      for (let i = 0; i < 500; i++) {
        sender.tell({ Relay: { topic: 't', payload: Buffer.from('x'), to: randomBytes(8), id: i } });
      }
      expect((await sender.heard()).filter(({ Ack }) => Ack?.to === 0)).toHaveLength(500);
    };
    for (let i = 0; i < 5; i++) await flood();
    const before = heapUsed();
    for (let i = 0; i < 20; i++) await flood();
    // 10,000 of them: 200 bytes left of each would be 2 MB.
    expect(heapUsed() - before).toBeLessThan(1_500_000);
    expect(await gone.heard()).toEqual([]);
  });

  it('V8: to of another length is malformed, and reaches nobody', async () => {
    const running = await startServer(SETTINGS, 'off');
    const [sender, other] = [await V2Peer.connect(running.url), await V2Peer.connect(running.url)];
    for (const peer of [sender, other]) await peer.answer({ Subscribe: { topic: 't' } });
    for (const length of [0, 1, 7, 9, 16, 255]) {
      const relay = { topic: 't', payload: Buffer.from('x'), to: Buffer.alloc(length) };
      expect(await sender.answer({ Relay: relay })).toMatchObject({ Error: { code: 'malformed' } });
    }
    expect(await other.heard()).toEqual([]);
  });

  it('4008: a target that reads nothing is closed, and its senders are told 0 from then on', async () => {
    const running = await startServer({ ...SETTINGS, maxBufferedBytes: 65_536 }, 'off');
    const pair = await HonestPair.connect(running.url);
    const [sender, target] = [await V2Peer.connect(running.url), await V2Peer.connect(running.url)];
    await sender.look('t');
    const { self: to } = await target.look('t');
    target.socket.pause();
    let last: number | undefined;
    await until(
      () => last === 0,
      async () => {
        for (let i = 0; i < 16; i++) sender.tell({ Relay: { topic: 't', payload: Buffer.alloc(16_384), to } });
        const { Ack } = await sender.answer({ Relay: { topic: 't', payload: Buffer.alloc(16_384), to } });
        last = Ack!.to;
        await pair.isServed();
      },
    );
    expect(running.counts.of('max-buffered-bytes')).toBe(1);
    target.socket.terminate();
    await until(() => running.connections.size === 3);
  });
});
