import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { MemoryRecordStore } from '../../src/records/memory-record-store.js';
import { costOf } from '../../src/records/record-cost.js';
import type { StoreRefusal, TopicRecord } from '../../src/records/record-store.js';
import { ManualClock } from '../support/manual-clock.js';
import { announced, announcement, BOUNDS, published, recordStoreContract } from './record-store.contract.js';

const ONE = costOf(announced('t', 's', 'aa'));

recordStoreContract(
  'MemoryRecordStore',
  (clock) => new MemoryRecordStore({ ...BOUNDS, maxBytes: 100 * ONE, maxBytesPerSource: Infinity }, clock),
);

/** A model of the store: one list, oldest first, searched from end to end. Slow and simple. */
class Model {
  records: (TopicRecord & { expiresAt: number; orphan: boolean })[] = [];

  constructor(
    private readonly bounds: { ttl: number; perTopic: number; perSource: number; inAll: number },
    private readonly clock: ManualClock,
  ) {}

  put(record: TopicRecord): StoreRefusal | undefined {
    const same = (other: TopicRecord): boolean =>
      other.topic === record.topic &&
      other.content.kind === record.content.kind &&
      (record.content.kind === 'published'
        ? other.connection === record.connection
        : other.source === record.source && JSON.stringify(other.content) === JSON.stringify(record.content));
    let rest = this.alive().filter((other) => !same(other));
    const give = (up: (other: (typeof rest)[number]) => boolean): boolean => {
      const first = rest.find(up);
      rest = rest.filter((other) => other !== first);
      return first !== undefined;
    };
    // Orphans make room in the order in which their connections closed.
    const orphans = rest.filter(({ orphan }) => orphan).toSorted((x, y) => x.expiresAt - y.expiresAt);
    const isFirst = (among: typeof rest) => (other: (typeof rest)[number]) =>
      other === among.find((orphan) => rest.includes(orphan));

    if (rest.filter(({ topic }) => topic === record.topic).length >= this.bounds.perTopic) {
      const onTopic = (other: TopicRecord): boolean => other.topic === record.topic;
      if (
        !give((other) => onTopic(other) && other.orphan) &&
        !give((other) => onTopic(other) && other.source === record.source)
      ) {
        return 'topic_full';
      }
    }
    while (rest.filter(({ source }) => source === record.source).length >= this.bounds.perSource) {
      if (!give(isFirst(orphans.filter(({ source }) => source === record.source)))) return 'quota_exceeded';
    }
    while (rest.length >= this.bounds.inAll) if (!give(isFirst(orphans))) return 'store_full';

    this.records = [
      ...rest,
      {
        ...record,
        orphan: false,
        expiresAt: record.content.kind === 'published' ? Infinity : this.clock.monotonic() + this.bounds.ttl,
      },
    ];
    return undefined;
  }

  disconnect(connection: number): void {
    for (const record of this.alive()) {
      if (record.content.kind !== 'published' || record.connection !== connection || record.orphan) continue;
      record.orphan = true;
      record.expiresAt = this.clock.monotonic() + this.bounds.ttl;
    }
  }

  query(topic: string): TopicRecord[] {
    return this.alive()
      .filter((record) => record.topic === topic)
      .toReversed();
  }

  alive(): typeof this.records {
    return this.records.filter(({ expiresAt }) => expiresAt > this.clock.monotonic());
  }
}

/** Names of equal length: every record costs the same, so a bound in bytes is a bound in records. */
const call = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      what: fc.constant('publish' as const),
      topic: fc.constantFrom('t', 'u', 'v'),
      who: fc.nat(5),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      what: fc.constant('announce' as const),
      topic: fc.constantFrom('t', 'u', 'v'),
      who: fc.nat(5),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ what: fc.constant('disconnect' as const), topic: fc.constant(''), who: fc.nat(5) }),
  },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('pass' as const), topic: fc.constant(''), who: fc.nat(9) }) },
);

