import { afterEach, expect, it } from '@jest/globals';
import { busHealth, busIs, countsOf } from '../support/bus.js';
import { HeldLink } from '../support/held-link.js';
import { describeWithNats, NatsServer } from '../support/nats-server.js';
import { Peer, relayMessage } from '../support/peer.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';
import { eventually, until } from '../support/until.js';

const nodeOf = (...urls: readonly string[]): Promise<RunningServer> =>
  startServer({ natsUrl: urls.join(','), maxMessagesPerSecond: 0 });

describeWithNats('N4: a NATS that is frozen', () => {
  afterEach(async () => {
    await stopServers();
    await NatsServer.stopAll();
  });

  it('makes a peer wait once, not once for each topic, and is said to be degraded, then down', async () => {
    const nats = await NatsServer.start();
    const here = await nodeOf(nats.url);
    const [peer, other] = [await Peer.connect(here.url), await Peer.connect(here.url)];
    other.subscribe('local');
    await other.sync();
    nats.freeze(true);
    const began = performance.now();
    for (let i = 0; i < 10; i++) peer.subscribe(`topic ${i}`);
    const message = peer.relay('local', 'x');
    const { reason } = await busIs(here, 'degraded');
    expect(reason).toBe('NATS does not answer');
    expect(await other.next()).toEqual(message);
    // Not 2 s for each.
    expect(performance.now() - began).toBeLessThan(8000);
    await busIs(here, 'down');
    nats.freeze(false);
    await busIs(here, 'up');
  });

  it('is asked, once it answers, for what a peer that subscribed meanwhile was to be sent', async () => {
    const nats = await NatsServer.start();
    const [here, there] = [await nodeOf(nats.url), await nodeOf(nats.url)];
    const [late, publisher, asker] = [
      await Peer.connect(here.url),
      await Peer.connect(there.url),
      await Peer.connect(here.url),
    ];
    await publisher.publish('topic', 'left');
    await until(async () => (await asker.query('topic')).peers.length > 0);
    nats.freeze(true);
    await busIs(here, 'degraded');
    late.subscribe('topic');
    await late.sync();
    expect(late.received).toEqual([]);
    nats.freeze(false);
    expect(await late.next()).toEqual(relayMessage('topic', Buffer.from('left')));
    await Promise.all([busIs(here, 'up'), busIs(there, 'up')]);
    // Subscribed is subscribed.
    const message = publisher.relay('topic', 'now');
    expect(await late.next()).toEqual(message);
  });

  it('is given up also when it takes nothing any more', async () => {
    const nats = await NatsServer.start();
    const here = await nodeOf(nats.url);
    const peer = await Peer.connect(here.url);
    nats.freeze(true);
    for (let i = 0; i < 300; i++) peer.relay('topic', Buffer.alloc(30_000));
    await busIs(here, 'down');
    expect(countsOf(here).dropped.slow).toBeGreaterThan(0);
    nats.freeze(false);
    await busIs(here, 'up');
  });

  it('N1: passes nothing on, once it goes on, that its nodes sent before they left it', async () => {
    const nats = await NatsServer.start();
    const link = new HeldLink(nats.port);
    const [here, there] = [await nodeOf(await link.listen()), await nodeOf(nats.url)];
    const [sender, near, far] = [
      await Peer.connect(here.url),
      await Peer.connect(here.url),
      await Peer.connect(there.url),
    ];
    for (const peer of [sender, near, far]) {
      peer.subscribe('topic');
      await peer.sync();
    }
    const arrives = async (text: string): Promise<void> => {
      await until(async () => {
        sender.relay('topic', text);
        await Promise.all([sender.sync(), far.sync()]);
        return far.received.some((message) => message.includes(text));
      });
    };
    await arrives('before');
    link.hold();
    for (let i = 0; i < 10; i++) sender.relay('topic', 'meanwhile');
    await until(() => link.count('meanwhile') >= 10);
    // It may be down for too short a time to be seen.
    await until(() => here.log.some(({ msg }) => msg === 'rejoined the bus'));
    await arrives('after');
    await near.sync();
    near.received.length = 0;
    far.received.length = 0;
    link.release();
    await until(() => countsOf(there).dropped.late >= 10);
    // Its own node hears them, too.
    await until(() => countsOf(here).dropped.late >= 10);
    await arrives('at last');
    await near.sync();
    expect(sender.received).toEqual([]);
    const late = [...near.received, ...far.received].filter((message) => message.includes('meanwhile'));
    expect(late).toEqual([]);
    link.close();
  });

  it('is left for the other server of its cluster within seconds', async () => {
    const cluster = ['--cluster_name', 'test'];
    const first = await NatsServer.start(...cluster);
    const second = await NatsServer.start(...cluster, '--routes', `nats://127.0.0.1:${first.routePort}`);
    const [here, there] = [await nodeOf(first.url), await nodeOf(second.url)];
    const [one, far] = [await Peer.connect(here.url), await Peer.connect(there.url)];
    for (const peer of [one, far]) {
      peer.subscribe('topic');
      await peer.sync();
    }
    const reaches = async (sender: Peer, receiver: Peer): Promise<void> => {
      receiver.received.length = 0;
      await until(async () => {
        sender.relay('topic', 'x');
        await Promise.all([sender.sync(), receiver.sync()]);
        return receiver.received.length > 0;
      });
    };
    await reaches(one, far);
    first.freeze(true);
    const began = performance.now();
    await eventually(
      () => here.log,
      (log) => log.some(({ msg }) => msg.startsWith('lost the bus')),
    );
    const noticed = performance.now() - began;
    await reaches(one, far);
    await reaches(far, one);
    const across = performance.now() - began;
    expect(await busHealth(here)).toMatchObject({ backplane: 'up' });
    expect(countsOf(here).dropped.slow).toBe(0);
    // It was 10 and 12 to 16 s. On an idle machine it is at most 3.3 and 3.4 s.
    expect(noticed).toBeLessThan(6000);
    expect(across).toBeLessThan(9000);
    first.freeze(false);
  });
});
