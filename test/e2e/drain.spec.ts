import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { RelayService } from '../../src/signaling/relay.service.js';
import { WsConnection } from '../../src/transport/ws-connection.js';
import { HeldClock } from '../support/held-clock.js';
import { Peer, settle } from '../support/peer.js';
import { RawConnection } from '../support/raw-http.js';
import { startServer, stopServers } from '../support/server.js';
import { turn } from '../support/turn.js';
import { until } from '../support/until.js';

describe('drain', () => {
  afterEach(async () => {
    await stopServers();
    jest.restoreAllMocks();
  });

  it('D2, D3: every connection is told to come back, with a delay', async () => {
    const running = await startServer();
    const peers = await Promise.all(Array.from({ length: 50 }, () => Peer.connect(running.url)));
    await running.close();
    const closed = await Promise.all(peers.map((peer) => peer.closed));
    for (const { code, reason } of closed) {
      expect(code).toBe(1001);
      expect(reason).toMatch(/^restart; retry in [1-5] s$/);
    }
  });

  it('D4: what was relayed before is delivered before the close', async () => {
    const running = await startServer();
    const [a, b] = [await Peer.connect(running.url), await Peer.connect(running.url)];
    b.subscribe('t');
    await b.sync();
    const sent = Array.from({ length: 100 }, (_, i) => a.relay('t', String(i)));
    await a.sync();
    await running.close();
    await b.closed;
    expect(b.received).toEqual(sent);
  });

  it('D2, D5: while a peer is slow to leave, ready is 503, live 200 and upgrades 503; it is cut at drain-timeout', async () => {
    const running = await startServer({ drainTimeout: '1s' });
    const stubborn = await RawConnection.upgraded(running.port);

    const closing = running.close();
    await stubborn.heard('restart');
    expect((await fetch(`${running.http}/health/ready`)).status).toBe(503);
    expect((await fetch(`${running.http}/health/live`)).status).toBe(200);
    const refused = await Peer.refused(running.url);
    expect(refused.status).toBe(503);
    expect(refused.headers['retry-after']).toBe('5');

    await closing;
    await stubborn.ended;
    expect(running.log.map((line) => line.msg)).toContain('drain-timeout is over, cutting the remaining connections');
  });

  it('D5: a peer that ignores the close is not cut before drain-timeout is over', async () => {
    const running = await startServer({ drainTimeout: '7s' });
    await RawConnection.upgraded(running.port);
    await running.close();
    expect(running.log.map((line) => line.msg)).toContain('drain-timeout is over, cutting the remaining connections');
  });

  it('D5: drain-timeout 0s cuts at once', async () => {
    const running = await startServer({ drainTimeout: '0s' });
    const stubborn = await RawConnection.upgraded(running.port);
    await running.close();
    expect(await stubborn.ended).toContain('restart; retry in');
  });

  it('D1: during drain-delay ready is 503 but newcomers are served, and drain-timeout counts from its end', async () => {
    const running = await startServer({ drainDelay: '1s' });
    const [a, b] = [await Peer.connect(running.url), await Peer.connect(running.url)];
    const closing = running.close();
    await until(
      async () => (await fetch(`${running.http}/health/ready`)).status === 503,
      () => a.sync(),
    );
    const newcomer = await Peer.connect(running.url);
    newcomer.subscribe('t');
    await newcomer.sync();
    const message = b.relay('t', 'x');
    expect(await newcomer.next()).toEqual(message);
    await closing;
    expect((await Promise.all([a, b, newcomer].map((peer) => peer.closed))).map(({ code }) => code)).toEqual([
      1001, 1001, 1001,
    ]);
    expect(running.log.map((line) => line.msg)).not.toContain(
      'drain-timeout is over, cutting the remaining connections',
    );
  });

  it('D1: drain-delay is for newcomers, so it holds with nobody connected', async () => {
    const clock = new HeldClock();
    const running = await startServer({ drainDelay: '5s', drainTimeout: '1h' }, 'trace', clock);
    const begun = clock.begunToSleep(5000);
    const closing = running.close();
    await begun;
    expect((await fetch(`${running.http}/health/ready`)).status).toBe(503);
    const newcomer = await Peer.connect(running.url);
    clock.pass(5000);
    while (newcomer.socket.readyState === newcomer.socket.OPEN) {
      clock.pass(10);
      await turn();
    }
    expect((await newcomer.closed).code).toBe(1001);
    await closing;
  });

  it('D1: drain-delay is skipped when the caller says so', async () => {
    const running = await startServer({ drainDelay: '1h' });
    await running.server.close({ delay: false });
    expect(running.log.map((line) => line.msg)).not.toContain('not ready any more, still serving for drain-delay');
  });

  it('D2, D3, D4: 2,000 connections are closed evenly, and no message that came before its receiver was closed is lost', async () => {
    const PAIRS = 1000;
    const TIMEOUT_S = 3;
    // Time passes only when the test lets it, so that a slow machine does not run into drain-timeout.
    const clock = new HeldClock();
    const running = await startServer({ drainTimeout: `${TIMEOUT_S}s`, maxConnections: 2 * PAIRS }, 'warn', clock);
    const peers: Peer[] = [];
    await until(
      () => peers.length >= 2 * PAIRS,
      async () => {
        peers.push(...(await Promise.all(Array.from({ length: 100 }, () => Peer.connect(running.url)))));
      },
    );
    const receivers = peers.slice(0, PAIRS);
    const senders = peers.slice(PAIRS);
    for (const [i, receiver] of receivers.entries()) receiver.subscribe(`topic ${i}`);
    await settle(receivers, []);
    const { topics } = running;
    const connections = receivers.map((_, i) => [...topics.subscribers(`topic ${i}`)][0]);

    // What happened first inside the server: a close, or the handling of a message to the same peer.
    const rules = running.server.app.get(RelayService, { strict: false });
    const relayed = rules.relay.bind(rules);
    // A message exists only until the handler returns.
    const copies: Buffer[] = [];
    const relay = jest.spyOn(rules, 'relay').mockImplementation((sender, message) => {
      copies.push(Buffer.from(message.bytes));
      relayed(sender, message);
    });
    const terminate = jest.spyOn(WsConnection.prototype, 'terminate');
    // oxlint-disable-next-line typescript/unbound-method -- called with the connection as its this
    const { close: original } = WsConnection.prototype;
    const closedAt: number[] = [];
    const close = jest.spyOn(WsConnection.prototype, 'close').mockImplementation(function (this: WsConnection, reason) {
      closedAt.push(clock.monotonic());
      original.call(this, reason);
    });
    /** Each sender that is still open relays a numbered message to its receiver, and knows that it was handled. */
    const relayAll = (n: number): Promise<unknown> =>
      Promise.all(
        senders.map(async (sender, i) => {
          if (sender.socket.readyState !== sender.socket.OPEN) return;
          sender.relay(`topic ${i}`, String(n));
          await Promise.race([sender.sync(), sender.closed]);
        }),
      );
    const begun = clock.begunToSleep(TIMEOUT_S * 1000);
    const closing = running.close();
    await begun;
    // Relays are on their way while connections are closed.
    let relaying: Promise<unknown> = Promise.resolve();
    for (let passed = 0; closedAt.length < peers.length && passed < TIMEOUT_S * 1000; passed += 5) {
      if (passed % 250 === 0) {
        await relaying;
        relaying = relayAll(passed / 250);
      }
      clock.pass(5);
      await turn();
    }
    await Promise.all([relaying, closing]);
    const ends = await Promise.all(peers.map((peer) => peer.closed));
    expect(terminate).not.toHaveBeenCalled();
    expect(new Set(ends.map(({ code }) => code))).toEqual(new Set([1001]));
    const delays = new Set(ends.map(({ reason }) => Number(/^restart; retry in (\d+) s$/.exec(reason)![1])));
    expect([Math.min(...delays), Math.max(...delays), delays.size]).toEqual([1, 20, 20]);

    const closeOrder = new Map(
      close.mock.contexts.map((connection, i) => [connection, close.mock.invocationCallOrder[i]]),
    );
    const accepted = relay.mock.calls.map(([, { topic }], i) => ({
      receiver: Number(topic.slice(6)),
      message: copies[i],
      order: relay.mock.invocationCallOrder[i],
    }));
    const inTime = accepted.filter(
      ({ receiver, order }) => order < closeOrder.get(connections[receiver] as WsConnection)!,
    );
    const lost = inTime.filter(
      ({ receiver, message }) => !receivers[receiver].received.some((received) => received.equals(message)),
    );
    expect(inTime.length).toBeGreaterThan(PAIRS);
    expect(lost).toEqual([]);

    const spread = 2000;
    const busiest = Math.max(
      ...closedAt.map((from) => closedAt.filter((at) => at >= from && at < from + spread / 10).length),
    );
    expect(busiest).toBeLessThanOrEqual((peers.length / 10) * 1.5);
  });

  it('a half-open request does not delay the end', async () => {
    const running = await startServer({ handshakeTimeout: '1m' });
    const connection = await RawConnection.open(running.port);
    connection.write('GET / HTTP/1.1\r\nHost: ');
    await running.close();
    expect(await connection.ended).toBe('');
  });

  it('closing twice is the same as closing once', async () => {
    const running = await startServer();
    await expect(Promise.all([running.close(), running.close()])).resolves.toHaveLength(2);
    await expect(fetch(running.http)).rejects.toThrow('fetch failed');
  });
});
