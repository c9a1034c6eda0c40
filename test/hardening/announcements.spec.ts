import { describe, expect, it } from '@jest/globals';
import { announcerOf } from '../../src/records/announcer.js';
import { MemoryRecordStore } from '../../src/records/memory-record-store.js';
import { announcement } from '../contract/record-store.contract.js';
import { ManualClock } from '../support/manual-clock.js';

/**
 * A topic full of announcements of 1,024 addresses each, all without a peer_id, so that the announcer is the set of
 * addresses. Without a digest of that set in the record, a newcomer's addresses would be compared with those of every
 * record there, and each query of another node would sort and hash them all again.
 */
describe('announcements of many addresses', () => {
  const MOST = 1024;
  const PER_TOPIC = 16;

  /** Addresses that count how often any of them is read. */
  function counted(addresses: readonly string[], reads: { count: number }): readonly string[] {
    return new Proxy(addresses, {
      get(target, key, receiver): unknown {
        if (typeof key === 'string' && /^\d+$/.test(key)) reads.count += 1;
        return Reflect.get(target, key, receiver);
      },
    });
  }

  const addresses = (of: number): string[] => Array.from({ length: MOST }, (_, i) => `${of} ${i}`);

  it('J1: a newcomer is compared with each record, not with each of its addresses', () => {
    const store = new MemoryRecordStore(
      { ttl: 1000, perTopic: PER_TOPIC, perSource: 1e6, maxBytes: 1e9, maxBytesPerSource: 1e9 },
      new ManualClock(),
    );
    const theirs = { count: 0 };
    for (let i = 0; i < PER_TOPIC; i++) {
      store.put({ topic: 't', connection: i, source: 's', content: announcement('', counted(addresses(i), theirs)) });
    }
    theirs.count = 0;
    const own = { count: 0 };
    store.put({
      topic: 't',
      connection: 99,
      source: 's',
      content: announcement('', counted(addresses(5).toReversed(), own)),
    });
    expect(store.size).toBe(PER_TOPIC);
    expect(theirs.count).toBe(0);
    // What it costs, and who announced it: each once.
    expect(own.count).toBeLessThan(5 * MOST);
    store.query('t');
    expect(theirs.count).toBe(0);
  });

  it('N6: the announcer is known from then on, and is the same on nodes of other versions', () => {
    const store = new MemoryRecordStore(
      { ttl: 1000, perTopic: PER_TOPIC, perSource: 1e6, maxBytes: 1e9, maxBytesPerSource: 1e9 },
      new ManualClock(),
    );
    store.put({ topic: 't', connection: 1, source: '192.0.2.7', content: announcement('', ['b', 'a', 'b', 'ä']) });
    store.put({ topic: 't', connection: 1, source: '192.0.2.7', content: announcement('cafe', ['b']) });
    store.put({ topic: 't', connection: 1, source: '192.0.2.7', content: { kind: 'published', payload: 'eA==' } });
    expect(store.query('t').map(({ announcer }) => announcer)).toEqual([undefined, WITH_ID, WITHOUT_ID]);
    expect(announcerOf('192.0.2.7', '', ['ä', 'a', 'b'])).toBe(WITHOUT_ID);
  });
});

/** As version 0.3.0 computed them. */
const WITH_ID = 'kDNg-w2AkPdNO2vvoyFUazRg0A4WGjwm3miHiv1kZ8s';
const WITHOUT_ID = 'd8Jz2o_Vj1SPPe_aBx3yXKJBjD_lQM_tZlgPM6n9ljE';
