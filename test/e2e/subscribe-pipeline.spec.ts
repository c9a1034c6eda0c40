import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { busIs } from '../support/bus.js';
import { Far } from '../support/far.js';
import { describeWithNats, NatsServer } from '../support/nats-server.js';
import { Peer, relayMessage } from '../support/peer.js';
import { startServer, stopServers } from '../support/server.js';

describeWithNats('N11: Subscribes of one connection, with a NATS that is far away', () => {
  const ROUND_TRIP_MS = 200;
  let nats: NatsServer;
  let far: Far;
  beforeEach(async () => {
    nats = await NatsServer.start();
  });
  afterEach(async () => {
    await stopServers();
    far.close();
    await NatsServer.stopAll();
  });

  it('wait together: 100 topics take as long as a few', async () => {
    far = new Far(nats.port, ROUND_TRIP_MS / 2);
    const here = await startServer({ natsUrl: await far.listen(), maxMessagesPerSecond: 0 });
    await busIs(here, 'up');
    const peer = await Peer.connect(here.url);
    const began = performance.now();
    for (let i = 0; i < 100; i++) peer.subscribe(`topic ${i}`);
    await peer.sync();
    const elapsed = performance.now() - began;
    // One after the other it was 200 round trips. On an idle machine it is one or two.
    expect(elapsed).toBeGreaterThan(ROUND_TRIP_MS * 0.9);
    expect(elapsed).toBeLessThan(100 * ROUND_TRIP_MS);
  });

  it('keep their order: what each is sent, what comes between, and what comes behind', async () => {
    // An answer is waited for for 150 ms (N6).
    far = new Far(nats.port, 10);
    const [here, there] = [
      await startServer({ natsUrl: await far.listen(), maxMessagesPerSecond: 0 }),
      await startServer({ natsUrl: nats.url, maxMessagesPerSecond: 0 }),
    ];
    await busIs(here, 'up');
    const publisher = await Peer.connect(there.url);
    const topics = Array.from({ length: 20 }, (_, i) => `topic ${i}`);
    for (const topic of topics) await publisher.publish(topic, topic);
    const [peer, other] = [await Peer.connect(here.url), await Peer.connect(here.url)];
    other.subscribe('local');
    await other.sync();
    for (const topic of topics.slice(0, 10)) peer.subscribe(topic);
    const behind = peer.relay('local', 'x');
    for (const topic of topics.slice(10)) peer.subscribe(topic);
    peer.unsubscribe(topics[0]);
    peer.subscribe(topics[0]);
    expect(await other.next()).toEqual(behind);
    // The relay was behind ten Subscribes, and these had been answered by then.
    await peer.sync();
    expect(peer.received).toEqual([...topics, topics[0]].map((topic) => relayMessage(topic, Buffer.from(topic))));
    const message = publisher.relay(topics[0], 'now');
    while (peer.received.length > 0) await peer.next();
    expect(await peer.next()).toEqual(message);
  });

  it('stay subscribed in the order of Subscribe and Unsubscribe', async () => {
    far = new Far(nats.port, ROUND_TRIP_MS / 2);
    const here = await startServer({ natsUrl: await far.listen(), maxMessagesPerSecond: 0 });
    await busIs(here, 'up');
    const peer = await Peer.connect(here.url);
    peer.subscribe('kept');
    peer.subscribe('left');
    peer.unsubscribe('left');
    peer.unsubscribe('kept');
    peer.subscribe('kept');
    await peer.sync();
    const sender = await Peer.connect(here.url);
    sender.relay('left', 'x');
    const kept = sender.relay('kept', 'x');
    expect(await peer.next()).toEqual(kept);
  });
});
