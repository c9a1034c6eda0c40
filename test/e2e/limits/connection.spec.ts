import { once } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { WsConnection } from '../../../src/transport/ws-connection.js';
import { ManualClock } from '../../support/manual-clock.js';
import { Peer, relayMessage, settle } from '../../support/peer.js';
import { RawConnection } from '../../support/raw-http.js';
import { startServer, stopServers } from '../../support/server.js';
import { turn } from '../../support/turn.js';
import { clientFrame } from '../../support/client-frame.js';
import { until } from '../../support/until.js';

afterEach(stopServers);

describe('slow consumers', () => {
  it('L2: a peer that does not read is closed and cut; the sender and everyone else do not notice', async () => {
    const running = await startServer({ maxBufferedBytes: 262_144 });
    const [sender, healthy, stuck] = await Promise.all([1, 2, 3].map(() => Peer.connect(running.url)));
    for (const peer of [healthy, stuck]) peer.subscribe('t');
    await settle([healthy, stuck], []);
    stuck.socket.pause();

    const { connections } = running;
    let sent = 0;
    // What the system takes by itself for a connection that is not read is some megabytes.
    await until(
      () => connections.size !== 3,
      async () => {
        for (let i = 0; i < 16; i++, sent++) sender.relay('t', Buffer.alloc(16_384));
        await settle([sender], [healthy]);
      },
    );
    expect(healthy.received).toHaveLength(sent);
    expect(sender.socket.readyState).toBe(sender.socket.OPEN);
    stuck.socket.resume();
    // The close frame comes after what the system still holds, and may get through or not.
    expect([1006, 4008]).toContain((await stuck.closed).code);
  });

  it('L2: a peer that reads again in time gets the reason', async () => {
    const running = await startServer({ maxBufferedBytes: 65_536 });
    const [sender, slow] = await Promise.all([1, 2].map(() => Peer.connect(running.url)));
    slow.subscribe('t');
    await slow.sync();
    slow.socket.pause();
    // Until the server has begun to close it: then its connection takes no more frames, not even an empty one.
    const connections = [...running.connections];
    await until(
      () => !connections.every((connection) => connection.send(Buffer.alloc(0))),
      async () => {
        for (let i = 0; i < 16; i++) sender.relay('t', Buffer.alloc(16_384));
        await sender.sync();
      },
    );
    slow.socket.resume();
    expect(await slow.closed).toEqual({
      code: 4008,
      reason: 'slow consumer: more than 65536 bytes waiting; the setting is max-buffered-bytes',
    });
  });

  it('L3: what waits for all peers together is bounded too; the peer with the most waiting is closed first', async () => {
    const running = await startServer({
      maxBufferedBytes: 0,
      maxBufferedTotalBytes: 1_048_576,
      maxMessagesPerSecond: 0,
    });
    const [sender, little, much] = await Promise.all([1, 2, 3].map(() => Peer.connect(running.url)));
    little.subscribe('little');
    for (const topic of ['little', 'much']) much.subscribe(topic);
    await settle([little, much], []);
    for (const peer of [little, much]) peer.socket.pause();
    const { counts } = running;
    await until(
      () => counts.of('max-buffered-total-bytes') !== 0,
      async () => {
        for (const topic of ['little', 'much', 'much']) sender.relay(topic, Buffer.alloc(16_384));
        await sender.sync();
      },
    );
    much.socket.resume();
    const { code, reason } = await much.closed;
    expect([1006, 4008]).toContain(code);
    expect([
      '',
      'slow consumer: more than 1048576 bytes wait for all peers; the setting is max-buffered-total-bytes',
    ]).toContain(reason);
    little.socket.resume();
    await little.sync();
    expect(little.socket.readyState).toBe(little.socket.OPEN);
  });

  it('L2: answers to pings count: a peer that pings and never reads is closed', async () => {
    const running = await startServer({ maxBufferedBytes: 4096, maxMessagesPerSecond: 0 });
    const raw = await RawConnection.upgraded(running.port);
    raw.socket.pause();
    const { counts } = running;
    const pings = Buffer.concat(Array<Buffer>(500).fill(clientFrame(0x89, Buffer.alloc(125))));
    await until(
      () => counts.of('max-buffered-bytes') !== 0,
      async () => {
        raw.write(pings);
        await turn();
      },
    );
    raw.socket.resume();
    await raw.ended;
    expect(counts.of('max-buffered-bytes')).toBe(1);
  });

  it('L2: a burst in one turn does not close a peer that reads', async () => {
    const running = await startServer({ maxBufferedBytes: 65_536 });
    const [b, ...senders] = await Promise.all(Array.from({ length: 9 }, () => Peer.connect(running.url)));
    b.subscribe('t');
    await b.sync();
    const message = relayMessage('t', Buffer.alloc(30_000));
    for (const sender of senders) sender.send(message);
    await settle(senders, [b]);
    expect(b.received).toHaveLength(8);
    expect(b.socket.readyState).toBe(b.socket.OPEN);
  });

  it('L2: the memory of a large frame that the system takes in part does not close a peer by itself', async () => {
    // The memory that large frames are written from, with what is around it, takes 69,888 bytes.
    for (const limit of [69_632, 69_633, 69_887, 69_888]) {
      const running = await startServer({ maxBufferedBytes: limit, maxMessagesPerSecond: 0 });
      const [sender, slow] = await Promise.all([1, 2].map(() => Peer.connect(running.url)));
      slow.subscribe('t');
      await slow.sync();
      slow.socket.pause();
      await until(
        () => running.held.buffered.total > 0 || running.connections.size < 2,
        async () => {
          sender.relay('t', Buffer.alloc(65_000));
          await sender.sync();
        },
      );
      slow.socket.resume();
      await until(() => running.held.buffered.total === 0);
      await slow.sync();
      expect([limit, slow.isOpen, running.connections.size]).toEqual([limit, true, 2]);
    }
  });
});

