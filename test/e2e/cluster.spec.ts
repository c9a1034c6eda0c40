import { connect } from 'node:net';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { Backplane } from '../../src/backplane/backplane.js';
import { busIs, countsOf } from '../support/bus.js';
import { describeWithNats, NatsServer } from '../support/nats-server.js';
import { Peer, relayMessage } from '../support/peer.js';
import { endPrograms, Program } from '../support/program.js';
import { scrape } from '../support/scrape.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';
import { eventually, until } from '../support/until.js';
import { Wire } from '../soak/bus/wire.mjs';

const busOf = (node: RunningServer): Backplane => node.server.app.get(Backplane, { strict: false });

describeWithNats('several nodes', () => {
  let nats: NatsServer;
  const wires: Wire[] = [];
  beforeEach(async () => {
    nats = await NatsServer.start();
  });
  afterEach(async () => {
    endPrograms();
    await stopServers();
    for (const wire of wires.splice(0)) wire.close();
    await NatsServer.stopAll();
  });

  const node = (settings: object = {}): Promise<RunningServer> =>
    startServer({ natsUrl: nats.url, maxMessagesPerSecond: 0, ...settings });

  it('N1: a message reaches the subscribers of every node once, and never its sender', async () => {
    const nodes = await Promise.all([node(), node(), node()]);
    const peers = await Promise.all(nodes.flatMap(({ url }) => [Peer.connect(url), Peer.connect(url)]));
    for (const peer of peers) peer.subscribe('topic');
    await Promise.all(peers.map((peer) => peer.sync()));
    const message = peers[0].relay('topic', 'x');
    expect(await Promise.all(peers.slice(1).map((peer) => peer.next()))).toEqual(peers.slice(1).map(() => message));
    // The next message shows that nothing came twice.
    const second = peers[5].relay('topic', 'y');
    expect(await Promise.all(peers.slice(0, 5).map((peer) => peer.next()))).toEqual(
      peers.slice(0, 5).map(() => second),
    );
    expect(peers.map(({ received }) => received.length)).toEqual([0, 0, 0, 0, 0, 0]);
    expect(nodes.map((one) => countsOf(one).messagesOut)).toEqual([1, 0, 1]);
    expect(nodes.map((one) => countsOf(one).messagesIn)).toEqual([1, 2, 1]);
  });

  it('N1, J6: what a JSON peer publishes on one node reaches CBOR subscribers of another', async () => {
    const [here, there] = await Promise.all([node(), node()]);
    const subscriber = await Peer.connect(there.url);
    subscriber.subscribe('topic');
    await subscriber.sync();
    const publisher = await Peer.connect(here.url);
    await publisher.publish('topic', 'hello');
    expect(await subscriber.next()).toEqual(relayMessage('topic', Buffer.from('hello')));
  });

  it('N4: who subscribed without the bus is sent what a node has that comes back later than others', async () => {
    const wire = new Wire(nats.port);
    wires.push(wire);
    const [here, there] = [await node(), await node({ natsUrl: await wire.listen() })];
    const [late, publisher] = [await Peer.connect(here.url), await Peer.connect(there.url)];
    await until(() => busOf(here).nodes.others.size === 1);
    wire.cut();
    await nats.kill();
    await Promise.all([busIs(here, 'down'), busIs(there, 'down')]);
    late.subscribe('topic');
    await late.sync();
    await publisher.publish('topic', 'left');
    await nats.start();
    await busIs(here, 'up');
    // What is asked now finds nothing.
    const asker = await Peer.connect(here.url);
    expect((await asker.query('topic')).peers).toEqual([]);
    expect(late.received).toEqual([]);
    wire.heal();
    expect(await late.next()).toEqual(relayMessage('topic', Buffer.from('left')));
  });

  it('N2: after a subscribe here, a relay there is never lost or out of order, 10,000 times', async () => {
    const ROUNDS = 10_000;
    const LANES = 50;
    const [here, there] = await Promise.all([node({ maxTopicsPerConnection: 0 }), node()]);
    /** Each round uses a fresh topic, which nobody had before. */
    const lane = async (which: number): Promise<void> => {
      const [subscriber, sender] = await Promise.all([Peer.connect(here.url), Peer.connect(there.url)]);
      for (let round = 0; round < ROUNDS / LANES; round++) {
        const topic = `lane ${which} round ${round}`;
        subscriber.subscribe(topic);
        await subscriber.sync();
        const messages = [sender.relay(topic, '1'), sender.relay(topic, '2')];
        expect([await subscriber.next(), await subscriber.next()]).toEqual(messages);
        subscriber.unsubscribe(topic);
      }
    };
    await Promise.all(Array.from({ length: LANES }, (_, which) => lane(which)));
    expect(countsOf(here).messagesIn).toBe(2 * ROUNDS);
  });

  it("N2: while a subscription is being confirmed, the peer's next messages wait, and are not lost", async () => {
    const wire = new Wire(nats.port);
    wires.push(wire);
    const here = await node({ natsUrl: await wire.listen() });
    const [peer, other] = await Promise.all([Peer.connect(here.url), Peer.connect(here.url)]);
    other.subscribe('local');
    await other.sync();
    nats.freeze(true);
    peer.subscribe('topic');
    const messages = Array.from({ length: 1000 }, (_, i) => peer.relay('local', String(i)));
    // Others are served meanwhile.
    await other.sync();
    expect(other.received).toEqual([]);
    nats.freeze(false);
    for (const message of messages) expect(await other.next()).toEqual(message);
  });

  it('N3: a topic without local subscribers leaves the bus a second later, and not before', async () => {
    const [here, there] = await Promise.all([node(), node()]);
    const [peer, sender] = await Promise.all([Peer.connect(here.url), Peer.connect(there.url)]);
    peer.subscribe('kept');
    peer.subscribe('left');
    peer.unsubscribe('left');
    await peer.sync();
    expect(countsOf(here).subscriptions).toBe(2);
    await until(() => countsOf(here).subscriptions <= 1);
    sender.relay('left', 'x');
    const kept = sender.relay('kept', 'x');
    expect(await peer.next()).toEqual(kept);
    expect(countsOf(here).messagesIn).toBe(1);
    await peer.close();
    await until(() => countsOf(here).subscriptions === 0);
  });

  it('N4: without NATS a node serves its own peers and logs that; it joins when NATS starts, and again after a restart', async () => {
    await nats.kill();
    const managementAddr = '127.0.0.1:0';
    const [here, there] = await Promise.all([
      node({ managementAddr }),
      node({ managementAddr, backplaneRequired: 'on' }),
    ]);
    const ready = async ({ management }: RunningServer): Promise<number | undefined> =>
      (await scrape(`${management}/metrics`)).get('cairn_signal_ready');
    expect((await fetch(`${here.http}/health/ready`)).status).toBe(200);
    expect((await fetch(`${there.http}/health/ready`)).status).toBe(503);
    expect(await Promise.all([ready(here), ready(there)])).toEqual([1, 0]);
    await busIs(here, 'down');
    const [one, two, far] = await Promise.all([
      Peer.connect(here.url),
      Peer.connect(here.url),
      Peer.connect(there.url),
    ]);
    for (const peer of [one, two, far]) peer.subscribe('topic');
    await Promise.all([one, two, far].map((peer) => peer.sync()));
    expect(await (one.relay('topic', 'near'), two.next())).toEqual(relayMessage('topic', 'near'));
    expect(countsOf(here).dropped.down).toBe(1);

    for (let restart = 0; restart < 2; restart++) {
      await nats.start();
      await Promise.all([busIs(here, 'up'), busIs(there, 'up')]);
      expect((await fetch(`${there.http}/health/ready`)).status).toBe(200);
      expect(await ready(there)).toBe(1);
      // One topic from before, and one that was subscribed to while there was no bus.
      two.subscribe(`other ${restart}`);
      // A new topic, so that the server waits until NATS has taken all subscriptions of the node.
      two.subscribe(`barrier ${restart}`);
      await two.sync();
      const messages = [far.relay('topic', `far ${restart}`), far.relay(`other ${restart}`, 'far')];
      expect([await two.next(), await two.next()]).toEqual(messages);
      expect(await one.next()).toEqual(messages[0]);
      await nats.kill();
      await Promise.all([busIs(here, 'down'), busIs(there, 'down')]);
      two.subscribe(`other ${restart + 1}`);
      await two.sync();
    }
    expect(JSON.stringify(here.log)).not.toContain('topic"');
  });

  it('N4: a node that a partition cuts off keeps running, and loses only what crosses the partition', async () => {
    const wire = new Wire(nats.port);
    wires.push(wire);
    const [here, there] = await Promise.all([node({ natsUrl: await wire.listen() }), node()]);
    const [one, two, far] = await Promise.all([
      Peer.connect(here.url),
      Peer.connect(here.url),
      Peer.connect(there.url),
    ]);
    for (const peer of [one, two, far]) peer.subscribe('topic');
    await Promise.all([one, two, far].map((peer) => peer.sync()));
    wire.cut();
    await busIs(here, 'down');
    const alone = one.relay('topic', 'alone');
    expect(await two.next()).toEqual(alone);
    wire.heal();
    await busIs(here, 'up');
    const together = one.relay('topic', 'together');
    expect([await two.next(), await far.next()]).toEqual([together, together]);
  });

  it('N4: one of two clustered NATS servers may be lost', async () => {
    const cluster = ['--cluster_name', 'test'];
    const first = await NatsServer.start(...cluster);
    const second = await NatsServer.start(...cluster, '--routes', `nats://127.0.0.1:${first.routePort}`);
    const [here, there] = await Promise.all([node({ natsUrl: first.url }), node({ natsUrl: second.url })]);
    const [one, far] = await Promise.all([Peer.connect(here.url), Peer.connect(there.url)]);
    for (const peer of [one, far]) peer.subscribe('topic');
    await Promise.all([one, far].map((peer) => peer.sync()));
    /**
     * Relays until it arrives: between servers, interest travels a moment longer than a subscription takes to be
     * confirmed.
     */
    const reaches = async (sender: Peer, receiver: Peer): Promise<void> => {
      const arrival = receiver.next().then(() => true);
      await until(() => {
        sender.relay('topic', 'x');
        return Promise.race([arrival, sender.sync().then(() => false)]);
      });
      await receiver.sync();
      receiver.received.length = 0;
    };
    await reaches(one, far);
    await reaches(far, one);
    // The library learnt of the other server from the first one.
    await first.kill();
    await busIs(here, 'down');
    await busIs(here, 'up');
    await reaches(one, far);
    await reaches(far, one);
    expect([one, far].map(({ socket }) => socket.readyState)).toEqual([1, 1]);
  });

  it('N5: a message from the bus is dropped if it is not a Relay to its topic, or if no peer could have sent it', async () => {
    const here = await node({ maxMessageBytes: 1024, recordMaxBytes: 1024 });
    const peer = await Peer.connect(here.url);
    peer.subscribe('topic');
    await peer.sync();
    const publish = (message: Buffer): void => {
      const socket = connect(nats.port, '127.0.0.1', () => {
        // The subject of "topic": a hash.
        const subject = 'cairn.topic.I9YRpvb44--HdZWe_WHu4JTB5rFHq5eOe_fKRS5REQs';
        socket.write(
          Buffer.concat([
            Buffer.from(`CONNECT {"verbose":false}\r\nPUB ${subject} ${message.length}\r\n`),
            message,
            Buffer.from('\r\nPING\r\n'),
          ]),
        );
        socket.once('data', () => socket.end());
      });
      socket.on('error', () => undefined);
    };
    const garbage = [
      Buffer.from('garbage'),
      Buffer.alloc(0),
      relayMessage('another', 'x'),
      relayMessage('topic', Buffer.alloc(20_000)),
      Buffer.concat([relayMessage('topic', 'x'), Buffer.of(0)]),
    ];
    for (const message of garbage) publish(message);
    await until(() => countsOf(here).dropped.malformed >= garbage.length);
    expect((await peer.sync()).received).toEqual([]);
  });

  it('N4: a bus that accepts nothing loses only what does not fit into the buffers', async () => {
    const here = await node({ maxMessageBytes: 1024 * 1024 });
    const peer = await Peer.connect(here.url);
    nats.freeze(true);
    const payload = Buffer.alloc(512 * 1024);
    for (let i = 0; i < 100; i++) {
      peer.relay('topic', payload);
      await peer.sync();
    }
    const { messagesOut, dropped } = countsOf(here);
    expect(messagesOut + dropped.slow).toBe(100);
    // 8 MiB may be on their way, plus what the system took before it took no more.
    expect(dropped.slow).toBeGreaterThan(70);
    nats.freeze(false);
    // It swallows again, and is asked how much of it is gone.
    await until(
      () => countsOf(here).messagesOut !== messagesOut,
      async () => {
        peer.relay('topic', payload);
        await peer.sync();
      },
    );
  });

  it('N6, J4: a query finds the records of every node, newest first, each announcer once', async () => {
    const [here, there, third] = await Promise.all([node(), node(), node()]);
    const [one, two, asker] = await Promise.all([here, there, third].map(({ url }) => Peer.connect(url)));
    expect(await asker.query('topic')).toEqual({ type: 'result', topic: 'topic', payload: null, peers: [] });
    await one.announce('topic', ['first'], 'aa');
    await two.announce('topic', ['second'], 'bb');
    await two.announce('topic', ['moved'], 'aa');
    await one.publish('topic', 'published');
    const payload = Buffer.from('published');
    const found = {
      payload: payload.toString('base64'),
      peers: [
        { peer_id: '', addresses: [payload.toString('hex')] },
        { peer_id: 'aa', addresses: ['moved'] },
        { peer_id: 'bb', addresses: ['second'] },
      ],
    };
    // An offer takes a moment to travel, and an answer may come too late. Which of two nodes' records is newer is known
    // only as exactly as their answers travel.
    const inOrder = (peers: { addresses: string[] }[]): boolean =>
      peers.map(({ addresses }) => addresses[0]).join() === found.peers.map(({ addresses }) => addresses[0]).join();
    expect(
      await eventually(
        () => asker.query('topic'),
        ({ peers }) => inOrder(peers),
      ),
    ).toMatchObject(found);
    // One's own are left out.
    expect(await two.query('topic')).toMatchObject({ payload: found.payload, peers: found.peers.slice(0, 1) });
    let answer = await eventually(
      () => one.query('topic'),
      ({ peers }) => peers.length >= 2,
    );
    expect(answer).toMatchObject({ payload: Buffer.from('moved').toString('base64'), peers: found.peers.slice(1) });
    // A node's records end with it.
    await there.close();
    answer = await eventually(
      () => asker.query('topic'),
      ({ peers }) => peers.length <= 2,
    );
    expect(answer.peers).toEqual([
      { peer_id: '', addresses: [payload.toString('hex')] },
      { peer_id: 'aa', addresses: ['first'] },
    ]);
  });

  it('N6: answers keep the order of the questions, and nobody waits for nodes without records', async () => {
    const [here, there] = await Promise.all([node(), node()]);
    const [asker, other] = await Promise.all([Peer.connect(here.url), Peer.connect(there.url)]);
    await other.announce('held', ['x'], 'aa');
    await until(async () => (await asker.query('held')).peers.length !== 0);
    const messages = Array.from({ length: 20 }, (_, i) => ({
      type: 'query',
      topic: i % 2 === 0 ? 'held' : `unknown ${i}`,
    }));
    for (const message of messages) asker.send(JSON.stringify(message));
    await asker.sync();
    expect(asker.texts.slice(-20).map((text) => (JSON.parse(text) as { topic: string }).topic)).toEqual(
      messages.map(({ topic }) => topic),
    );
    expect(countsOf(here).questions).toBeGreaterThanOrEqual(20);
  });

  it('N6, J6: a late CBOR subscriber is first sent what was published on another node', async () => {
    const [here, there] = await Promise.all([node(), node()]);
    const [publisher, asker] = await Promise.all([Peer.connect(here.url), Peer.connect(there.url)]);
    await publisher.publish('topic', 'left');
    await (await Peer.connect(here.url)).publish('topic', 'later');
    await until(async () => (await asker.query('topic')).peers.length >= 2);
    const late = await Peer.connect(there.url);
    late.subscribe('topic');
    await late.sync();
    expect(late.received).toEqual([relayMessage('topic', 'left'), relayMessage('topic', 'later')]);
  });

  it('N6: garbage, and answers full of nonsense, count as no answer', async () => {
    const here = await node();
    const asker = await Peer.connect(here.url);
    const liar = connect(nats.port, '127.0.0.1');
    liar.on('error', () => undefined);
    liar.write('CONNECT {"verbose":false}\r\nSUB cairn.records.> 1\r\n');
    const lies = [
      'garbage',
      '{}',
      '[{"kind":"announced"}]',
      '[{"kind":"published","age":-1,"payload":"eA=="}]',
      '[{"kind":"published","age":1,"payload":"no base64"}]',
    ];
    let asked = 0;
    liar.on('data', (data: Buffer) => {
      for (const [, reply] of data.toString().matchAll(/MSG \S+ 1 (\S+) 0/g)) {
        asked += 1;
        for (const lie of lies) liar.write(`PUB ${reply} ${lie.length}\r\n${lie}\r\n`);
      }
    });
    await until(async () => {
      expect(await asker.query('topic')).toMatchObject({ payload: null, peers: [] });
      return asked > 0;
    });
    liar.destroy();
  });

  it('N4: a subscription that NATS denies is logged and counted, and everything else goes on', async () => {
    const guarded = await NatsServer.configured(
      'authorization { users: [ { user: a, password: b, permissions: { publish: ">", subscribe: { allow: ">", deny: "cairn.records.>" } } } ] }\nno_auth_user: a',
    );
    const [here, there] = await Promise.all([node({ natsUrl: guarded.url }), node({ natsUrl: guarded.url })]);
    const announcer = await Peer.connect(here.url);
    await announcer.announce('secret topic', ['x'], 'aa');
    await announcer.announce('another secret topic', ['x'], 'aa');
    await until(() => countsOf(here).failed >= 2);
    expect(here.log.filter(({ level }) => level === 'error')).toEqual([
      expect.objectContaining({ msg: expect.stringContaining('NATS denies this node a subscription') }),
    ]);
    const [one, far] = await Promise.all([Peer.connect(here.url), Peer.connect(there.url)]);
    for (const peer of [one, far]) peer.subscribe('topic');
    await Promise.all([one, far].map((peer) => peer.sync()));
    const messages = [one.relay('topic', 'x'), far.relay('topic', 'y')];
    expect([await far.next(), await one.next()]).toEqual(messages);
    expect(countsOf(here).roundTripMs).toBeLessThan(1000);
  });

  it('N6: an answer holds as many records as NATS carries in a message', async () => {
    const small = await NatsServer.configured('max_payload: 8192');
    const [here, there] = await Promise.all([
      node({ natsUrl: small.url, maxMessageBytes: 8192 }),
      node({ natsUrl: small.url, maxMessageBytes: 8192 }),
    ]);
    const [announcer, asker] = await Promise.all([Peer.connect(here.url), Peer.connect(there.url)]);
    for (let who = 0; who < 16; who++) await announcer.announce('topic', ['x'.repeat(700)], (16 + who).toString(16));
    const answer = await eventually(
      () => asker.query('topic'),
      ({ peers }) => peers.length > 0,
    );
    expect(answer.peers[0].peer_id).toBe('1f');
    expect(countsOf(here).questionsDropped).toBe(0);
    const peer = await Peer.connect(there.url);
    peer.subscribe('topic');
    await peer.sync();
    const far = await Peer.connect(here.url);
    const message = far.relay('topic', 'x');
    expect(await peer.next()).toEqual(message);
  });

  it('N7: when one of three processes is killed, its peers go on at another', async () => {
    const flags = ['--listen-addr', '127.0.0.1:0', '--nats-url', nats.url];
    const programs = [1, 2, 3].map(() => new Program(flags));
    const urls = await Promise.all(programs.map(async (program) => `ws://127.0.0.1:${await program.port()}`));
    const [one, two, three] = await Promise.all(urls.map((url) => Peer.connect(url)));
    for (const peer of [one, two, three]) peer.subscribe('topic');
    await Promise.all([one, two, three].map((peer) => peer.sync()));
    const before = one.relay('topic', 'before');
    expect([await two.next(), await three.next()]).toEqual([before, before]);
    programs[0].signal('SIGKILL');
    await one.closed;
    const again = await Peer.connect(urls[1]);
    again.subscribe('topic');
    await again.sync();
    const after = again.relay('topic', 'after');
    expect([await two.next(), await three.next()]).toEqual([after, after]);
    for (const program of programs.slice(1)) program.signal('SIGTERM');
    expect(await Promise.all(programs.slice(1).map(async (program) => (await program.ended).code))).toEqual([0, 0]);
  });

  it('S: settings that NATS does not accept stop the start, each with its own line', async () => {
    const guarded = await NatsServer.start('--auth', 's3cret');
    await busIs(await node({ natsUrl: guarded.url, natsToken: 's3cret' }), 'up');
    await expect(node({ maxMessageBytes: 2 * 1024 * 1024 })).rejects.toThrow(
      'NATS carries at most 1048576 bytes in a message (its max_payload), but max-message-bytes is 2097152',
    );
    await expect(node({ natsCreds: '/nowhere' })).rejects.toThrow('nats-creds "/nowhere": there is no such file');
    await expect(node({ natsCreds: 'package.json' })).rejects.toThrow(
      'nats-creds "package.json": not NATS credentials (a user JWT and its seed)',
    );
    await expect(
      node({ natsTlsCa: 'package.json', natsTlsCert: 'package.json', natsTlsKey: 'package.json' }),
    ).rejects.toThrow('nats-tls-ca, nats-tls-cert, nats-tls-key: not usable');
  });
});
