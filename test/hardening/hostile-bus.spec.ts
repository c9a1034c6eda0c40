/**
 * Somebody writes to the NATS of several nodes. Without the defence, one forged record of 900 KB reaches a peer in one
 * message, whatever record-max-bytes says; thousands of answers to one question are kept and read, up to 512 KB each;
 * and thousands of questions make a node write half a megabyte for each, unread, until its memory is full.
 */
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { Backplane } from '../../src/backplane/backplane.js';
import {
  MOST_ANSWERS,
  MOST_ANSWERS_BYTES,
  MOST_GIVEN_BYTES_A_SECOND,
  MOST_TAKEN_BYTES_A_SECOND,
} from '../../src/backplane/questions.js';
import { MOST_NODES } from '../../src/backplane/roster.js';
import { BackplaneCounts } from '../../src/metrics/backplane-counts.js';
import { MOST_TOLD_BYTES } from '../../src/protocol/record-answer.js';
import { ManualClock } from '../support/manual-clock.js';
import { describeWithNats, NatsServer } from '../support/nats-server.js';
import { Peer, relayMessage } from '../support/peer.js';
import { RawNats, subjectOf } from '../support/raw-nats.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';
import { eventually, until } from '../support/until.js';

const countsOf = (node: RunningServer): BackplaneCounts => node.server.app.get(BackplaneCounts, { strict: false });
const base64 = (bytes: number): string => Buffer.alloc(bytes, 'x').toString('base64');
const NOW = { age: 1 };
const ANNOUNCER = 'a'.repeat(43);
const published = (bytes: number): object => ({ kind: 'published', ...NOW, payload: base64(bytes) });
const announced = (addresses: unknown, more: object = {}): object => ({
  kind: 'announced',
  ...NOW,
  announcer: ANNOUNCER,
  peerId: 'aa',
  addresses,
  ...more,
});

type Answer = Awaited<ReturnType<Peer['query']>>;

/** Asks until there is an answer that is as it should be: one that comes later than 150 ms is not heard (N6). */
const ask = (asker: Peer, good: (answer: Answer) => boolean): Promise<Answer> =>
  eventually(() => asker.query('topic'), good);

const SETTINGS = { recordMaxBytes: 4096, recordsPerTopic: 4, recordTtl: '1m', maxMessagesPerSecond: 0 } as const;

