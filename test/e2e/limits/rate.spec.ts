import { once } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import { encodeMessage } from '../../../src/protocol/message.js';
import type { WsConnection } from '../../../src/transport/ws-connection.js';
import { ManualClock } from '../../support/manual-clock.js';
import { Peer, relayMessage } from '../../support/peer.js';
import { RawConnection } from '../../support/raw-http.js';
import { startServer, stopServers } from '../../support/server.js';
import type { RunningServer } from '../../support/server.js';
import { tokensSpent } from '../../support/tokens-spent.js';
import { turn } from '../../support/turn.js';
import { clientFrame } from '../../support/client-frame.js';
import { until } from '../../support/until.js';

afterEach(stopServers);

/** One message a second, three at once. */
const SLOWLY = { maxMessagesPerSecond: 1, messageBurst: 3 };

/** The server's side of the connections, oldest first. */
function connectionsOf(running: RunningServer): WsConnection[] {
  return [...running.connections] as WsConnection[];
}

/** Resolves once the server has stopped reading from a connection. */
async function paused(connection: WsConnection): Promise<void> {
  await until(() => connection.inbox.paused);
}

/** A subscriber of `t`, which may send nothing more, and a sender that has spent no tokens yet. */
async function pair(running: RunningServer): Promise<{ sender: Peer; receiver: Peer; connection: WsConnection }> {
  const receiver = await Peer.connect(running.url);
  receiver.subscribe('t');
  await receiver.sync();
  const sender = await Peer.connect(running.url);
  return { sender, receiver, connection: connectionsOf(running)[1] };
}

