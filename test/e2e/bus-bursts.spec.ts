import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { NatsBackplane } from '../../src/backplane/nats-backplane.js';
import { SystemClock } from '../../src/clock/clock.js';
import { parseSettings } from '../../src/config/load-settings.js';
import { Logs } from '../../src/logging/log.js';
import { BackplaneCounts } from '../../src/metrics/backplane-counts.js';
import { countsOf } from '../support/bus.js';
import { describeWithNats, NatsServer } from '../support/nats-server.js';
import { Peer, relayMessage } from '../support/peer.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';

describeWithNats('N12: bursts wait in line', () => {
  let nats: NatsServer;
  const joined: NatsBackplane[] = [];
  beforeEach(async () => {
    nats = await NatsServer.start();
  });
  afterEach(async () => {
    await stopServers();
    await Promise.all(joined.splice(0).map((backplane) => backplane.onApplicationShutdown()));
    await NatsServer.stopAll();
  });

  const logs = new Logs({ format: 'json', destination: { write: () => undefined } });
  async function join(counts: BackplaneCounts): Promise<NatsBackplane> {
    const settings = parseSettings({ natsUrl: nats.url });
    const backplane = await NatsBackplane.join({
      settings,
      clock: new SystemClock(),
      counts,
      log: logs.for('backplane'),
    });
    joined.push(backplane);
    return backplane;
  }

  it('10,000 questions of two nodes at once are all answered by a third one', async () => {
    const counts = [new BackplaneCounts(), new BackplaneCounts(), new BackplaneCounts()];
    const [holder, one, two] = await Promise.all(counts.map((each) => join(each)));
    holder.respond((topic) => Buffer.from(`["${topic}"]`));
    const topics = Array.from({ length: 1000 }, (_, i) => `topic ${i}`);
    await Promise.all(topics.map(async (topic) => holder.offer(topic)));
    const ask = (asker: NatsBackplane): Promise<string>[] =>
      Array.from({ length: 5000 }, async (_, i) => {
        const answers = await asker.ask(topics[i % 1000])!;
        return answers.map((answer) => Buffer.from(answer).toString()).join();
      });
    const began = performance.now();
    const answers = await Promise.all([...ask(one), ...ask(two)]);
    expect(answers).toEqual(Array.from({ length: 10_000 }, (_, i) => `["topic ${i % 1000}"]`));
    expect(counts.map(({ questionsDropped }) => questionsDropped)).toEqual([0, 0, 0]);
    // 2,000 in each second.
    expect(performance.now() - began).toBeLessThan(20_000);
  });

  it('of two nodes that have records, the one that is late is waited for', async () => {
    const counts = [new BackplaneCounts(), new BackplaneCounts(), new BackplaneCounts()];
    const [busy, idle, asker] = await Promise.all(counts.map((each) => join(each)));
    busy.respond(() => Buffer.from('["busy"]'));
    idle.respond(() => Buffer.from('["idle"]'));
    await Promise.all([busy.offer('only'), busy.offer('both'), idle.offer('both')]);
    const first = Array.from({ length: 3000 }, () => asker.ask('only')!);
    const both = await asker.ask('both')!;
    expect(both.map((answer) => Buffer.from(answer).toString()).toSorted()).toEqual(['["busy"]', '["idle"]']);
    expect((await Promise.all(first)).filter(({ length }) => length !== 1)).toEqual([]);
  });

  it('questions end when the bus is lost, also those in line', async () => {
    const [holder, asker] = [await join(new BackplaneCounts()), await join(new BackplaneCounts())];
    holder.respond(() => Buffer.from('[]'));
    await holder.offer('topic');
    const asked = Array.from({ length: 20_000 }, () => asker.ask('topic')!);
    await nats.kill();
    expect((await Promise.all(asked)).length).toBe(20_000);
  });

  const node = (settings: object = {}): Promise<RunningServer> =>
    startServer({ natsUrl: nats.url, maxMessagesPerSecond: 0, ...settings }, 'off');

  it('peers that subscribe to 4,000 topics at once are sent what another node has on each', async () => {
    const [here, there] = [await node({ recordsPerSource: 10_000 }), await node()];
    const publisher = await Peer.connect(here.url);
    const topics = Array.from({ length: 4000 }, (_, i) => `topic ${i}`);
    for (const topic of topics) publisher.send(JSON.stringify({ type: 'publish', topic, payload: 'eA==' }));
    await publisher.sync();
    const peers = await Promise.all(Array.from({ length: 40 }, () => Peer.connect(there.url)));
    for (const [i, topic] of topics.entries()) peers[i % 40].subscribe(topic);
    await Promise.all(peers.map((peer) => peer.sync()));
    for (const [i, { received }] of peers.entries()) {
      expect(received).toEqual(topics.filter((_, j) => j % 40 === i).map((topic) => relayMessage(topic, 'x')));
    }
    expect(countsOf(here).questionsDropped + countsOf(there).questionsDropped).toBe(0);
  });
});