describeWithNats('a hostile bus', () => {
  let nats: NatsServer;
  let stranger: RawNats;
  beforeEach(async () => {
    nats = await NatsServer.start();
    stranger = await RawNats.join(nats.port);
  });
  afterEach(async () => {
    stranger.leave();
    await stopServers();
    await NatsServer.stopAll();
  });
  const node = (settings: object = {}): Promise<RunningServer> =>
    startServer({ natsUrl: nats.url, ...SETTINGS, ...settings });

  /** Resolves once this many answers to every question were dropped, of those that came in time. */
  const expectDrops = (here: RunningServer, each: number): void => {
    expect(countsOf(here).dropped.malformed).toBeGreaterThanOrEqual(each);
    expect(countsOf(here).dropped.malformed).toBeLessThanOrEqual(each * stranger.questions);
  };
  /** Subscribes until the records of the topic came in time. */
  const replayed = async (late: Peer): Promise<void> => {
    await until(
      () => late.received.length !== 0,
      async () => {
        late.subscribe('topic');
        await late.sync();
        late.unsubscribe('topic');
      },
    );
  };

  it('N5: the largest records that a peer could have left are believed', async () => {
    const here = await node();
    const [asker, late] = [await Peer.connect(here.url), await Peer.connect(here.url)];
    stranger.answer([
      published(4096),
      announced(['a', 'b'.repeat(1000)]),
      announced([], { announcer: 'b'.repeat(43), peerId: '', age: 60_000 }),
      announced(
        Array.from({ length: 1024 }, () => ''),
        { announcer: 'c'.repeat(43) },
      ),
    ]);
    expect((await ask(asker, ({ payload }) => payload !== null)).payload).toBe(base64(4096));
    expect(countsOf(here).dropped.malformed).toBe(0);
    await replayed(late);
    expect(late.received).toEqual([relayMessage('topic', Buffer.alloc(4096, 'x'))]);
    stranger.answer([announced(['x'.repeat(4094)])]);
    expect(
      Buffer.from((await ask(asker, ({ payload }) => payload !== null && payload !== base64(4096))).payload!, 'base64')
        .length,
    ).toBe(4094);
  });

  const LIES: Record<string, unknown> = {
    'a record of 900 KB': [published(900_000 * 0.74)],
    'a published record over record-max-bytes': [published(4097)],
    'an announced record over record-max-bytes': [announced(['x'.repeat(4095)])],
    'one whose characters are few and whose bytes are many': [announced(['\u{1F600}'.repeat(1024)])],
    'a peer_id over record-max-bytes': [announced([], { peerId: 'aa'.repeat(2049) })],
    'a peer_id that is not hex': [announced([], { peerId: 'xx' })],
    'a peer_id that is half a byte': [announced([], { peerId: 'aaa' })],
    'more addresses than a peer may announce': [announced(Array.from({ length: 1025 }, () => ''))],
    'addresses that are no list': [announced({ length: 1, 0: 'x' })],
    'an address that is no text': [announced([1])],
    'half a surrogate pair': [announced(['\ud800'])],
    'more records than a topic holds': Array.from({ length: 5 }, () => published(1)),
    'an announcer that is no hash': [announced(['x'], { announcer: 'somebody' })],
    'an announcer that is very long': [announced(['x'], { announcer: 'a'.repeat(64) })],
    'no announcer': [announced(['x'], { announcer: undefined })],
    'an age below nothing': [{ ...published(1), age: -1 }],
    'an age that is text': [{ ...published(1), age: '1' }],
    'an age over record-ttl': [announced(['x'], { age: 60_001 })],
    'a payload that is not base64': [{ kind: 'published', age: 1, payload: '***' }],
    'another kind': [{ kind: 'constructor', age: 1, payload: 'eA==' }],
    'a good record and a bad one': [published(1), { kind: 'published', age: -1, payload: 'eA==' }],
    'no list': published(1),
    'a number': 7,
  };

  it.each(Object.entries(LIES))('N5: %s is dropped and counted, and hides nothing', async (_what, lie) => {
    const here = await node();
    const asker = await Peer.connect(here.url);
    stranger.answer(lie as object, [announced(['true'])]);
    expect((await ask(asker, ({ peers }) => peers.length > 0)).peers).toEqual([{ peer_id: 'aa', addresses: ['true'] }]);
    expectDrops(here, 1);
  });

  it.each([
    ['an impossible age', '[{"kind":"published","age":1e999,"payload":"eA=="}]'],
    ['an age that is not a number', '[{"kind":"published","age":NaN,"payload":"eA=="}]'],
    ['text that is not JSON', 'garbage'],
    ['an empty message', ''],
    ['bytes that are not UTF-8', Buffer.from('[{"kind":"announced","age":1,"announcer":"\xff"}]', 'latin1')],
    ['only brackets', '['.repeat(400_000)],
    ['as many elements as fit', `[${'1,'.repeat(200_000)}1]`],
    ['more than a node sends', `[${' '.repeat(MOST_TOLD_BYTES - 1)}]`],
  ])('N5: %s is dropped and counted', async (_what, lie) => {
    const here = await node();
    const asker = await Peer.connect(here.url);
    stranger.answer(lie, [announced(['true'])]);
    expect((await ask(asker, ({ peers }) => peers.length > 0)).peers).toEqual([{ peer_id: 'aa', addresses: ['true'] }]);
    expectDrops(here, 1);
  });

  it('N5: a record that does not fit into a message of max-message-bytes is dropped, whatever record-max-bytes is', async () => {
    const here = await node({ recordMaxBytes: 1024 * 1024, maxMessageBytes: 2048 });
    const asker = await Peer.connect(here.url);
    stranger.answer([published(2000)], [announced(['x'.repeat(2047)])], [published(1500)]);
    expect(Buffer.from((await ask(asker, ({ payload }) => payload !== null)).payload!, 'base64').length).toBe(1500);
    expectDrops(here, 2);
  });

  it('N5: a forged record is not sent to a late subscriber either', async () => {
    const here = await node();
    const late = await Peer.connect(here.url);
    stranger.answer([published(5000)], [published(2)]);
    await replayed(late);
    expect(late.received).toEqual([relayMessage('topic', 'xx')]);
    expectDrops(here, 1);
  });

  it('N5: a relay may be exactly as large as a peer could have sent it', async () => {
    const here = await node({ maxMessageBytes: 1024, recordMaxBytes: 1024 * 1024 });
    const peer = await Peer.connect(here.url);
    peer.subscribe('topic');
    await peer.sync();
    // The shortest form of a Relay leaves out 15 bytes of the canonical one.
    const largest = relayMessage(
      'topic',
      Buffer.alloc(1024 + 15 - (relayMessage('topic', Buffer.alloc(1000)).length - 1000)),
    );
    expect(largest.length).toBe(1024 + 15);
    const larger = relayMessage('topic', Buffer.alloc(largest.length));
    stranger.publish(subjectOf('topic', 'topic'), larger);
    stranger.publish(subjectOf('topic', 'topic'), largest);
    expect(await peer.next()).toEqual(largest);
    expect(countsOf(here).dropped.malformed).toBe(1);
  });

  it('N6: the answers to one question are limited in number and in bytes', async () => {
    const here = await node();
    const asker = await Peer.connect(here.url);
    const one = (i: number): object => [announced([String(i)], { announcer: String(i).padStart(43, '0'), peerId: '' })];
    stranger.answer(...Array.from({ length: 3000 }, (_, i) => one(i)));
    const { peers } = await ask(asker, () => countsOf(here).dropped.malformed > 0);
    // The first one too many ends the question.
    expect([peers.length, countsOf(here).dropped.malformed]).toEqual([MOST_ANSWERS, 1]);

    const padded = JSON.stringify([announced(['true'])]).padEnd(MOST_TOLD_BYTES, ' ');
    stranger.answer(...Array.from({ length: 20 }, () => padded));
    await ask(asker, () => countsOf(here).dropped.malformed > 1);
    expect(MOST_ANSWERS_BYTES / MOST_TOLD_BYTES).toBe(2);
    expect(countsOf(here).dropped.malformed).toBe(2);
  });

  it('N6: the bytes of answers that are read per second are limited', async () => {
    const clock = new ManualClock();
    const here = await startServer({ natsUrl: nats.url, ...SETTINGS }, 'off', clock);
    const asker = await Peer.connect(here.url);
    stranger.answer(JSON.stringify([announced(['true'])]).padEnd(MOST_TOLD_BYTES, ' '));
    const most = MOST_TAKEN_BYTES_A_SECOND / MOST_TOLD_BYTES;
    let found = 0;
    await until(
      () => countsOf(here).questionsDropped >= 3,
      async () => {
        found += (await asker.query('topic')).peers.length;
      },
    );
    expect(found).toBe(most);
    clock.pass(1000);
    expect((await ask(asker, ({ peers }) => peers.length > 0)).peers.length).toBe(1);
  });

  it('N6: the questions answered per second are limited, also by bytes; a question without a reply subject is ignored', async () => {
    const clock = new ManualClock();
    const here = await startServer(
      { natsUrl: nats.url, ...SETTINGS, recordMaxBytes: 16_384, recordsPerTopic: 16 },
      'off',
      clock,
    );
    const announcer = await Peer.connect(here.url);
    for (let i = 0; i < 16; i++) await announcer.announce('topic', ['x'.repeat(16_000)], (16 + i).toString(16));
    const size = 16 * 16_000;
    const most = Math.ceil(MOST_GIVEN_BYTES_A_SECOND / size);
    // It was offered by now, because this one is answered.
    stranger.publish(subjectOf('records', 'topic'), '', '_STRANGER.1');
    await until(
      () => stranger.heardBytes >= size,
      () => stranger.flush(),
    );
    for (let i = 0; i < 200; i++) stranger.publish(subjectOf('records', 'topic'), '', '_STRANGER.1');
    stranger.publish(subjectOf('records', 'topic'), '');
    await until(() => countsOf(here).dropped.malformed >= 1);
    await until(
      () => stranger.heardBytes >= most * size,
      () => stranger.flush(),
    );
    await stranger.flush();
    expect(stranger.heardBytes).toBeLessThan((most + 1) * size * 1.1);
    expect(countsOf(here).questionsDropped + countsOf(here).dropped.slow).toBeGreaterThan(200 - most - 2);
  });

  it('N5, N14: forged calls fill the list of nodes and no more, and what is no call is dropped and counted', async () => {
    const here = await node();
    const there = await node();
    const { nodes } = here.server.app.get(Backplane, { strict: false });
    const other = there.server.app.get(Backplane, { strict: false }).nodes.self;
    await until(() => nodes.others.has(other));
    const forge = (text: string | Buffer): void => stranger.publish('cairn.nodes', text);
    const id = 'x'.repeat(16);
    const lies = [
      '',
      'alive',
      'alive ',
      `alive ${id}`,
      `alive ${id} `,
      `alive ${id} one`,
      `alive ${id} -1`,
      `alive ${id} 1234567890`,
      `alive ${id.slice(1)} 1`,
      `alive ${id}x 1`,
      `alive ${id} 1\n`,
      `alive  ${id} 1`,
      ` alive ${id} 1`,
      `ALIVE ${id} 1`,
      `constructor ${id} 1`,
      `alive ${'\u{1F600}'.repeat(4)} 1`,
      `alive ${id} 1 ${'x'.repeat(256)}`,
      Buffer.alloc(900_000, 'alive '),
      Buffer.alloc(64, 0xff),
    ];
    for (const lie of lies) forge(lie);
    forge(`leaving ${nodes.self} 9`);
    forge(`gone ${nodes.self} 9`);
    forge(`gone ${id} 9`);
    forge(`alive ${id} 1 of a later version`);
    await until(() => nodes.others.has(id));
    expect(countsOf(here).dropped.malformed).toBe(lies.length);
    expect([...nodes.others.keys()]).toEqual([other, id]);
    for (let n = 0; n < 3 * MOST_NODES; n++) forge(`hello ${String(n).padStart(16, '0')} 1`);
    await until(() => countsOf(here).dropped.malformed === lies.length + 2 * MOST_NODES + 2);
    expect(nodes.others.size).toBe(MOST_NODES);
    // The real one is known all the same.
    expect(nodes.others.has(other)).toBe(true);
  });
});