describe('MemoryRecordStore', () => {
  it('agrees with a plain list after any sequence of calls', () => {
    fc.assert(
      fc.property(fc.array(call, { maxLength: 80, size: 'max' }), (calls) => {
        const bounds = { ttl: 1000, perTopic: 3, perSource: 4, inAll: 6 };
        const clock = new ManualClock();
        const cost = costOf({ topic: 't', connection: 0, source: 's0', content: { kind: 'published', payload: 'x' } });
        const store = new MemoryRecordStore(
          { ...bounds, maxBytes: bounds.inAll * cost, maxBytesPerSource: Infinity },
          clock,
        );
        const model = new Model(bounds, clock);
        // A closed connection does not come back: each number is used once.
        const numbers = [0, 1, 2, 3, 4, 5];
        let next = 6;

        for (const { what, topic, who } of calls) {
          // Published and announced records cost the same: topic, source, and one string of one character.
          const record: TopicRecord =
            what === 'publish'
              ? published(topic, numbers[who], 'x', `s${who % 2}`)
              : { topic, connection: 0, source: `s${who % 2}`, content: announcement(String(who), []) };
          let verdicts: unknown[] = [];
          if (what === 'pass') {
            clock.pass(who * 150);
          } else if (what === 'disconnect') {
            store.disconnect(numbers[who]);
            model.disconnect(numbers[who]);
            numbers[who] = next++;
            // Connections close at different times, so that their order is defined.
            clock.pass(1);
          } else {
            verdicts = [store.put(record), model.put(record)];
          }
          expect(verdicts[0]).toBe(verdicts[1]);

          for (const asked of ['t', 'u', 'v']) {
            const plain = ({ topic: t, connection, source, content }: TopicRecord): TopicRecord => ({
              topic: t,
              connection,
              source,
              content,
            });
            expect(store.query(asked).map(plain)).toEqual(model.query(asked).map(plain));
          }
          expect(store.bytes).toBe(store.size * cost);
          expect(store.bytes).toBeLessThanOrEqual(bounds.inAll * cost);
        }
      }),
      { numRuns: 400 },
    );
  });

  it('limits a source to its share of the bytes', () => {
    const store = new MemoryRecordStore(
      { ...BOUNDS, maxBytes: 100 * ONE, maxBytesPerSource: 2 * ONE },
      new ManualClock(),
    );
    expect([
      store.put(announced('1', 's', 'aa')),
      store.put(announced('2', 's', 'aa')),
      store.put(announced('3', 's', 'aa')),
    ]).toEqual([undefined, undefined, 'quota_exceeded']);
    expect(store.put(announced('3', 'z', 'aa'))).toBeUndefined();
  });

  it('J8: a full topic whose records have all expired has room, however many others expired before', () => {
    const clock = new ManualClock();
    const store = new MemoryRecordStore(
      { ttl: 1000, perTopic: 2, perSource: 1e6, maxBytes: 1e9, maxBytesPerSource: 1e9 },
      clock,
    );
    for (let i = 0; i < 500; i++) store.put(announced(`t${i}`, 's', 'aa'));
    for (const peerId of ['aa', 'bb']) store.put(announced('full', 'other', peerId));
    clock.pass(1000);
    expect(store.put(announced('full', 's', 'cc'))).toBeUndefined();
  });

  it('removes many expired records in steps of bounded work', () => {
    const clock = new ManualClock();
    const store = new MemoryRecordStore(
      { ttl: 1000, perTopic: 3, perSource: 1e6, maxBytes: 1e9, maxBytesPerSource: 1e9 },
      clock,
    );
    for (let i = 0; i < 1000; i++) store.put(announced(`t${i}`, 's', 'aa'));
    clock.pass(1000);
    store.query('elsewhere');
    expect(store.size).toBe(900);
    expect(store.expire(800)).toBe(true);
    expect(store.size).toBe(100);
    expect(store.expire(800)).toBe(false);
    expect(store.size).toBe(0);
  });
});
