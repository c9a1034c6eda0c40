import { afterEach, expect, it } from '@jest/globals';
import { WebSocket } from 'ws';
import { describeWithNats, NatsServer } from '../../../test/support/nats-server.js';
import { startServer, stopServers } from '../../../test/support/server.js';
import { until } from '../../../test/support/until.js';
import { connect } from '../../src/index.js';
import type { Signal, SignalError, Topic } from '../../src/index.js';
import { bytes, text, watch } from '../support/watch.js';

const ROUNDS = 6;

describeWithNats('peers that talk while nodes are restarted one after the other', () => {
  let signals: Signal[] = [];
  let nats: NatsServer;

  afterEach(async () => {
    for (const signal of signals) signal.close();
    signals = [];
    await stopServers();
    await NatsServer.stopAll();
  });

  /** Says numbers, one after the other, until told to stop; resolves to how many. */
  async function talk(topic: Topic, over: AbortSignal): Promise<{ said: number; lost: unknown[] }> {
    const lost: unknown[] = [];
    const sent: Promise<unknown>[] = [];
    let said = 0;
    while (!over.aborted) {
      const sending = topic.send(bytes(String(said++)));
      sent.push(sending.catch((error: SignalError) => lost.push(error.code)));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await Promise.all(sent);
    return { said, lost };
  }

  it('lose nothing that was acknowledged, and are never without a connection', async () => {
    nats = await NatsServer.start();
    const settings = { natsUrl: nats.url, drainTimeout: '10s' };
    const nodes = [await startServer(settings), await startServer(settings)];
    const urls = nodes.map(({ url }) => url);
    signals = [connect(urls, { WebSocket }), connect(urls.toReversed(), { WebSocket })];
    const topics = signals.map((signal) => signal.join('t', { presence: true }));
    await Promise.all(topics.map(({ ready }) => ready));
    const heard = topics.map((topic) => watch(topic, 'message'));
    const seen = signals.map((signal) => watch(signal, 'down', 'open', 'drain'));

    const over = new AbortController();
    const talks = topics.map((topic) => talk(topic, over.signal));
    for (let round = 0; round < ROUNDS; round++) {
      const node = nodes[round % 2];
      await node.close();
      nodes[round % 2] = await startServer({ ...settings, listenAddr: `127.0.0.1:${node.port}` });
      // Both nodes know of each other again.
      await until(async () => (await fetch(`${nodes[round % 2].http}/health/ready`)).status === 200);
    }
    over.abort();
    const [one, other] = await Promise.all(talks);

    expect([one.lost, other.lost]).toEqual([[], []]);
    // Each number once: a node under load may give a newcomer the same message twice.
    const numbers = (messages: (typeof heard)[number]): number =>
      new Set(messages.map(([, { payload }]) => text(payload as Uint8Array))).size;
    await until(() => numbers(heard[0]) === other.said && numbers(heard[1]) === one.said);
    expect(seen.flat().filter(([type]) => type === 'down')).toEqual([]);
    expect(seen.flat().filter(([type]) => type === 'drain').length).toBeGreaterThanOrEqual(ROUNDS);
  });
});
