import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { countsOf } from '../support/bus.js';
import { describeWithNats, NatsServer } from '../support/nats-server.js';
import { Peer } from '../support/peer.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';
import { until } from '../support/until.js';

describeWithNats('N13: topics that only one node wants', () => {
  let nats: NatsServer;
  beforeEach(async () => {
    nats = await NatsServer.start();
  });
  afterEach(async () => {
    await stopServers();
    await NatsServer.stopAll();
  });

  const node = (): Promise<RunningServer> =>
    startServer({ natsUrl: nats.url, maxMessagesPerSecond: 0, maxTopicsPerConnection: 0 }, 'off');

  /** Two peers of a node that both have a topic, and have sent enough there for the node to know that it is alone. */
  async function alone(here: RunningServer, topic: string, one: Peer, two: Peer): Promise<void> {
    for (const peer of [one, two]) {
      peer.subscribe(topic);
      await peer.sync();
    }
    const { messagesOut } = countsOf(here);
    for (let i = 0; i < 9; i++) one.relay(topic, 'x');
    await one.sync();
    await until(() => countsOf(here).messagesOut >= messagesOut + 8);
    for (let i = 0; i < 9; i++) await two.next();
  }

  /** Resolves when a peer has received a message. What was sent before it subscribed may arrive before. */
  async function hears(peer: Peer, message: Buffer): Promise<void> {
    for (let got = await peer.next(); !got.equals(message); got = await peer.next());
  }

  it('are not published, and are as soon as another node wants them', async () => {
    const [here, there] = [await node(), await node()];
    const [one, two, far] = [await Peer.connect(here.url), await Peer.connect(here.url), await Peer.connect(there.url)];
    await alone(here, 'topic', one, two);
    const before = countsOf(here).messagesOut;
    for (let i = 0; i < 1000; i++) {
      const message = one.relay('topic', String(i));
      expect(await two.next()).toEqual(message);
    }
    // One in a second tells whether it is still so.
    expect(countsOf(here).messagesOut - before).toBeLessThan(500);
    for (let round = 0; round < 20; round++) {
      far.subscribe('topic');
      await far.sync();
      await hears(far, one.relay('topic', `far ${round}`));
      far.unsubscribe('topic');
      await far.sync();
    }
    // A sender that is not subscribed itself.
    const outsider = await Peer.connect(here.url);
    for (let i = 0; i < 50; i++) outsider.relay('other', 'x');
    await outsider.sync();
    far.subscribe('other');
    await far.sync();
    await hears(far, outsider.relay('other', 'far'));
    expect(far.received).toEqual([]);
  });

  it('N2: what is relayed after another node subscribed is never left out, 2,000 times', async () => {
    const LANES = 20;
    const ROUNDS = 100;
    const [here, there] = [await node(), await node()];
    const lane = async (which: number): Promise<void> => {
      const [one, two, far] = [
        await Peer.connect(here.url),
        await Peer.connect(here.url),
        await Peer.connect(there.url),
      ];
      for (let round = 0; round < ROUNDS; round++) {
        const topic = `lane ${which} round ${round}`;
        two.subscribe(topic);
        await two.sync();
        // At every moment of learning that nobody else wants it.
        for (let i = 0; i < 4 + (round % 10); i++) one.relay(topic, 'x');
        if (round % 3 > 0) await one.sync();
        if (round % 3 > 1) await two.sync();
        far.subscribe(topic);
        await far.sync();
        far.received.length = 0;
        const messages = [one.relay(topic, '1'), one.relay(topic, '2')];
        await hears(far, messages[0]);
        expect(await far.next()).toEqual(messages[1]);
      }
    };
    await Promise.all(Array.from({ length: LANES }, (_, which) => lane(which)));
    expect(countsOf(here).dropped).toEqual({ down: 0, slow: 0, too_large: 0, malformed: 0 });
  });
});
