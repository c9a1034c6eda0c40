import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { afterEach, expect, it } from '@jest/globals';
import { encodeMessage } from '../../src/protocol/message.js';
import { clientFrame } from '../support/client-frame.js';
import { MeasuredServer } from '../support/measured-server.js';
import { describeWithNats, NatsServer } from '../support/nats-server.js';
import { HANDSHAKE } from '../support/raw-http.js';
import { until } from '../support/until.js';

/**
 * Topics on a bus. A node with the smallest heap of "Sizing" in docs/operations.md ended at 120,000 topics, within its
 * max-subscriptions: the client of NATS took 2 KB for each. 120 connections with 1,000 topics did that to anybody.
 * test/long/sizing.spec.ts holds all 200,000 of such a node; how much each takes shows with fewer.
 */
describeWithNats('topics on the bus', () => {
  const CONNECTIONS = 60;
  const TOPICS = 1000;
  /** For a busy machine. */
  const PATIENCE_MS = 300_000;
  const sockets: Socket[] = [];
  const leave = (): void => {
    for (const socket of sockets.splice(0)) socket.destroy();
  };
  afterEach(async () => {
    leave();
    MeasuredServer.endAll();
    await NatsServer.stopAll();
  });

  const subscribe = (topic: string): Buffer => clientFrame(0x82, encodeMessage({ kind: 'Subscribe', topic }));
  const subscribers = Array.from({ length: CONNECTIONS }, (_, i) =>
    Buffer.concat([
      Buffer.from(HANDSHAKE),
      ...Array.from({ length: TOPICS }, (_one, j) => subscribe(`${i} ${j} `.padEnd(64, 'x'))),
    ]),
  );

  /** Memory of a server of the smallest row once it has the topics. */
  async function held(more: Record<string, string>): Promise<number> {
    const server = await MeasuredServer.start(
      { 'max-connections': 10_000, 'max-subscriptions': 200_000, 'max-messages-per-second': 0, ...more },
      ['--max-old-space-size=256'],
    );
    for (const subscriber of subscribers) {
      const socket = connect(server.port, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.resume();
      socket.write(subscriber);
      sockets.push(socket);
    }
    // A server that is busy may take too long to read the request for its metrics.
    const subscriptions = (): Promise<number> => server.metric('cairn_signal_subscriptions').catch(() => 0);
    await until(async () => (await subscriptions()) >= CONNECTIONS * TOPICS, undefined, PATIENCE_MS);
    const memory = await server.memory();
    expect(server.alive).toBe(true);
    leave();
    MeasuredServer.endAll();
    return memory;
  }

  it(
    'N3: each takes less than 500 bytes',
    async () => {
      const alone = await held({});
      const nats = await NatsServer.start();
      const joined = await held({ 'nats-url': nats.url });
      expect((joined - alone) / (CONNECTIONS * TOPICS)).toBeLessThan(500);
    },
    2 * PATIENCE_MS,
  );
});
