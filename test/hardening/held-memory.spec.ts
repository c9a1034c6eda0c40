import { afterEach, describe, expect, it } from '@jest/globals';
import { clientFrame } from '../support/client-frame.js';
import { MeasuredServer } from '../support/measured-server.js';
import { connectionOf, Peer } from '../support/peer.js';
import { startServer, stopServers } from '../support/server.js';
import { until } from '../support/until.js';

/**
 * Small messages for peers that read nothing. Each write to a socket that lags is an object in Node many times its
 * size, and a waiting frame keeps the slab that it was made in, which other peers' frames filled. When bytes of frames
 * were counted, a server was killed with 4 MB counted of the 64 MB allowed.
 */
describe('the memory counted for slow readers is the memory held', () => {
  afterEach(stopServers);
  afterEach(() => MeasuredServer.endAll());

  const UNBOUNDED = { 'max-messages-per-second': 0, 'max-buffered-bytes': 0, 'max-buffered-total-bytes': 0 };
  /** How much the rest of the server may grow meanwhile. */
  const NOISE = 2 * 1024 * 1024;
  const FACTOR = 1.5;
  const COUNTED = 'cairn_signal_buffered_bytes';

  /**
   * Connects this many peers that read nothing, until the system takes no more for them. Their topics are `lag 0`, `lag
   * 1` and so on, and `all`.
   */
  async function lagging(server: MeasuredServer, count: number, sender: Peer): Promise<Peer[]> {
    const peers = await Promise.all(Array.from({ length: count }, () => Peer.connect(server.url)));
    for (const [i, peer] of peers.entries()) {
      peer.subscribe('all');
      peer.subscribe(`lag ${i}`);
      await peer.sync();
      peer.socket.pause();
    }
    // All of them are sent the same, and for each several frames wait.
    await until(
      async () => (await server.metric(COUNTED)) >= count * 500_000,
      async () => {
        for (let i = 0; i < 8; i++) sender.relay('all', Buffer.alloc(60_000));
        await sender.sync();
      },
    );
    return peers;
  }

  /** How much the figure grows, and how much the memory that is held. */
  async function growth(
    server: MeasuredServer,
    attack: () => Promise<void>,
  ): Promise<{ counted: number; memory: number }> {
    const before = { memory: await server.memory(), counted: await server.metric(COUNTED) };
    await attack();
    return {
      counted: (await server.metric(COUNTED)) - before.counted,
      memory: (await server.memory()) - before.memory,
    };
  }

  function expectHonest({ counted, memory }: { counted: number; memory: number }): void {
    expect(counted).toBeGreaterThan(0);
    expect(memory).toBeLessThan(FACTOR * counted + NOISE);
    expect(counted).toBeLessThan(FACTOR * memory + NOISE);
  }

  it('L2: pongs, one in each turn', async () => {
    const server = await MeasuredServer.start(UNBOUNDED);
    const sender = await Peer.connect(server.url);
    const peers = await lagging(server, 60, sender);
    const ping = clientFrame(0x89, 'x');
    const heard = await server.metric('cairn_signal_received_bytes_total');
    const grown = await growth(server, async () => {
      for (let i = 0; i < 1500; i++) {
        for (const peer of peers) peer.tcp.write(ping);
        await sender.sync();
      }
      await server.reaches('cairn_signal_received_bytes_total', heard + 60 * 1500);
    });
    expectHonest(grown);
    for (const { socket } of peers) socket.terminate();
  });

  it("L2: a small frame now and then, in slabs filled by other peers' frames", async () => {
    const server = await MeasuredServer.start(UNBOUNDED);
    const sender = await Peer.connect(server.url);
    const filler = await Peer.connect(server.url);
    const peers = await lagging(server, 20, sender);
    // Their answers are 16 KiB.
    const fill = Buffer.concat(Array.from({ length: 130 }, () => clientFrame(0x89, Buffer.alloc(125))));
    const grown = await growth(server, async () => {
      for (let i = 0; i < 1500; i++) {
        sender.relay(`lag ${i % peers.length}`, 'x');
        filler.tcp.write(fill);
        await Promise.all([sender.sync(), filler.sync()]);
      }
    });
    expectHonest(grown);
    for (const { socket } of peers) socket.terminate();
  });

  it('L2: many small frames', async () => {
    const server = await MeasuredServer.start(UNBOUNDED);
    const sender = await Peer.connect(server.url);
    const peers = await lagging(server, 60, sender);
    const grown = await growth(server, async () => {
      for (let i = 0; i < 3000; i++) {
        sender.relay('all', '');
        await sender.sync();
      }
    });
    expectHonest(grown);
    for (const { socket } of peers) socket.terminate();
  });

  it('L3: what waits for a closing peer counts until its socket is closed', async () => {
    const running = await startServer(
      { maxMessagesPerSecond: 0, maxBufferedBytes: 0, maxBufferedTotalBytes: 0 },
      'off',
    );
    const [sender, peer] = [await Peer.connect(running.url), await Peer.connect(running.url)];
    peer.subscribe('all');
    await peer.sync();
    const connection = connectionOf(running, peer);
    peer.socket.pause();
    await until(
      () => running.held.buffered.total >= 1_000_000,
      async () => {
        sender.relay('all', Buffer.alloc(20_000));
        await sender.sync();
      },
    );
    const waits = running.held.buffered.total;
    peer.tcp.write(clientFrame(0x88, Buffer.from([3, 232])));
    await until(() => !connection.open);
    expect(running.held.buffered.total).toBeGreaterThanOrEqual(waits);
    peer.socket.terminate();
    await until(() => running.connections.size <= 1);
    expect(running.held.buffered.total).toBe(0);
  });
});
