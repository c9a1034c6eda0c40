import { afterEach, expect, it } from '@jest/globals';
import { WebSocket } from 'ws';
import { describeWithProxy, FrontProxy } from '../../../test/support/front-proxy.js';
import { describeWithNats, NatsServer } from '../../../test/support/nats-server.js';
import { startServer, stopServers } from '../../../test/support/server.js';
import type { RunningServer } from '../../../test/support/server.js';
import { until } from '../../../test/support/until.js';
import { connect } from '../../src/index.js';
import type { Signal, SignalError, Topic } from '../../src/index.js';
import { keepMeasured } from '../support/measured.js';
import { bytes, text, watch } from '../support/watch.js';

const ROUNDS = 6;

describeWithNats('peers that talk while nodes are restarted one after the other', () => {
  let signals: Signal[] = [];
  let nats: NatsServer;

  afterEach(async () => {
    for (const signal of signals) signal.close();
    signals = [];
    await FrontProxy.stopAll();
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

  /** The longest time in milliseconds in which a topic had no message. */
  function longestGap(topic: Topic): () => number {
    let longest = 0;
    let last: number | undefined;
    topic.addEventListener('message', ({ timeStamp }) => {
      if (last !== undefined) longest = Math.max(longest, timeStamp - last);
      last = timeStamp;
    });
    return () => longest;
  }

  /** Restarts two nodes in turn. `reach` tells each peer where it connects, `settled` resolves when both nodes are used. */
  async function expectUnnoticed(
    name: string,
    reach: (nodes: readonly RunningServer[]) => Promise<readonly (readonly string[])[]>,
    settled: () => Promise<void>,
  ): Promise<void> {
    nats = await NatsServer.start();
    const settings = { natsUrl: nats.url, drainTimeout: '10s' };
    const nodes = [await startServer(settings), await startServer(settings)];
    const urls = await reach(nodes);
    await settled();
    signals = urls.map((url) => connect(url, { WebSocket }));
    const topics = signals.map((signal) => signal.join('t', { presence: true }));
    await Promise.all(topics.map(({ ready }) => ready));
    const heard = topics.map((topic) => watch(topic, 'message'));
    const gaps = topics.map(longestGap);
    const seen = signals.map((signal) => watch(signal, 'down', 'refused', 'error', 'drain'));

    const over = new AbortController();
    const talks = topics.map((topic) => talk(topic, over.signal));
    for (let round = 0; round < ROUNDS; round++) {
      const node = nodes[round % 2];
      await node.close();
      nodes[round % 2] = await startServer({ ...settings, listenAddr: `127.0.0.1:${node.port}` });
      // Both nodes know of each other again.
      await until(async () => (await fetch(`${nodes[round % 2].http}/health/ready`)).status === 200);
      await settled();
    }
    over.abort();
    const told = await Promise.all(talks);

    expect(told.map(({ lost }) => lost)).toEqual([[], []]);
    for (const [i, { said }] of told.entries()) {
      const numbers = (): number[] => heard[1 - i].map(([, { payload }]) => Number(text(payload as Uint8Array)));
      await until(() => numbers().length >= said);
      expect(numbers().toSorted((a, b) => a - b)).toEqual(Array.from({ length: said }, (_, number) => number));
    }
    expect(seen.flat().filter(([type]) => type !== 'drain')).toEqual([]);
    expect(seen.flat().length).toBeGreaterThanOrEqual(ROUNDS);
    const longest = gaps.map((gap) => Math.round(gap()));
    keepMeasured(`rolling-restart-${name}`, { unit: 'ms', longest });
  }

  it('lose nothing that was acknowledged, hear nothing twice, and are never without a connection', async () => {
    await expectUnnoticed(
      'urls',
      async (nodes) => [nodes.map(({ url }) => url), nodes.map(({ url }) => url).toReversed()],
      async () => {},
    );
  });

  describeWithProxy('haproxy', 'behind HAProxy, as deploy/compose/haproxy.cfg sets it up,', () => {
    it('do not notice either', async () => {
      let proxy: FrontProxy;
      await expectUnnoticed(
        'haproxy',
        async (nodes) => {
          proxy = await FrontProxy.haproxyOfCompose(nodes);
          return [[proxy.url], [proxy.url]];
        },
        () => proxy.sees(2),
      );
    });
  });
});
