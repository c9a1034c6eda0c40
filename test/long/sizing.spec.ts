import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { afterEach, expect, it } from '@jest/globals';
import { encodeMessage } from '../../src/protocol/message.js';
import { clientFrame } from '../support/client-frame.js';
import { HonestPair } from '../support/honest-pair.js';
import { MeasuredServer } from '../support/measured-server.js';
import { describeWithNats, NatsServer } from '../support/nats-server.js';
import { Peer } from '../support/peer.js';
import { HANDSHAKE } from '../support/raw-http.js';
import { turn } from '../support/turn.js';
import { until } from '../support/until.js';

/**
 * Everything that strangers can make a server hold, all together, on a server that is set up as "Sizing" in
 * docs/operations.md says. Each row promises that such a server stays within its container. A server that does not is
 * killed, and every peer is cut.
 */
describeWithNats('the sizing table holds under attack', () => {
  /** For an attack on a busy machine. */
  const PATIENCE_MS = 200_000;
  const sockets: Socket[] = [];
  afterEach(async () => {
    await NatsServer.stopAll();
    for (const socket of sockets.splice(0)) socket.destroy();
    MeasuredServer.endAll();
  });

  const MIB = 1024 * 1024;
  const CONTAINERS: Record<string, number> = { '512 MiB': 512 * MIB, '1 GiB': 1024 * MIB, '2 GiB': 2048 * MIB };
  const operations = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');
  const [, head] = /^\| container \| `NODE_OPTIONS` \|(.*)\|$/m.exec(operations)!;
  const settings = [...head.matchAll(/`([a-z-]+)`/g)].map(([, name]) => name);
  const rows = [...operations.matchAll(/^\| (\d+ [MG]iB) \| `(--max-old-space-size=\d+)` \|(.*)\|$/gm)].map(
    ([, container, heap, values]) => ({
      container,
      heap,
      flags: Object.fromEntries(values.split('|').map((value, i) => [settings[i], value.trim()])),
    }),
  );

  /** A peer that is only a socket: there are thousands of them. */
  function bare(server: MeasuredServer, bytes: Buffer | string): Socket {
    const socket = connect(server.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.on('data', () => undefined);
    socket.write(bytes);
    sockets.push(socket);
    return socket;
  }

  /**
   * Opens many, no faster than the server accepts them: once its queue is full, the system answers with SYN cookies,
   * and resets a connection that sends more than one segment. The queue is served in order. The pair is served all the
   * time.
   */
  async function flood(
    server: MeasuredServer,
    pair: HonestPair,
    count: number,
    bytes: (i: number) => Buffer | string,
  ): Promise<void> {
    for (let i = 0; i < count; i++) {
      bare(server, bytes(i));
      if (i % 100 !== 99 && i !== count - 1) continue;
      (await Peer.connect(server.url)).socket.terminate();
      await pair.isServed();
    }
  }

  const upgraded = (...frames: readonly Buffer[]): Buffer => Buffer.concat([Buffer.from(HANDSHAKE), ...frames]);
  const subscribe = (topic: string): Buffer => clientFrame(0x82, encodeMessage({ kind: 'Subscribe', topic }));

  // The same for each row, and long to make.
  /** Nearly all subscriptions of the smallest row, each to a topic of its own. */
  const subscribers = Array.from({ length: 195 }, (_, i) =>
    upgraded(...Array.from({ length: 1000 }, (_one, j) => subscribe(`${i} ${j} `.padEnd(64, 'x')))),
  );
  /** Messages that are begun, in one piece or in 4,000. */
  const begun = upgraded(clientFrame(0x02, Buffer.alloc(50_000)));
  const fragments = upgraded(clientFrame(0x01, 'x'), ...Array.from({ length: 3999 }, () => clientFrame(0x00, 'x')));
  /** What comes too fast. */
  const pongs = upgraded(...Array.from({ length: 9000 }, () => clientFrame(0x8a)));

  const reached = (limit: string): string => `cairn_signal_limits_reached_total{limit="${limit}"}`;

  it('there are rows', () => {
    expect(rows.map(({ container }) => container)).toEqual(Object.keys(CONTAINERS));
    expect(settings).toEqual([
      'max-connections',
      'max-subscriptions',
      'max-buffered-total-bytes',
      'max-unfinished-total-bytes',
      'max-plain-connections',
    ]);
  });

  // What is on the bus takes the same in each row: the smallest one shows it.
  const each = [...rows.map((row) => ({ ...row, bus: 'alone' })), { ...rows[0], bus: 'with a bus' }];
  it.each(each)(
    '$container, $bus',
    async ({ container, heap, flags, bus }) => {
      const nats = bus === 'alone' ? {} : { 'nats-url': (await NatsServer.start()).url };
      const server = await MeasuredServer.start({ ...flags, ...nats }, [heap]);
      const pair = await HonestPair.connect(server.url);

      await flood(server, pair, subscribers.length, (i) => subscribers[i]);
      // With a bus, they wait for NATS, and what waits is cut first.
      if (bus !== 'alone') await server.reaches('cairn_signal_subscriptions', 190_000, PATIENCE_MS);
      // Up to a third more than may be held.
      const unfinished = Math.ceil((1.3 * Number(flags['max-unfinished-total-bytes'])) / 50_000);
      await flood(server, pair, unfinished, (i) => (i % 10 === 0 ? fragments : begun));
      // Unfinished requests, as many as get in.
      await flood(server, pair, 1500, () => `GET / HTTP/1.1\r\n${'a:\r\n'.repeat(4000)}`);
      await flood(server, pair, 200, () => pongs);

      // Subscribers that do not read, and are sent small frames until nearly all that may wait does, or they are
      // closed.
      const slow = await Promise.all(Array.from({ length: 90 }, () => Peer.connect(server.url)));
      for (const peer of slow) {
        peer.subscribe('slow');
        await peer.sync();
        peer.socket.pause();
      }
      const senders = await Promise.all(Array.from({ length: 30 }, () => Peer.connect(server.url)));
      const closed = async (): Promise<number> =>
        (await server.metric(reached('max-buffered-bytes'))) +
        (await server.metric(reached('max-buffered-total-bytes')));
      await until(
        async () => (await closed()) !== 0,
        async () => {
          for (const sender of senders) for (let i = 0; i < 4; i++) sender.relay('slow', Buffer.alloc(3500));
          await Promise.all(senders.map((sender) => sender.sync()));
        },
        PATIENCE_MS,
      );
      for (const { tcp } of slow) for (let i = 0; i < 1000; i++) tcp.write(clientFrame(0x89));

      await server.reaches(reached('max-unfinished-total-bytes'), 1, PATIENCE_MS);
      await server.reaches('cairn_signal_subscriptions', 190_000, PATIENCE_MS);
      for (let i = 0; i < 20; i++) {
        await pair.isServed();
        await turn();
      }
      expect(server.alive).toBe(true);
      expect(server.peak).toBeLessThan(CONTAINERS[container]);
      for (const { socket } of [...slow, ...senders]) socket.terminate();
    },
    3 * PATIENCE_MS,
  );
});