describe('greedy senders', () => {
  it('L1: message-burst messages pass immediately; one more waits for its token, and nothing is lost or reordered', async () => {
    const clock = new ManualClock();
    const running = await startServer(SLOWLY, 'off', clock);
    const { sender, receiver, connection } = await pair(running);
    const messages = Array.from({ length: 6 }, (_, i) => sender.relay('t', `${i}`));
    const answered = sender.sync();
    await paused(connection);

    for (const message of messages.slice(0, 3)) expect(await receiver.next()).toEqual(message);
    for (const message of messages.slice(3)) {
      await receiver.sync();
      expect(receiver.received).toEqual([]);
      clock.pass(1000);
      expect(await receiver.next()).toEqual(message);
    }
    // The ping came last, so it is answered last.
    expect(connection.inbox.paused).toBe(true);
    clock.pass(1000);
    await answered;
    expect(running.counts.of('max-messages-per-second')).toBe(1);
  });

  it('L1: a sender within its rate is never paused', async () => {
    const clock = new ManualClock();
    const running = await startServer(SLOWLY, 'off', clock);
    const { sender, receiver } = await pair(running);
    for (let i = 0; i < 10; i++) {
      sender.relay('t', 'x');
      await receiver.next();
      clock.pass(1000);
    }
    expect(running.counts.of('max-messages-per-second')).toBe(0);
  });

  it('L1: pings, pongs, JSON and meaningless messages count too', async () => {
    const running = await startServer(SLOWLY, 'off', new ManualClock());
    const says: ((peer: Peer) => void)[] = [
      (peer) => peer.socket.ping(),
      (peer) => peer.socket.pong(),
      (peer) => peer.send('{"type":"query","topic":"t"}'),
      (peer) => peer.send(Buffer.from('nonsense')),
    ];
    for (const say of says) {
      const peer = await Peer.connect(running.url);
      for (let i = 0; i < 4; i++) say(peer);
      await paused(connectionsOf(running).at(-1)!);
    }
    expect(running.counts.of('max-messages-per-second')).toBe(says.length);
  });

  it('L1, J6: what is replayed to a new subscriber is charged to it', async () => {
    const running = await startServer({ ...SLOWLY, messageBurst: 3 }, 'off', new ManualClock());
    for (let i = 0; i < 2; i++) {
      const publisher = await Peer.connect(running.url);
      await publisher.publish('t', `${i}`);
    }
    const late = await Peer.connect(running.url);
    late.subscribe('t');
    await late.next();
    await late.next();
    late.socket.ping();
    await paused(connectionsOf(running).at(-1)!);
    expect(running.counts.of('max-messages-per-second')).toBe(1);
  });

  describe('L1: a relay costs a token, and one more for each 64 KiB that the server sends for it', () => {
    const RATE = 200;
    /** What a relay of `bytes` (as a message) to this many receivers costs its sender. */
    async function cost(bytes: number, receivers: number): Promise<number> {
      const running = await startServer({ maxMessagesPerSecond: RATE }, 'off', new ManualClock());
      for (let i = 0; i < receivers; i++) {
        const receiver = await Peer.connect(running.url);
        receiver.subscribe('t');
        await receiver.sync();
      }
      const sender = await Peer.connect(running.url);
      const around = relayMessage('t', Buffer.alloc(1000)).length - 1000;
      sender.relay('t', Buffer.alloc(bytes - around));
      await sender.sync();
      const tokens = tokensSpent(connectionsOf(running)[receivers], RATE) - 1;
      await running.close();
      return Math.round(tokens * 1000) / 1000;
    }

    it.each([
      [65_536, 0, 1],
      [65_535, 1, 1],
      [65_536, 1, 2],
      [65_536, 3, 4],
      [32_768, 5, 3],
    ])('%d bytes to %d receivers: %d', async (bytes, receivers, tokens) => {
      expect(await cost(bytes, receivers)).toBe(tokens);
    });

    it('a frame counts as at least 1 KiB, because it is a separate write', async () => {
      expect(await cost(500, 63)).toBe(1);
      expect(await cost(500, 64)).toBe(2);
    });

    it('J6: a publication of a JSON peer costs the same', async () => {
      const running = await startServer(
        { maxMessagesPerSecond: RATE, recordMaxBytes: 65_536, maxMessageBytes: 131_072 },
        'off',
        new ManualClock(),
      );
      for (let i = 0; i < 2; i++) (await Peer.connect(running.url)).subscribe('t');
      await until(() => running.topics.subscribers('t').size >= 2);
      const publisher = await Peer.connect(running.url);
      await publisher.publish('t', 'x'.repeat(65_536));
      // The message, its 87 KB of JSON, two receivers, and the ping after it.
      expect(tokensSpent(connectionsOf(running)[2], RATE)).toBeCloseTo(9);
    });

    it('J6: a replay costs the new subscriber the same', async () => {
      const running = await startServer(
        { maxMessagesPerSecond: RATE, recordMaxBytes: 65_000, maxMessageBytes: 131_072 },
        'off',
        new ManualClock(),
      );
      const publisher = await Peer.connect(running.url);
      await publisher.publish('t', 'x'.repeat(65_000));
      const late = await Peer.connect(running.url);
      late.subscribe('t');
      await late.next();
      // The Subscribe, the record, and nothing more: a replay stays below 64 KiB.
      expect(tokensSpent(connectionsOf(running)[1], RATE)).toBeCloseTo(2);
    });
  });

  it('L1: 0 is no limit', async () => {
    const running = await startServer({ maxMessagesPerSecond: 0 }, 'off', new ManualClock());
    const { sender, receiver } = await pair(running);
    for (let i = 0; i < 2000; i++) sender.relay('t', `${i}`);
    await sender.sync();
    await receiver.sync();
    expect(receiver.received).toHaveLength(2000);
  });

  it('L1, R5: messages held when their sender closed are still delivered, and then the sender is forgotten', async () => {
    const clock = new ManualClock();
    const running = await startServer(SLOWLY, 'off', clock);
    const { sender, receiver, connection } = await pair(running);
    sender.subscribe('mine');
    const messages = Array.from({ length: 4 }, (_, i) => sender.relay('t', `${i}`));
    void sender.close();
    await sender.closed;
    await paused(connection);
    const { topics } = running;
    expect([await receiver.next(), await receiver.next()]).toEqual(messages.slice(0, 2));
    expect(topics.size).toBe(2);
    clock.pass(2000);
    expect([await receiver.next(), await receiver.next()]).toEqual(messages.slice(2));
    await until(() => topics.size <= 1);
    expect(connectionsOf(running)).toHaveLength(1);
  });

  it('L1: a sender that broke a limit while it was held back is closed immediately, and its held messages are dropped', async () => {
    const running = await startServer({ ...SLOWLY, maxTopicsPerConnection: 2 }, 'off', new ManualClock());
    const peer = await Peer.connect(running.url);
    for (let i = 0; i < 100; i++) peer.subscribe(`${i}`);
    expect((await peer.closed).code).toBe(1008);
  });

  it('L1: excessive fragments cost as much as messages', async () => {
    const running = await startServer({ maxMessageBytes: 1024 }, 'off', new ManualClock());
    const raw = await RawConnection.upgraded(running.port);
    const [connection] = connectionsOf(running);
    // A message of 4,000 fragments, all of them empty.
    const message = Buffer.concat([
      clientFrame(0x02),
      ...Array<Buffer>(3998).fill(clientFrame(0x00)),
      clientFrame(0x80),
    ]);
    for (let i = 0; i < 64; i++) raw.write(message);
    await paused(connection);
    raw.socket.destroy();
    expect(running.counts.of('max-messages-per-second')).toBe(1);
  });

  it('L1: a peer that keeps sending after it was closed for a fault is held back as before, and cut', async () => {
    const running = await startServer({ ...SLOWLY, maxTopicBytes: 1 }, 'off', new ManualClock());
    const raw = await RawConnection.upgraded(running.port);
    raw.write(clientFrame(0x82, encodeMessage({ kind: 'Subscribe', topic: 'long' })));
    await raw.heard('max-topic-bytes');
    for (let i = 0; i < 10; i++) raw.write(clientFrame(0x82, Buffer.from('on and on')));
    await raw.ended;
    expect(running.counts.of('max-messages-per-second')).toBe(1);
  });

  it('L1: a sender that is held back does not delay the shutdown beyond drain-timeout', async () => {
    const running = await startServer({ ...SLOWLY, drainTimeout: '200ms' }, 'off', new ManualClock());
    const { sender, connection } = await pair(running);
    for (let i = 0; i < 100; i++) sender.relay('t', `${i}`);
    await paused(connection);
    await running.close();
    expect(connectionsOf(running)).toEqual([]);
  });

  it('L4: a paused connection is not taken for dead until one ping-interval after it is read again', async () => {
    const clock = new ManualClock();
    const running = await startServer(
      { maxMessagesPerSecond: 1, messageBurst: 1, pingInterval: '10s', pongTimeout: '1s' },
      'off',
      clock,
    );
    const peer = await Peer.connect(running.url);
    let pings = 0;
    const pinged = once(peer.socket, 'ping').then(() => (pings += 1));
    const [connection] = connectionsOf(running);
    /** Lets time pass, and the sweep look at the connection. */
    const look = async (milliseconds: number): Promise<void> => {
      const { checkAt } = connection.pulse;
      clock.pass(milliseconds);
      await until(() => connection.pulse.checkAt !== checkAt);
    };
    connection.charge(100);
    peer.send(relayMessage('t', 'x'));
    await paused(connection);
    for (let i = 0; i < 9; i++) await look(10_000);
    expect([pings, connection.inbox.paused]).toEqual([0, true]);
    clock.pass(9999);
    await until(
      () => !connection.inbox.paused,
      async () => {
        clock.pass(1);
        await turn();
      },
    );
    await look(10_000);
    expect(pings).toBe(0);
    await look(10_000);
    await pinged;
    expect(peer.socket.readyState).toBe(peer.socket.OPEN);
  });
});
