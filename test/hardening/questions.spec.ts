import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { LocalBackplane } from '../../src/backplane/local-backplane.js';
import { Questions } from '../../src/backplane/questions.js';
import { Subjects } from '../../src/backplane/subjects.js';
import { parseSettings } from '../../src/config/load-settings.js';
import { BackplaneCounts } from '../../src/metrics/backplane-counts.js';
import { Timings } from '../../src/metrics/timings.js';
import type { Connection } from '../../src/connection/connection.js';
import { encodeRecords } from '../../src/protocol/record-answer.js';
import type { ToldRecord } from '../../src/protocol/record-answer.js';
import { MemoryRecordStore } from '../../src/records/memory-record-store.js';
import { Discovery } from '../../src/signaling/discovery.js';
import { Peer } from '../support/peer.js';
import { ManualClock } from '../support/manual-clock.js';
import { startServer, stopServers } from '../support/server.js';
import { heapHeldBy } from '../support/heap.js';

/**
 * Small messages that make other nodes, or this one, write large answers. Without a charge, a query of 30 bytes, or a
 * Subscribe, would make every node with 16 records of 16 KB on the topic write 350 KB, and its own node read them, 200
 * times a second for each connection. Without a bound on what a node answers, all nodes' peers together could keep
 * another node busy. And topics as long as messages would stay in memory for their subjects.
 */
describe('questions between nodes', () => {
  afterEach(stopServers);

  const bounds = { ttl: 1000, perTopic: 16, perSource: 100, maxBytes: 1e9, maxBytesPerSource: 1e9 };
  const published: ToldRecord = { kind: 'published', age: 1, payload: Buffer.alloc(16_384).toString('base64') };

  /** What it costs to ask about a topic if other nodes answer so. */
  async function charged(
    answers: readonly Buffer[],
    ask: (discovery: Discovery, asker: Connection) => unknown,
  ): Promise<number[]> {
    const backplane = new (class extends LocalBackplane {
      override ask(): undefined {
        return Promise.resolve(answers) as unknown as undefined;
      }
    })();
    const clock = new ManualClock();
    const charges: number[] = [];
    const asker = { charge: (messages: number) => void charges.push(messages) } as Partial<Connection> as Connection;
    await ask(
      new Discovery(
        new MemoryRecordStore(bounds, clock),
        backplane,
        clock,
        new Timings(),
        new BackplaneCounts(),
        parseSettings({}),
      ),
      asker,
    );
    return charges;
  }

  it.each<[string, (discovery: Discovery, asker: Connection) => unknown]>([
    ['a query', (discovery, asker) => discovery.everywhere(asker, 't')],
    ['a late Subscribe', (discovery, asker) => discovery.elsewhere(asker, 't')],
  ])('N6: the answers of other nodes to %s are charged to the peer that asked', async (_what, ask) => {
    const large = encodeRecords(
      Array.from({ length: 16 }, () => published),
      524_288,
    );
    expect(large.length).toBeGreaterThan(340_000);
    expect(await charged([large, large], ask)).toEqual([Math.floor((2 * large.length) / 16_384)]);
    const small = encodeRecords([{ kind: 'published', age: 1, payload: 'eA==' }], 524_288);
    expect(await charged([small], ask)).toEqual([0]);
  });

  it('J4: an answer of more than 64 KiB is charged to the peer that asked', async () => {
    const running = await startServer({ recordMaxBytes: 200_000, maxMessageBytes: 300_000 }, 'off');
    const [one, other] = [await Peer.connect(running.url), await Peer.connect(running.url)];
    await one.publish('large', Buffer.alloc(150_000));
    await one.publish('small', 'x');
    const charge = jest.spyOn([...running.connections].at(-1)!, 'charge');
    await other.query('small');
    await other.query('large');
    expect(charge.mock.calls.filter(([messages]) => messages > 0)).toEqual([[3]]);
  });

  it('N6: a node answers at most 8 MiB per second, and counts what it does not answer', () => {
    const clock = new ManualClock();
    const counts = new BackplaneCounts();
    const questions = new Questions(new Subjects('cairn', 'records'), clock, counts);
    const answer = Buffer.alloc(512 * 1024);
    let made = 0;
    questions.respond = () => {
      made += 1;
      return answer;
    };
    const ask = (times: number): number =>
      Array.from({ length: times }, () => questions.answer('t', 1_000_000)).filter((given) => given === answer).length;
    expect([ask(100), made, counts.questionsDropped]).toEqual([16, 16, 84]);
    clock.pass(1000);
    expect([ask(1), made, counts.questionsDropped]).toEqual([1, 17, 84]);
  });

  it('N1: topics as long as messages, which peers may relay to, do not stay in memory with their subjects', () => {
    const subjects = new Subjects('cairn', 'topic');
    const first = subjects.of('x'.repeat(65_000));
    const held = heapHeldBy(() => {
      for (let i = 0; i < 1000; i++) subjects.of(`${i} `.padEnd(65_000, 'x'));
    });
    expect(held).toBeLessThan(4_000_000);
    expect(subjects.of('x'.repeat(65_000))).toBe(first);
    expect(subjects.of('t')).toBe(subjects.of('t'));
  });
});
