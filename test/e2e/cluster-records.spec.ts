import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { countsOf } from '../support/bus.js';
import { describeWithNats, NatsServer } from '../support/nats-server.js';
import { Peer } from '../support/peer.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';
import { eventually } from '../support/until.js';

describeWithNats('records of several nodes', () => {
  let nats: NatsServer;
  beforeEach(async () => {
    nats = await NatsServer.start();
  });
  afterEach(async () => {
    await stopServers();
    await NatsServer.stopAll();
  });

  const node = (settings: object = {}): Promise<RunningServer> =>
    startServer({ natsUrl: nats.url, maxMessagesPerSecond: 0, recordsPerSource: 1_000_000, ...settings });

  it('N10: what is acknowledged on one node is found on every other one at once, 1,000 times', async () => {
    const [here, there] = [await node(), await node()];
    const lane = async (which: number): Promise<number> => {
      const [publisher, announcer, asker] = [
        await Peer.connect(here.url),
        await Peer.connect(here.url),
        await Peer.connect(there.url),
      ];
      let missed = 0;
      for (let round = 0; round < 25; round++) {
        const topic = `${which} ${round}`;
        await publisher.publish(topic, 'x');
        if ((await asker.query(topic)).payload === null) missed += 1;
        await announcer.announce(`announced ${topic}`, ['x'], 'aa');
        if ((await asker.query(`announced ${topic}`)).peers.length !== 1) missed += 1;
      }
      return missed;
    };
    expect(await Promise.all(Array.from({ length: 20 }, (_, which) => lane(which)))).toEqual(Array(20).fill(0));
  });

  it('N10: two nodes that take records for one topic at the same time are both found', async () => {
    const [here, there, third] = [await node(), await node(), await node()];
    const [one, two, asker] = [
      await Peer.connect(here.url),
      await Peer.connect(there.url),
      await Peer.connect(third.url),
    ];
    for (let round = 0; round < 100; round++) {
      const topic = `topic ${round}`;
      await Promise.all([one.announce(topic, ['x'], 'aa'), two.announce(topic, ['y'], 'bb')]);
      // An answer may come too late on a busy machine. A node that took itself for the only one would hide the other's
      // record every time.
      const answer = await eventually(
        () => asker.query(topic),
        ({ peers }) => peers.length === 2,
      );
      expect(answer.peers).toHaveLength(2);
    }
  });

  it('N6: the answer of the only node that has records ends the question', async () => {
    const [here, there] = [await node(), await node()];
    const [publisher, asker] = [await Peer.connect(here.url), await Peer.connect(there.url)];
    await publisher.publish('topic', 'x');
    const times: number[] = [];
    for (let i = 0; i < 50; i++) {
      const began = performance.now();
      expect((await asker.query('topic')).payload).not.toBeNull();
      times.push(performance.now() - began);
    }
    // Any wait for other answers takes 30 ms; without one it is about 1 ms.
    expect(Math.min(...times)).toBeLessThan(25);
    expect(times.toSorted((one, other) => one - other)[25]).toBeLessThan(25);
    expect(countsOf(there).questions).toBe(50);
  });

  it('N6: a node that came later is waited for, and one that left is not', async () => {
    const [here, there, third] = [await node(), await node(), await node()];
    const [one, two, asker] = [
      await Peer.connect(here.url),
      await Peer.connect(there.url),
      await Peer.connect(third.url),
    ];
    await one.announce('topic', ['x'], 'aa');
    expect((await asker.query('topic')).peers.length).toBe(1);
    await two.announce('topic', ['y'], 'bb');
    for (let i = 0; i < 20; i++) expect((await asker.query('topic')).peers.length).toBe(2);
    await there.close();
    expect((await asker.query('topic')).peers.length).toBe(1);
  });
});
