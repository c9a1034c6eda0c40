import { beforeEach, describe, expect, it } from '@jest/globals';
import { entryBytes } from '../../src/protocol/rendezvous-answer.js';
import type { RecordContent, RecordStore, TopicRecord } from '../../src/records/record-store.js';
import { ManualClock } from '../support/manual-clock.js';

/** Bounds of every store in these tests. */
export const BOUNDS = { ttl: 1000, perTopic: 3, perSource: 5 };

export function published(
  topic: string,
  connection: number,
  payload = 'eA==',
  source = `source ${connection}`,
): TopicRecord {
  return { topic, connection, source, content: { kind: 'published', payload } };
}

export function announced(topic: string, source: string, peerId: string, addresses = ['x']): TopicRecord {
  return { topic, connection: 0, source, content: announcement(peerId, addresses) };
}

export function announcement(peerId: string, addresses: readonly string[]): RecordContent {
  return { kind: 'announced', peerId, addresses, entryBytes: entryBytes({ peer_id: peerId, addresses }) };
}

/** The contract of every RecordStore. `make` returns an empty one with BOUNDS and room for a hundred small records. */
export function recordStoreContract(name: string, make: (clock: ManualClock) => RecordStore): void {
  describe(`${name} keeps the contract of RecordStore`, () => {
    let clock: ManualClock;
    let store: RecordStore;
    const contents = (topic: string): unknown[] =>
      store.query(topic).map(({ content }) => (content.kind === 'published' ? content.payload : content.peerId));

    beforeEach(() => {
      clock = new ManualClock();
      store = make(clock);
    });

    it('J1: returns the records of a topic and no others, newest first', () => {
      expect(store.put(published('t', 1, 'b25l'))).toBeUndefined();
      expect(store.put(announced('t', 's', 'aa'))).toBeUndefined();
      expect(store.put(published('u', 1, 'dHdv'))).toBeUndefined();
      expect(contents('t')).toEqual(['aa', 'b25l']);
      expect(contents('v')).toEqual([]);
      expect(store.size).toBe(3);
    });

    it('J1: a connection has at most one published record on a topic', () => {
      store.put(published('t', 1, 'b25l'));
      store.put(published('t', 2, 'b3RoZXI='));
      store.put(published('t', 1, 'dHdv'));
      expect(contents('t')).toEqual(['dHdv', 'b3RoZXI=']);
      expect(store.size).toBe(2);
    });

    it('J1: a source has one announced record on a topic per peer id or, without an id, per set of addresses', () => {
      store.put(announced('t', 's', 'aa', ['x']));
      store.put(announced('t', 's', 'aa', ['y']));
      store.put(announced('t', 's', '', ['x', 'y']));
      store.put(announced('t', 's', '', ['y', 'x', 'x']));
      expect(store.query('t').map(({ content }) => content)).toEqual([
        announcement('', ['y', 'x', 'x']),
        announcement('aa', ['y']),
      ]);
    });

    it("J1: nobody replaces another source's record", () => {
      store.put(announced('t', 's', 'aa', ['theirs']));
      store.put(announced('t', 'other', 'aa', ['mine']));
      expect(contents('t')).toEqual(['aa', 'aa']);
    });

    it('J2: a published record lives as long as its connection, plus its TTL', () => {
      store.put(published('t', 1));
      clock.pass(1_000_000);
      expect(contents('t')).toHaveLength(1);
      store.disconnect(1);
      clock.pass(999);
      expect(contents('t')).toHaveLength(1);
      clock.pass(1);
      expect(contents('t')).toEqual([]);
    });

    it('P6: a published record is withdrawn by its connection and topic, and leaves no trace', () => {
      store.put(published('t', 1));
      store.put(published('u', 1));
      store.put(published('t', 2, 'b25l'));
      store.put({ ...announced('t', 's', 'aa'), connection: 1 });
      expect([...store.publishedOn(1).keys()]).toEqual(['t', 'u']);
      store.withdraw(1, 't');
      store.withdraw(1, 't');
      store.withdraw(3, 't');
      expect(contents('t')).toEqual(['aa', 'b25l']);
      expect([...store.publishedOn(1).keys()]).toEqual(['u']);
      store.disconnect(1);
      store.withdraw(1, 'u');
      expect([store.publishedOn(1).size, store.publishedOn(3).size, contents('u').length]).toEqual([0, 0, 1]);
      store.disconnect(2);
      clock.pass(1000);
      store.query('t');
      expect([store.size, store.bytes]).toEqual([0, 0]);
    });

    it('J2: an announced record lives for its TTL', () => {
      store.put(announced('t', 's', 'aa'));
      store.disconnect(0);
      clock.pass(999);
      expect(contents('t')).toHaveLength(1);
      clock.pass(1);
      expect(contents('t')).toEqual([]);
    });

    it('forgets expired records, even if nobody asks', () => {
      for (let i = 0; i < 3; i++) store.put(announced(`t${i}`, 's', 'aa'));
      clock.pass(1000);
      for (let i = 0; i < 3; i++) store.query('elsewhere');
      expect([store.size, store.bytes]).toEqual([0, 0]);
    });

    it('J8: on a full topic the oldest record of a closed connection makes room first', () => {
      store.put(announced('t', 's', 'aa'));
      store.put(published('t', 1, 'b25l'));
      store.put(published('t', 2, 'dHdv'));
      store.disconnect(2);
      store.disconnect(1);
      expect(store.put(announced('t', 's', 'bb'))).toBeUndefined();
      expect(contents('t')).toEqual(['bb', 'dHdv', 'aa']);
    });

    it("J8: then the same source's oldest does, and never a live record of another source", () => {
      store.put(announced('t', 'other', 'aa'));
      store.put(announced('t', 's', 'bb'));
      store.put(announced('t', 's', 'cc'));
      expect(store.put(announced('t', 's', 'dd'))).toBeUndefined();
      expect(contents('t')).toEqual(['dd', 'cc', 'aa']);
      expect(store.put(announced('t', 'third', 'ee'))).toBe('topic_full');
      expect(contents('t')).toEqual(['dd', 'cc', 'aa']);
    });

    it('J8: a source stays within its quota, and the records of its closed connections make room', () => {
      for (let i = 0; i < 5; i++) expect(store.put(published(`t${i}`, i, 'eA==', 's'))).toBeUndefined();
      expect(store.put(published('t5', 5, 'eA==', 's'))).toBe('quota_exceeded');
      expect(store.size).toBe(5);
      expect(store.put(published('t5', 5, 'eA==', 'other'))).toBeUndefined();
      store.disconnect(3);
      expect(store.put(published('t6', 6, 'eA==', 's'))).toBeUndefined();
      expect(contents('t3')).toEqual([]);
      expect(store.size).toBe(6);
    });

    it('J8: a full store refuses and changes nothing, unless records of closed connections make room', () => {
      const fill = (i: number): unknown => store.put(published(`t${i}`, i));
      let taken = 0;
      while (fill(taken) === undefined) taken += 1;
      expect(taken).toBeGreaterThan(10);
      const before = [store.size, store.bytes];
      expect(fill(taken)).toBe('store_full');
      expect([store.size, store.bytes]).toEqual(before);
      store.disconnect(4);
      expect(fill(taken)).toBeUndefined();
      expect(contents('t4')).toEqual([]);
      expect(store.size).toBe(taken);
    });

    it('replacing a record needs no additional room', () => {
      let taken = 0;
      while (store.put(published(`t${taken}`, taken)) === undefined) taken += 1;
      expect(store.put(published('t0', 0, 'eQ=='))).toBeUndefined();
      expect(contents('t0')).toEqual(['eQ==']);
    });

    it('returns to zero bytes', () => {
      for (let i = 0; i < 20; i++) store.put(published(`t${i % 7}`, i, 'eA==', `s${i % 5}`));
      for (let i = 0; i < 20; i++) store.disconnect(i);
      store.disconnect(99);
      clock.pass(1000);
      for (let i = 0; i < 20; i++) store.query('elsewhere');
      expect([store.size, store.bytes]).toEqual([0, 0]);
    });

    it('__proto__ and the empty text are topics, sources and peer ids like any other', () => {
      for (const text of ['__proto__', 'constructor', '']) {
        expect(store.put(announced(text, text, text, [text]))).toBeUndefined();
      }
      expect(store.query('__proto__')).toHaveLength(1);
      expect(store.size).toBe(3);
    });
  });
}
