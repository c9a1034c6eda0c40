import { afterEach, describe, expect, it } from '@jest/globals';
import { clientFrame } from '../support/client-frame.js';
import { HonestPair } from '../support/honest-pair.js';
import { ManualClock } from '../support/manual-clock.js';
import { MeasuredServer } from '../support/measured-server.js';
import { connectionOf, Peer } from '../support/peer.js';
import { startServer, stopServers } from '../support/server.js';
import { turn } from '../support/turn.js';
import { until } from '../support/until.js';

/**
 * Messages that are begun and not finished, and messages sent so fast that they are held back. Each is within the
 * limits of one connection. With an object for each fragment, 28.7 KB that were sent once held 430 KB, and 700 such
 * connections killed a server of 512 MiB. With only a bound for each connection, one address held 1.1 GB.
 */
describe('unfinished input', () => {
  afterEach(stopServers);

  afterEach(() => MeasuredServer.endAll());

  const [FIRST, FIRST_OF_TEXT, MORE] = [0x02, 0x01, 0x00];
  const NOISE = 2 * 1024 * 1024;
  const FACTOR = 1.5;
  const COUNTED = 'cairn_signal_unfinished_bytes';

  const fragments = (first: number, count: number, payload: string): Buffer =>
    Buffer.concat(Array.from({ length: count }, (_, i) => clientFrame(i === 0 ? first : MORE, payload)));

  /**
   * What a server holds for this many peers that each send something, once it counts `least` bytes for each; and what
   * it counts.
   */
  async function held(
    server: MeasuredServer,
    count: number,
    least: number,
    send: (peers: readonly Peer[]) => Promise<void>,
  ): Promise<{ memory: number; counted: number }> {
    const peers = await Promise.all(Array.from({ length: count }, () => Peer.connect(server.url)));
    const before = await server.memory();
    await send(peers);
    await server.reaches(COUNTED, count * least);
    const memory = (await server.memory()) - before;
    const counted = await server.metric(COUNTED);
    for (const { socket } of peers) socket.terminate();
    return { memory, counted };
  }

  const writes =
    (bytes: Buffer) =>
    (peers: readonly Peer[]): Promise<void> => {
      for (const peer of peers) peer.tcp.write(bytes);
      return Promise.resolve();
    };

  it.each([
    ['4,095 fragments of one byte', fragments(FIRST, 4095, 'x'), 4095, 10],
    ['4,095 text fragments of one byte', fragments(FIRST_OF_TEXT, 4095, 'x'), 4095, 10],
    ['4,095 empty fragments', fragments(FIRST, 4095, ''), 1, 1],
    ['the beginning of a frame', clientFrame(0x82, Buffer.alloc(60_000)).subarray(0, 50_000), 49_000, 120],
  ])('L15: %s from each of 300 peers', async (_name, bytes, least, mostKb) => {
    const server = await MeasuredServer.start({ 'max-unfinished-total-bytes': 0 });
    const { memory, counted } = await held(server, 300, least, writes(bytes));
    expect(memory).toBeLessThan(300 * mostKb * 1024 + NOISE);
    expect(memory).toBeLessThan(FACTOR * counted + NOISE);
    expect(counted).toBeLessThan(FACTOR * memory + NOISE);
  });

  it('L15: a message that comes byte by byte from each of 50 peers', async () => {
    const server = await MeasuredServer.start({ 'max-unfinished-total-bytes': 0 });
    const other = await Peer.connect(server.url);
    const bytes = clientFrame(0x81, Buffer.alloc(2000)).subarray(0, 1008);
    const { memory } = await held(server, 50, 1000, async (peers) => {
      for (const byte of bytes) {
        for (const peer of peers) peer.tcp.write(Buffer.from([byte]));
        await other.sync();
      }
    });
    expect(memory).toBeLessThan(50 * 3072 + NOISE);
  });

  it('L1, L15: messages that are held back because they came too fast', async () => {
    const server = await MeasuredServer.start({
      'max-messages-per-second': 1,
      'message-burst': 1,
      'max-unfinished-total-bytes': 0,
    });
    const pongs = Buffer.concat(Array.from({ length: 9000 }, () => clientFrame(0x8a)));
    const { memory, counted } = await held(server, 100, 40_000, writes(pongs));
    expect(memory).toBeLessThan(FACTOR * counted + NOISE);
    expect(counted).toBeLessThan(FACTOR * memory + NOISE);
  });

  it('4010: all unfinished messages together stay within max-unfinished-total-bytes, and the largest holders are closed', async () => {
    const limit = 1_048_576;
    const running = await startServer({ maxUnfinishedTotalBytes: limit }, 'off');
    const pair = await HonestPair.connect(running.url);
    const small = await Peer.connect(running.url);
    small.tcp.write(clientFrame(FIRST, 'small'));
    const peers = await Promise.all(Array.from({ length: 60 }, () => Peer.connect(running.url)));
    for (const peer of peers) {
      peer.tcp.write(clientFrame(FIRST, Buffer.alloc(50_000)));
      await pair.isServed();
      expect(running.held.unfinished.total).toBeLessThanOrEqual(limit);
    }
    const [first] = await Promise.all([Promise.race(peers.map(({ closed }) => closed)), small.sync()]);
    expect(first).toEqual({
      code: 4010,
      reason: 'more than 1048576 bytes of all peers unhandled; the setting is max-unfinished-total-bytes',
    });
    expect(running.counts.of('max-unfinished-total-bytes')).toBeGreaterThanOrEqual(40);
    expect(small.socket.readyState).toBe(small.socket.OPEN);
    for (const { socket } of peers) socket.terminate();
    await until(
      () => running.connections.size <= 3,
      () => pair.isServed(),
    );
    small.tcp.write(clientFrame(0x80, ' and whole'));
    await small.sync();
    expect(running.held.unfinished.total).toBe(0);
  });

  it('4010: the same goes for messages that are held back', async () => {
    const limit = 1_048_576;
    const clock = new ManualClock();
    const running = await startServer(
      { maxMessagesPerSecond: 1, messageBurst: 100, maxUnfinishedTotalBytes: limit },
      'off',
      clock,
    );
    const pair = await HonestPair.connect(running.url);
    const peers = await Promise.all(Array.from({ length: 60 }, () => Peer.connect(running.url)));
    const flood = Buffer.concat(Array.from({ length: 500 }, () => clientFrame(0x8a, Buffer.alloc(100))));
    const connections = peers.map((peer) => connectionOf(running, peer));
    for (const [i, peer] of peers.entries()) {
      peer.tcp.write(flood);
      await until(() => connections[i].inbox.paused || !connections[i].open);
      expect(running.held.unfinished.total).toBeLessThanOrEqual(limit);
    }
    expect((await Promise.race(peers.map(({ closed }) => closed))).code).toBe(4010);
    await pair.isServed();
    for (const { socket } of peers) socket.terminate();
    // Who is held back is not read, and so not seen to go.
    await until(
      () => running.connections.size <= 2,
      async () => {
        clock.pass(60_000);
        await turn();
      },
    );
    expect(running.held.unfinished.total).toBe(0);
  });
});
