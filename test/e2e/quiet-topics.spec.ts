import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { connect } from '@nats-io/transport-node';
import { busIs, countsOf } from '../support/bus.js';
import { Far } from '../support/far.js';
import { ManualClock } from '../support/manual-clock.js';
import { describeWithNats, NatsServer } from '../support/nats-server.js';
import { Peer } from '../support/peer.js';
import { subjectOf } from '../support/raw-nats.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';
import { until } from '../support/until.js';
import { Wire } from '../soak/bus/wire.mjs';

describeWithNats('N13: topics that only one node wants', () => {
  let nats: NatsServer;
  beforeEach(async () => {
    nats = await NatsServer.start();
  });
  afterEach(async () => {
    await stopServers();
    await NatsServer.stopAll();
  });

  const node = (natsUrl = nats.url): Promise<RunningServer> =>
    startServer({ natsUrl, maxMessagesPerSecond: 0, maxTopicsPerConnection: 0 }, 'off');

  /** Lets a peer send to a topic until its node has learnt that nobody else wants it. */
  async function quiet(here: RunningServer, topic: string, sender: Peer, wait = (): void => undefined): Promise<void> {
    await until(async () => {
      wait();
      for (let i = 0; i < 8; i++) sender.relay(topic, 'x');
      await sender.sync();
      const { messagesOut } = countsOf(here);
      sender.relay(topic, 'x');
      await sender.sync();
      return countsOf(here).messagesOut === messagesOut;
    });
  }

  /** Two peers of a node that both have a topic, and have sent enough there for the node to know that it is alone. */
  async function alone(here: RunningServer, topic: string, one: Peer, two: Peer): Promise<void> {
    for (const peer of [one, two]) {
      peer.subscribe(topic);
      await peer.sync();
    }
    await quiet(here, topic, one);
    await two.sync();
    two.received.length = 0;
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

  it('N2: what is relayed after another node subscribed is never left out, 400 times', async () => {
    const LANES = 20;
    const ROUNDS = 20;
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
        // At every moment of learning that nobody else wants it, which takes a quarter of a second.
        const began = performance.now();
        while (performance.now() - began < 235 + (round % 10) * 4) {
          for (let i = 0; i < 4; i++) one.relay(topic, 'x');
          await one.sync();
        }
        two.received.length = 0;
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
    expect(countsOf(here).dropped).toEqual({ down: 0, slow: 0, late: 0, too_large: 0, malformed: 0 });
  });

  it('are published again to a node whose link was cut, as soon as it is back with its subscriptions', async () => {
    const wire = new Wire(nats.port);
    try {
      const clock = new ManualClock();
      const here = await startServer({ natsUrl: nats.url, maxMessagesPerSecond: 0 }, 'off', clock);
      const there = await node(await wire.listen());
      const [one, far, other] = [
        await Peer.connect(here.url),
        await Peer.connect(there.url),
        await Peer.connect(there.url),
      ];
      one.subscribe('back');
      far.subscribe('topic');
      await Promise.all([one.sync(), far.sync()]);
      wire.cut();
      await busIs(there, 'down');
      // No time passes after that, so what was learnt is trusted until something says otherwise.
      await quiet(here, 'topic', one, () => clock.pass(300));
      wire.heal();
      await busIs(there, 'up');
      // The subscription is confirmed behind those that the node had before.
      other.subscribe('new');
      await other.sync();
      await hears(one, other.relay('back', 'with all subscriptions'));
      await hears(far, one.relay('topic', 'to those who were there'));
      expect(far.received).toEqual([]);
    } finally {
      await stopServers();
      wire.close();
    }
  });

  it('are asked about without waiting, and what others have is found', async () => {
    const [here, there, other] = [await node(), await node(), await node()];
    const [one, asker, publisher] = [
      await Peer.connect(here.url),
      await Peer.connect(there.url),
      await Peer.connect(other.url),
    ];
    let round = 0;
    // Without asking again, each takes 30 ms.
    await until(async () => {
      round += 1;
      await quiet(here, `topic ${round}`, one);
      const began = performance.now();
      expect((await asker.query(`topic ${round}`)).peers).toEqual([]);
      return performance.now() - began < 25;
    });
    await publisher.publish('found', 'x');
    await quiet(here, 'found', one);
    const { payload, peers } = await asker.query('found');
    expect([payload, peers.length]).toEqual(['eA==', 1]);
  });

  it('N2: are published by every node that was alone with one before a subscription is confirmed', async () => {
    const far = new Far(nats.port, 50);
    try {
      const [near, away, there] = [await node(), await node(await far.listen()), await node()];
      const [one, other] = [await Peer.connect(near.url), await Peer.connect(away.url)];
      const receiver = await Peer.connect(there.url);
      await quiet(away, 'topic', other);
      await quiet(near, 'topic', one);
      await quiet(away, 'topic', other);
      receiver.subscribe('topic');
      await receiver.sync();
      await hears(receiver, other.relay('topic', 'from the one that is far away'));
      await hears(receiver, one.relay('topic', 'from the one that is near'));
      expect(countsOf(away).messagesOut).toBeGreaterThan(0);
    } finally {
      await stopServers();
      far.close();
    }
  });

  it('N2: are published once a node of an older version is sure to receive', async () => {
    const here = await node();
    const sender = await Peer.connect(here.url);
    const old = await connect({ servers: nats.url, noEcho: true });
    for (let round = 0; round < 20; round++) {
      const topic = `topic ${round}`;
      await quiet(here, topic, sender);
      const received: Buffer[] = [];
      old.subscribe(subjectOf('topic', topic), {
        callback: (_error, { data }) => void received.push(Buffer.from(data)),
      });
      await old.flush();
      // What version 0.3 asks behind each Subscribe, and waits for.
      await old.request(subjectOf('records', topic), '', { timeout: 150 }).catch(() => undefined);
      const message = sender.relay(topic, 'now');
      // What was sent while the node learnt may come before.
      await until(() => received.some((got) => got.equals(message)));
      expect(received.at(-1)).toEqual(message);
    }
    await old.close();
  });

  it('are published to the other side of a leaf node as soon as it is known there who wants them', async () => {
    const free = createServer().listen(0, '127.0.0.1');
    await once(free, 'listening');
    const { port } = free.address() as AddressInfo;
    free.close();
    const hub = await NatsServer.configured(`leafnodes { listen: "127.0.0.1:${port}" }`);
    const far = new Far(port, 40);
    try {
      const leaf = await NatsServer.configured(`leafnodes { remotes = [{ url: "${await far.listen()}" }] }`);
      const [here, there] = [await node(hub.url), await node(leaf.url)];
      const [sender, receiver] = [await Peer.connect(here.url), await Peer.connect(there.url)];
      receiver.subscribe('first');
      await until(async () => {
        sender.relay('first', 'x');
        await Promise.all([sender.sync(), receiver.sync()]);
        return receiver.received.length > 0;
      });
      for (let round = 0; round < 5; round++) {
        const topic = `topic ${round}`;
        for (let i = 0; i < 8; i++) sender.relay(topic, 'x');
        receiver.subscribe(topic);
        await Promise.all([sender.sync(), receiver.sync()]);
        // As long as a subscription may travel, and longer.
        await setTimeout(200);
        await hears(receiver, sender.relay(topic, 'now'));
      }
      expect(countsOf(there).messagesIn).toBeGreaterThanOrEqual(6);
    } finally {
      await stopServers();
      far.close();
    }
  });

  it('are published where NATS has no room for the subscription that others are heard by', async () => {
    const small = await NatsServer.configured('max_subscriptions: 4');
    const [here, there] = [await node(small.url), await node(small.url)];
    const [sender, receiver] = [await Peer.connect(here.url), await Peer.connect(there.url)];
    sender.subscribe('takes the last place');
    await sender.sync();
    for (let i = 0; i < 9; i++) sender.relay('topic', 'x');
    await until(() => countsOf(here).failed > 0);
    await setTimeout(300);
    for (let i = 0; i < 9; i++) sender.relay('topic', 'x');
    await sender.sync();
    receiver.subscribe('topic');
    await receiver.sync();
    await hears(receiver, sender.relay('topic', 'now'));
    expect(countsOf(there).messagesIn).toBeGreaterThan(0);
  });

  it('are published where other nodes of an older version could not say that they come: without records', async () => {
    const here = await startServer({ natsUrl: nats.url, maxMessagesPerSecond: 0, records: 'off' }, 'off');
    const sender = await Peer.connect(here.url);
    for (let i = 0; i < 100; i++) {
      sender.relay('topic', 'x');
      await setTimeout(4);
    }
    await sender.sync();
    expect(countsOf(here).messagesOut).toBe(100);
  });
});
