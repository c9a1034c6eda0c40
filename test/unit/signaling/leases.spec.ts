import { beforeEach, describe, expect, it } from '@jest/globals';
import { EMPTY, of } from 'rxjs';
import { parseSettings } from '../../../src/config/load-settings.js';
import { Logs } from '../../../src/logging/log.js';
import { PolicyCounts } from '../../../src/metrics/policy-counts.js';
import { Timings } from '../../../src/metrics/timings.js';
import { ConnectionRegistry } from '../../../src/presence/connection-registry.js';
import { TopicRegistry } from '../../../src/presence/topic-registry.js';
import { MemoryRecordStore } from '../../../src/records/memory-record-store.js';
import { Leases } from '../../../src/signaling/leases.js';
import { Permissions } from '../../../src/signaling/permissions.js';
import { TopicPolicySource } from '../../../src/signaling/topic-policy.js';
import type { PolicyAnswer, TopicAction } from '../../../src/signaling/topic-policy.js';
import { ManualClock } from '../../support/manual-clock.js';
import { StandIn } from '../../support/stand-in.js';
import { turn } from '../../support/turn.js';
import { published } from '../../contract/record-store.contract.js';

const ALL = 10_000_000;
const BOUNDS = { ttl: 1000, perTopic: 1, perSource: 100, maxBytes: 1e7, maxBytesPerSource: 1e7 };

type Answer = PolicyAnswer | Promise<PolicyAnswer> | undefined;

