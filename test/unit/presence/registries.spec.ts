import { describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { Timings } from '../../../src/metrics/timings.js';
import { Connection } from '../../../src/connection/connection.js';
import { ConnectionRegistry } from '../../../src/presence/connection-registry.js';
import { TopicRegistry } from '../../../src/presence/topic-registry.js';
import { ManualClock } from '../../support/manual-clock.js';

/** A connection that does nothing. */
class StillConnection extends Connection {
  readonly open = true;
  readonly dismissed = false;
  readonly principal = undefined;
  readonly address = undefined;
  readonly protocol = undefined;
  readonly credential = undefined;
  readonly source = 'here';

  constructor(readonly id: number) {
    super();
  }

  send(): boolean {
    return true;
  }

  hold(): void {
    // Still.
  }

  charge(): void {
    // Still.
  }

  close(): void {
    // Still.
  }

  terminate(): void {
    // Still.
  }
}

describe('TopicRegistry', () => {
  it('R3: returns whether a subscribe or an unsubscribe changed anything', () => {
    const topics = new TopicRegistry(new ManualClock(), new Timings());
    const connection = new StillConnection(1);
    expect([topics.subscribe(connection, 't'), topics.subscribe(connection, 't')]).toEqual([true, false]);
    expect([topics.unsubscribe(connection, 't'), topics.unsubscribe(connection, 't')]).toEqual([true, false]);
    expect(topics.unsubscribe(connection, 'unknown')).toBe(false);
  });

  it('R7: forgets a topic with its last subscriber', () => {
    const topics = new TopicRegistry(new ManualClock(), new Timings());
    const [a, b] = [new StillConnection(1), new StillConnection(2)];
    topics.subscribe(a, 't');
    topics.subscribe(b, 't');
    topics.leave(a);
    expect([...topics.subscribers('t')]).toEqual([b]);
    topics.unsubscribe(b, 't');
    expect(topics.size).toBe(0);
    expect([...topics.subscribers('t')]).toEqual([]);
  });

  it("R7: a disconnect touches only the connection's own topics", () => {
    const topics = new TopicRegistry(new ManualClock(), new Timings());
    const [leaver, others] = [new StillConnection(1), new StillConnection(2)];
    for (let i = 0; i < 1000; i++) topics.subscribe(others, `other-${i}`);
    for (const topic of ['a', 'b']) topics.subscribe(leaver, topic);
    const asked = jest.spyOn(Map.prototype, 'get');
    topics.leave(leaver);
    const keys = asked.mock.calls.map(([key]) => key as unknown);
    asked.mockRestore();
    expect(keys).toEqual([leaver, 'a', 'b']);
    expect(topics.size).toBe(1000);
  });

  it('unsubscribing twice, or from an unknown topic, is harmless', () => {
    const topics = new TopicRegistry(new ManualClock(), new Timings());
    const connection = new StillConnection(1);
    topics.leave(connection);
    topics.subscribe(connection, 't');
    topics.leave(connection);
    topics.leave(connection);
    expect(topics.size).toBe(0);
  });

  it('agrees with a list of pairs after any sequence of calls', () => {
    const connections = [1, 2, 3].map((id) => new StillConnection(id));
    const call = fc.record({
      what: fc.constantFrom('subscribe', 'unsubscribe', 'leave'),
      who: fc.nat(2),
      topic: fc.constantFrom('a', 'b', '', '__proto__'),
    });
    fc.assert(
      fc.property(fc.array(call, { maxLength: 60, size: 'max' }), (calls) => {
        const topics = new TopicRegistry(new ManualClock(), new Timings());
        let pairs: { who: number; topic: string }[] = [];
        for (const { what, who, topic } of calls) {
          const has = pairs.some((pair) => pair.who === who && pair.topic === topic);
          const others = pairs.filter((pair) => pair.who !== who || pair.topic !== topic);
          let asExpected: boolean;
          if (what === 'subscribe') {
            asExpected = topics.subscribe(connections[who], topic) === !has;
            if (!has) pairs.push({ who, topic });
          } else if (what === 'unsubscribe') {
            asExpected = topics.unsubscribe(connections[who], topic) === has;
            pairs = others;
          } else {
            const left = pairs.filter((pair) => pair.who === who).map((pair) => pair.topic);
            asExpected = [...topics.leave(connections[who])].join() === left.join();
            pairs = pairs.filter((pair) => pair.who !== who);
          }
          expect(asExpected).toBe(true);
          const sizes = [...new Set(pairs.map((pair) => pair.topic))].map(
            (name) => pairs.filter((pair) => pair.topic === name).length,
          );
          expect([topics.size, topics.lonely, topics.subscriptions]).toEqual([
            sizes.length,
            sizes.filter((size) => size === 1).length,
            pairs.length,
          ]);
        }
        for (const topic of ['a', 'b', '', '__proto__']) {
          const expected = pairs.filter((pair) => pair.topic === topic).map((pair) => connections[pair.who]);
          expect([...topics.subscribers(topic)]).toEqual(expected);
        }
      }),
    );
  });
});

describe('ConnectionRegistry', () => {
  it('is empty immediately if it has no connections', async () => {
    await expect(new ConnectionRegistry().empty()).resolves.toBeUndefined();
  });

  it('becomes empty with the last connection, for all waiting callers', async () => {
    const connections = new ConnectionRegistry();
    const [a, b] = [new StillConnection(1), new StillConnection(2)];
    connections.add(a);
    connections.add(b);
    let emptied = 0;
    const waiting = [connections.empty(), connections.empty()].map((promise) => promise.then(() => (emptied += 1)));
    connections.remove(a);
    await Promise.resolve();
    expect([connections.size, emptied]).toEqual([1, 0]);
    connections.remove(b);
    await Promise.all(waiting);
    expect([connections.size, emptied]).toEqual([0, 2]);
  });
});