describe('topics of one connection', () => {
  it('L10: 1008: max-topics-per-connection topics are accepted; one more closes with a reason that names the setting', async () => {
    const running = await startServer({ maxTopicsPerConnection: 3 });
    const peer = await Peer.connect(running.url);
    for (const topic of ['1', '2', '3', '3', '1']) peer.subscribe(topic);
    peer.unsubscribe('1');
    peer.subscribe('4');
    await peer.sync();
    expect(peer.socket.readyState).toBe(peer.socket.OPEN);
    peer.subscribe('5');
    expect(await peer.closed).toEqual({
      code: 1008,
      reason: 'more than 3 topics on one connection; the setting is max-topics-per-connection',
    });
  });

  it('L10: what a connection asks for after it broke the limit is ignored', async () => {
    const running = await startServer({ maxTopicsPerConnection: 3, maxMessagesPerSecond: 0 });
    const [peer, witness] = [await Peer.connect(running.url), await Peer.connect(running.url)];
    const { topics } = running;
    for (let i = 0; i < 5000; i++) peer.subscribe(String(i));
    await until(
      () => topics.size !== 0,
      () => witness.sync(),
    );
    expect(topics.size).toBeLessThanOrEqual(3);
    expect((await peer.closed).code).toBe(1008);
    expect(topics.size).toBeLessThanOrEqual(3);
  });

  it('L10: 0 is no limit', async () => {
    const running = await startServer({ maxTopicsPerConnection: 0, maxMessagesPerSecond: 0 });
    const peer = await Peer.connect(running.url);
    for (let i = 0; i < 3000; i++) peer.subscribe(String(i));
    await peer.sync();
    expect(peer.socket.readyState).toBe(peer.socket.OPEN);
  });
});