describe('what lasts by permission', () => {
  let clock: ManualClock;
  let topics: TopicRegistry;
  let records: MemoryRecordStore;
  let connections: ConnectionRegistry;
  let permissions: Permissions;
  let leases: Leases;
  let counts: PolicyCounts;
  let asked: string[];
  let ended: string[];
  let lines: { level: string; msg: string }[];
  let answer: (action: TopicAction, topic: string) => Answer;

  beforeEach(() => {
    clock = new ManualClock();
    const logs = new Logs({
      format: 'json',
      destination: { write: (line) => void lines.push(JSON.parse(line) as (typeof lines)[0]) },
    });
    [asked, ended, lines] = [[], [], []];
    answer = () => ({ allowed: true, seconds: 100 });
    class Policy {
      allows(_principal: string | undefined, action: TopicAction, topic: string): Answer {
        asked.push(`${action} ${topic}`);
        return answer(action, topic);
      }
    }
    connections = new ConnectionRegistry();
    topics = new TopicRegistry(clock, new Timings());
    records = new MemoryRecordStore(BOUNDS, clock);
    const source = new TopicPolicySource(() => new Policy());
    counts = new PolicyCounts();
    permissions = new Permissions(source, connections, parseSettings({}), clock, counts, logs);
    leases = new Leases(permissions, topics, records, connections, clock, counts, logs);
    leases.onModuleInit();
    leases.onEnd('subscribe', (connection, topic) => {
      topics.unsubscribe(connection, topic);
      ended.push(topic);
    });
    leases.onEnd('presence', (_connection, topic) => ended.push(`members of ${topic}`));
    leases.onEnd('publish', (connection, topic) => {
      records.withdraw(connection.id, topic);
      ended.push(`record on ${topic}`);
    });
  });

  let lastId = 0;
  function connect(principal?: string): StandIn {
    const connection = new StandIn(++lastId, undefined, principal);
    connections.add(connection);
    return connection;
  }

  async function subscribe(connection: StandIn, ...names: string[]): Promise<void> {
    for (const topic of names) {
      if (!(await permissions.allows(connection, 'subscribe', topic))) throw new Error('not allowed');
      topics.subscribe(connection, topic);
      leases.begin(connection, 'subscribe', topic);
    }
    asked = [];
  }

  /** Subscribes, and is told the members. */
  async function look(connection: StandIn, ...names: string[]): Promise<void> {
    for (const topic of names) {
      await subscribe(connection, topic);
      if (!(await permissions.allows(connection, 'presence', topic))) throw new Error('not allowed');
      leases.begin(connection, 'presence', topic);
    }
    asked = [];
  }

  function publish(connection: StandIn, topic: string): void {
    if (permissions.allows(connection, 'publish', topic) !== true) throw new Error('not allowed');
    records.put(published(topic, connection.id, 'eA==', 'one source'));
    leases.begin(connection, 'publish', topic);
    asked = [];
  }

  /** Lets seconds pass, and looks at everything. */
  function pass(seconds: number): void {
    clock.pass(1000 * seconds);
    leases.check(ALL);
  }

  it('P6: is asked about once, at the end of its time, and no later', async () => {
    await subscribe(connect(), 'a', 'b');
    pass(88);
    expect(asked).toEqual([]);
    pass(11);
    expect(asked).toEqual(['subscribe a', 'subscribe b']);
    pass(1);
    expect(asked).toHaveLength(2);
    expect(ended).toEqual([]);
  });

  it('P6: ends when the answer has turned, and nothing else does', async () => {
    await subscribe(connect(), 'a', 'b');
    publish(connect(), 'r');
    answer = (_action, topic) => topic === 'a';
    pass(99);
    expect(ended.toSorted()).toEqual(['b', 'record on r']);
    expect([topics.subscriptions, records.size, leases.size]).toEqual([1, 0, 0]);
    expect(counts.ended).toEqual({ subscription: 1, presence: 0, record: 1 });
    expect(lines).toMatchObject([
      { level: 'info', msg: 'ended what the topic policy allows no more', subscriptions: 1, records: 1 },
    ]);
  });

  it('P6: an answer that is asked for again is what the next action gets', async () => {
    const connection = connect();
    await subscribe(connection, 'a');
    answer = () => false;
    pass(99);
    asked = [];
    expect(permissions.allows(connection, 'subscribe', 'a')).toBe(false);
    expect(asked).toEqual([]);
  });

  it('P6: is asked about when its answer is among the 256 no more', async () => {
    const connection = connect();
    await subscribe(connection, ...Array.from({ length: 300 }, (_, i) => `topic ${i}`));
    answer = () => false;
    pass(99);
    expect(ended).toHaveLength(300);
  });

  it('P6: what has ended, or begun anew, is not asked about, and is not kept', async () => {
    const [gone, changed] = [connect(), connect()];
    await subscribe(gone, 'a', 'b');
    await subscribe(changed, 'c', 'd');
    publish(changed, 'r');
    topics.leave(gone);
    leases.leave(gone);
    connections.remove(gone);
    topics.unsubscribe(changed, 'c');
    leases.end(changed, 'subscribe', 'c');
    records.withdraw(changed.id, 'r');
    expect(leases.size).toBe(2);
    pass(99);
    expect(asked).toEqual(['subscribe d']);
    expect(leases.size).toBe(1);
  });

  it('P6: records that gave way to others take no memory, however many there were', () => {
    const [one, other] = [connect(), connect()];
    for (let i = 0; i < 1000; i++) {
      publish(one, `t${i}`);
      // The topic has room for one record, and both are of one source.
      publish(other, `t${i}`);
      records.withdraw(other.id, `t${i}`);
    }
    expect(records.size).toBe(0);
    expect(leases.size).toBeLessThanOrEqual(2);
  });

  it('P5: forget has everything of a principal asked about, whether or not it has an end', async () => {
    answer = () => true;
    const [alice, bob] = [connect('alice'), connect('bob')];
    await subscribe(alice, 'a', 'b');
    await subscribe(bob, 'c');
    publish(alice, 'r');
    expect(leases.size).toBe(0);
    permissions.forget('alice');
    pass(0);
    expect(asked).toEqual(['subscribe a', 'subscribe b', 'publish r']);
    pass(0);
    expect([asked.length, leases.size]).toEqual([3, 0]);
    permissions.forget();
    answer = () => false;
    pass(0);
    expect(ended.toSorted()).toEqual(['a', 'b', 'c', 'record on r']);
  });

  it('P5: an answer that was on its way when all was forgotten does not count for what follows', async () => {
    let tell: (answer: boolean) => void = () => undefined;
    answer = () => new Promise((resolve) => (tell = resolve));
    const alice = connect('alice');
    const late = permissions.allows(alice, 'subscribe', 'a');
    permissions.forget('alice');
    tell(true);
    expect(await late).toBe(true);
    topics.subscribe(alice, 'a');
    leases.begin(alice, 'subscribe', 'a');
    answer = () => false;
    expect(permissions.allows(alice, 'subscribe', 'a')).toBe(false);
    expect(asked).toEqual(['subscribe a', 'subscribe a']);
    pass(1);
    expect(ended).toEqual(['a']);
  });

  it('P5: a question on its way when all was forgotten is asked again, and its answer does not count', async () => {
    await subscribe(connect(), 'a');
    let tell: (answer: boolean) => void = () => undefined;
    answer = () => new Promise((resolve) => (tell = resolve));
    pass(99);
    permissions.forget();
    answer = () => true;
    pass(0);
    expect(asked).toEqual(['subscribe a', 'subscribe a']);
    tell(false);
    await turn();
    expect([ended, leases.size]).toEqual([[], 0]);
  });

  it('P9: who is told the members is asked about like a subscription; a no ends that, and not the subscription', async () => {
    const connection = connect();
    await look(connection, 'a', 'b');
    await subscribe(connection, 'c');
    answer = (action, topic) => ({ allowed: action === 'subscribe' || topic === 'b', seconds: 100 });
    pass(99);
    expect(asked.toSorted()).toEqual(['presence a', 'presence b', 'subscribe a', 'subscribe b', 'subscribe c']);
    expect(ended).toEqual(['members of a']);
    expect([topics.subscriptions, leases.size]).toEqual([3, 4]);
    expect(counts.ended).toEqual({ subscription: 0, presence: 1, record: 0 });
    expect(lines).toMatchObject([{ level: 'info', subscriptions: 0, presence: 1, records: 0 }]);
    expect(permissions.allows(connection, 'presence', 'a')).toBe(false);
    pass(99);
    expect(ended).toEqual(['members of a']);
  });

  it('P9: a subscription that ends takes it along, and only the subscription is told of', async () => {
    await look(connect(), 'a');
    answer = () => false;
    pass(99);
    expect([ended, asked]).toEqual([['a'], ['subscribe a']]);
    expect([leases.size, counts.ended.presence]).toEqual([0, 0]);
    permissions.forget();
    pass(0);
    expect(asked).toHaveLength(1);
  });

  it('P9: while the answer about the subscription is awaited, a late one about its members counts for nothing', async () => {
    await look(connect(), 'a');
    const tell: ((answer: boolean) => void)[] = [];
    answer = () => new Promise((resolve) => tell.push(resolve));
    pass(99);
    expect(asked).toEqual(['subscribe a', 'presence a']);
    tell[0](false);
    await turn();
    tell[1](false);
    await turn();
    expect([ended, leases.size]).toEqual([['a'], 0]);
  });

  it('P5, P9: after forget it is asked about too, with an end or without, and no more once it is not wanted', async () => {
    answer = () => true;
    const [one, other, gone] = [connect('alice'), connect('alice'), connect('alice')];
    for (const connection of [one, other, gone]) await look(connection, 'a');
    leases.end(other, 'presence', 'a');
    leases.leave(gone);
    topics.leave(gone);
    connections.remove(gone);
    permissions.forget('alice');
    answer = (action) => action === 'subscribe';
    pass(0);
    expect(asked.toSorted()).toEqual(['presence a', 'subscribe a', 'subscribe a']);
    expect(ended).toEqual(['members of a']);
    permissions.forget();
    pass(0);
    expect(asked.filter((question) => question.startsWith('presence'))).toHaveLength(1);
  });

  it.each<[string, () => Answer]>([
    ['undefined', () => undefined],
    ['a promise of undefined', () => Promise.resolve(undefined) as never],
    ['an observable of undefined', () => of(undefined) as never],
  ])('P9: %s to presence is as to subscribe, and lasts as long', async (_what, unknown) => {
    answer = (action) => (action === 'presence' ? unknown() : { allowed: true, seconds: 100 });
    const connection = connect();
    await look(connection, 'a');
    expect(await permissions.allows(connection, 'presence', 'a')).toBe(true);
    expect(asked).toEqual([]);
    pass(99);
    expect(asked).toEqual(['subscribe a']);
    permissions.forget();
    pass(0);
    await turn();
    expect([asked.slice(1), ended]).toEqual([['subscribe a', 'presence a'], []]);
    expect(counts.failures).toEqual({ failed: 0, timeout: 0, nonsense: 0 });
  });

  it.each<[string, unknown]>([
    ['null', null],
    ['1', 1],
    ["'yes'", 'yes'],
    ['an object without allowed', {}],
    ['an observable of nothing', EMPTY],
  ])('P8, P9: %s to presence refuses', async (_what, nonsense) => {
    answer = (action) => (action === 'presence' ? (nonsense as boolean) : true);
    expect(await permissions.allows(connect(), 'presence', 'a')).toBe(false);
  });

  it.each(['subscribe', 'relay', 'publish', 'announce', 'query'] as const)('P8: undefined to %s refuses', (action) => {
    answer = () => undefined;
    expect(permissions.allows(connect(), action, 'a')).toBe(false);
    expect(counts.failures.nonsense).toBe(1);
  });

  it('P9: a topic that is too long is left to the limit, as with subscribe', () => {
    expect(permissions.allows(connect(), 'presence', 'x'.repeat(parseSettings({}).maxTopicBytes + 1))).toBe(true);
    expect(asked).toEqual([]);
  });

  it('A6, P9: a token that does not name the topic refuses without asking', () => {
    const connection = connect();
    Object.assign(connection, { credential: { topics: { has: (topic: string) => topic === 'granted' } } });
    expect(['granted', 'other'].map((topic) => permissions.allows(connection, 'presence', topic))).toEqual([
      true,
      false,
    ]);
    expect(asked).toEqual(['presence granted']);
  });

  it('P7: 32 questions are open at a time, however many are due, and each answer makes room for one', async () => {
    const names = Array.from({ length: 100 }, (_, i) => `topic ${i}`);
    await subscribe(connect(), ...names);
    const waiting: (() => void)[] = [];
    answer = () => new Promise((resolve) => waiting.push(() => resolve(true)));
    pass(99);
    expect(asked).toHaveLength(32);
    leases.check(ALL);
    expect(asked).toHaveLength(32);
    for (const tell of waiting.splice(0, 5)) tell();
    await turn();
    leases.check(ALL);
    expect(asked).toHaveLength(37);
    while (waiting.length > 0) {
      waiting.shift()!();
      await turn();
      leases.check(ALL);
    }
    expect([asked.length, new Set(asked).size, leases.size]).toEqual([100, 100, 0]);
  });

  it('P7: a step does a bounded part of the work', async () => {
    await subscribe(connect(), ...Array.from({ length: 1000 }, (_, i) => `topic ${i}`));
    clock.pass(99_000);
    expect(leases.check(5000)).toBe(true);
    expect(asked.length).toBeLessThanOrEqual(200);
    while (leases.check(5000));
    expect(asked).toHaveLength(1000);
  });

  const failures: [string, () => Answer][] = [
    [
      'throws',
      () => {
        throw new Error('down');
      },
    ],
    ['rejects', () => Promise.reject(new Error('down'))],
    ['answers nonsense', () => 1 as unknown as boolean],
  ];
  it.each(failures)(
    'P7: lasts for a minute while the policy %s, is asked about every 5 s, and then ends',
    async (_what, fail) => {
      await subscribe(connect(), 'a');
      answer = fail;
      clock.pass(100_000);
      for (let second = 0; second <= 60; second++) {
        leases.check(ALL);
        await turn();
        expect(ended).toEqual([]);
        clock.pass(1000);
      }
      expect(asked.length).toBeGreaterThanOrEqual(12);
      expect(asked.length).toBeLessThanOrEqual(16);
      leases.check(ALL);
      await turn();
      leases.check(ALL);
      pass(5);
      await turn();
      leases.check(ALL);
      expect(ended).toEqual(['a']);
      expect(lines.filter(({ msg }) => msg.startsWith('some of it ended'))).toMatchObject([
        { level: 'error', ended: 1 },
      ]);
    },
  );

  it('P7: a policy that recovers within the minute ends nothing', async () => {
    await subscribe(connect(), 'a');
    answer = failures[0][1];
    pass(100);
    answer = () => ({ allowed: true, seconds: 100 });
    pass(6);
    expect(ended).toEqual([]);
    pass(88);
    expect(asked).toHaveLength(2);
  });

  it('P7: what waits for a policy that never answers ends too, asked about or not', async () => {
    const names = Array.from({ length: 100 }, (_, i) => `topic ${i}`);
    await subscribe(connect(), ...names);
    const waiting: (() => void)[] = [];
    answer = () => new Promise((_, reject) => waiting.push(() => reject(new Error('too late'))));
    pass(100);
    clock.pass(61_000);
    for (const giveUp of waiting) giveUp();
    await turn();
    leases.check(ALL);
    expect([ended.length, asked.length]).toEqual([100, 32]);
  });
});
