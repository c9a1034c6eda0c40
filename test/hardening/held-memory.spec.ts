import { afterEach, describe, expect, it } from '@jest/globals';
import { clientFrame, writeRaw } from '../support/client-frame.js';
import { connectionOf } from '../support/connection-of.js';
import { heldMemory } from '../support/memory.js';
import { Peer } from '../support/peer.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';
import { turn } from '../support/turn.js';

/**
 * Small things sent to peers that read nothing. Each write to a socket that lags is an object in Node many times its size, and a frame
 * that waits keeps the slab that it was made in, which other peers' frames filled. With bytes of frames counted, a server was ended
 * with 4 MB counted of the 64 MB allowed.
 */
describe('what is counted for slow readers is what is held', () => {
  afterEach(stopServers);

  const UNBOUNDED = { maxMessagesPerSecond: 0, maxBufferedBytes: 0, maxBufferedTotalBytes: 0 };
  /** What the rest of this process may grow by meanwhile. */
  const NOISE = 3 * 1024 * 1024;
  const FACTOR = 1.5;

  /** So many peers that read nothing, and that the system takes nothing more for; `lag 0`, `lag 1` and so on are their topics, and `all`. */
  async function lagging(running: RunningServer, count: number, sender: Peer): Promise<Peer[]> {
    const peers = await Promise.all(Array.from({ length: count }, () => Peer.connect(running.url)));
    const connections = peers.map((peer) => connectionOf(running, peer));
    for (const [i, peer] of peers.entries()) {
      peer.subscribe('all');
      peer.subscribe(`lag ${i}`);
      await peer.sync();
      peer.socket.pause();
    }
    while (!connections.every(({ outbox }) => outbox !== undefined)) {
      sender.relay('all', Buffer.alloc(60_000));
      await sender.sync();
    }
    return peers;
  }

  /** By how much the figure grows, and by how much the memory that is held does. */
  async function growth(running: RunningServer, attack: () => Promise<void>): Promise<{ counted: number; memory: number }> {
    const { buffered } = running.held;
    const before = { memory: await heldMemory(), counted: buffered.total };
    await attack();
    const counted = buffered.total - before.counted;
    return { counted, memory: (await heldMemory()) - before.memory };
  }

  function expectHonest({ counted, memory }: { counted: number; memory: number }): void {
    expect(counted).toBeGreaterThan(0);
    expect(memory).toBeLessThan(FACTOR * counted + NOISE);
    expect(counted).toBeLessThan(FACTOR * memory + NOISE);
  }

  it('L2: pongs, one a turn', async () => {
    const running = await startServer(UNBOUNDED, 'off');
    const sender = await Peer.connect(running.url);
    const peers = await lagging(running, 60, sender);
    const connections = peers.map((peer) => connectionOf(running, peer));
    const ping = clientFrame(0x89);
    const grown = await growth(running, async () => {
      const read = connections.map(({ socket }) => socket.bytesRead);
      for (let i = 0; i < 1500; i++) {
        for (const peer of peers) writeRaw(peer, ping);
        await turn();
      }
      while (!connections.every(({ socket }, i) => socket.bytesRead === read[i] + 1500 * ping.length)) await turn();
    });
    expectHonest(grown);
    for (const { socket } of peers) socket.terminate();
  }, 60_000);

  it('L2: a small frame now and then, in slabs that others\' frames fill', async () => {
    const running = await startServer(UNBOUNDED, 'off');
    const sender = await Peer.connect(running.url);
    const filler = await Peer.connect(running.url);
    const peers = await lagging(running, 20, sender);
    // Their answers are 16 KiB.
    const fill = Buffer.concat(Array.from({ length: 130 }, () => clientFrame(0x89, Buffer.alloc(125))));
    const grown = await growth(running, async () => {
      for (let i = 0; i < 1500; i++) {
        sender.relay(`lag ${i % peers.length}`, 'x');
        writeRaw(filler, fill);
        await Promise.all([sender.sync(), filler.sync()]);
      }
    });
    expectHonest(grown);
    for (const { socket } of peers) socket.terminate();
  }, 60_000);

  it('L2: many small frames', async () => {
    const running = await startServer(UNBOUNDED, 'off');
    const sender = await Peer.connect(running.url);
    const peers = await lagging(running, 60, sender);
    const grown = await growth(running, async () => {
      for (let i = 0; i < 3000; i++) {
        sender.relay('all', '');
        await sender.sync();
      }
    });
    expectHonest(grown);
    for (const { socket } of peers) socket.terminate();
  }, 60_000);

  it('L3: what waits for a peer that has begun to close counts until its socket is gone', async () => {
    const running = await startServer(UNBOUNDED, 'off');
    const sender = await Peer.connect(running.url);
    const [peer] = await lagging(running, 1, sender);
    const connection = connectionOf(running, peer);
    for (let i = 0; i < 50; i++) sender.relay('all', Buffer.alloc(20_000));
    await sender.sync();
    const waits = running.held.buffered.total;
    expect(waits).toBeGreaterThan(1_000_000);
    writeRaw(peer, clientFrame(0x88, Buffer.from([3, 232])));
    while (connection.open) await turn();
    expect(running.held.buffered.total).toBeGreaterThanOrEqual(waits);
    peer.socket.terminate();
    while (running.connections.size > 1) await turn();
    expect(running.held.buffered.total).toBe(0);
  });
});