describe('subscribers of one topic', () => {
  it('L11: 1008: one subscriber over max-subscribers-per-topic is closed with a reason that names the setting; the others stay', async () => {
    const running = await startServer({ maxSubscribersPerTopic: 2 });
    const [a, b, c] = await Promise.all([1, 2, 3].map(() => Peer.connect(running.url)));
    for (const peer of [a, b, b]) peer.subscribe('t');
    await settle([a, b], []);
    c.subscribe('elsewhere');
    c.subscribe('t');
    expect(await c.closed).toEqual({
      code: 1008,
      reason: 'topic has 2 subscribers already; the setting is max-subscribers-per-topic',
    });
    a.relay('t', 'x');
    expect(await b.next()).toEqual(relayMessage('t', 'x'));
    b.unsubscribe('t');
    await b.sync();
    const d = await Peer.connect(running.url);
    d.subscribe('t');
    a.relay('t', 'y');
    await settle([d, a], [d]);
    expect(d.socket.readyState).toBe(d.socket.OPEN);
  });
});

describe('subscriptions of all connections', () => {
  it('L12: 1008: one subscription over max-subscriptions closes its connection with a reason that names the setting', async () => {
    const running = await startServer({ maxSubscriptions: 3 });
    const [a, b] = [await Peer.connect(running.url), await Peer.connect(running.url)];
    for (const topic of ['1', '2', '2']) a.subscribe(topic);
    await a.sync();
    b.subscribe('1');
    await b.sync();
    b.subscribe('3');
    expect(await b.closed).toEqual({
      code: 1008,
      reason: 'server has 3 subscriptions already; the setting is max-subscriptions',
    });
    const { topics } = running;
    await until(
      () => topics.subscriptions <= 2,
      () => a.sync(),
    );
    a.unsubscribe('1');
    a.subscribe('3');
    a.subscribe('4');
    await a.sync();
    expect(topics.subscriptions).toBe(3);
    await a.close();
    await until(() => topics.size === 0);
    expect(topics.subscriptions).toBe(0);
  });
});

describe('dead peers', () => {
  const TIMES = { pingInterval: '1s', pongTimeout: '1s' };

  it('L4: a peer that answers no ping is closed with a reason that names the setting', async () => {
    const clock = new ManualClock();
    const running = await startServer(TIMES, 'off', clock);
    const dead = await RawConnection.upgraded(running.port);
    clock.pass(1000);
    await dead.heard('\x89\x00');
    clock.pass(1000);
    await dead.heard('\x0f\xa9no pong within 1 s; the setting is pong-timeout');
    dead.socket.destroy();
    expect(await dead.ended).toMatch(/^HTTP\/1\.1 101 /);
  });

  it('L4: a peer that answered while the process was blocked is not taken for dead', async () => {
    const running = await startServer({ pingInterval: '100ms', pongTimeout: '1s' });
    const raw = await RawConnection.upgraded(running.port);
    await raw.heard('\x89\x00');
    // From here on, the pong waits in the system.
    raw.write(clientFrame(0x8a));
    for (const end = performance.now() + 1500; performance.now() < end;);
    // Answered or closed: either is sent after the stall.
    await until(
      () => !(raw.answer.endsWith('\x89\x00') && !raw.answer.slice(0, -2).includes('\x89\x00')),
      () => once(raw.socket, 'data'),
    );
    expect(raw.answer).not.toContain('no pong');
  });

  it('L4: a peer that answers stays connected', async () => {
    const clock = new ManualClock();
    const running = await startServer(TIMES, 'off', clock);
    const peer = await Peer.connect(running.url);
    let pings = 0;
    peer.socket.on('ping', () => (pings += 1));
    const [connection] = [...running.connections] as WsConnection[];
    /** Lets a second pass, and the sweep look at the connection. */
    const second = async (): Promise<void> => {
      const { checkAt } = connection.pulse;
      clock.pass(1000);
      await until(() => connection.pulse.checkAt !== checkAt);
    };
    for (let i = 0; i < 3; i++) {
      await second();
      // The pong is sent before this, so the server has received it.
      await peer.sync();
      await second();
    }
    expect(pings).toBe(3);
    expect(await peer.close()).toMatchObject({ code: 1000 });
  });
});
