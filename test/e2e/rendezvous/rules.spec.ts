import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { RendezvousCounts } from '../../../src/metrics/rendezvous-counts.js';
import { RecordStore } from '../../../src/records/record-store.js';
import { ManualClock } from '../../support/manual-clock.js';
import { Peer, relayMessage, settle } from '../../support/peer.js';
import { startServer, stopServers } from '../../support/server.js';
import type { RunningServer } from '../../support/server.js';
import type { SettingsInput } from '../../../src/config/settings.js';

const HOUR = 3_600_000;

let running: RunningServer;
let clock: ManualClock;
let a: Peer;
let b: Peer;

async function start(settings: SettingsInput = {}): Promise<void> {
  clock = new ManualClock();
  running = await startServer(settings, 'trace', clock);
  a = await Peer.connect(running.url);
  b = await Peer.connect(running.url);
}

/** Closes a peer's connection, and resolves when the server knows. */
async function leave(peer: Peer): Promise<void> {
  await peer.close();
  const witness = await Peer.connect(running.url);
  await witness.sync();
  witness.socket.terminate();
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const hex = (text: string): string => Buffer.from(text).toString('hex');

afterEach(stopServers);

describe('records', () => {
  beforeEach(() => start());

  it("J1: a connection's next publication replaces its last", async () => {
    await a.publish('t', 'one');
    await a.publish('t', 'two');
    expect(await b.query('t')).toMatchObject({
      payload: base64('two'),
      peers: [{ peer_id: '', addresses: [hex('two')] }],
    });
  });

  it('J1: two connections do not replace each other', async () => {
    const c = await Peer.connect(running.url);
    await a.publish('t', 'of a');
    await b.publish('t', 'of b');
    expect((await c.query('t')).peers.map(({ addresses }) => addresses[0])).toEqual([hex('of b'), hex('of a')]);
  });

  it('J1: an announcer is identified by its source and peer id, or by its set of addresses if it has no peer id', async () => {
    await a.announce('t', ['x'], 'aa');
    await b.announce('t', ['y'], 'aa');
    await a.announce('t', ['p', 'q']);
    await b.announce('t', ['q', 'p']);
    await b.announce('t', ['q']);
    const c = await Peer.connect(running.url);
    expect((await c.query('t')).peers).toEqual([
      { peer_id: '', addresses: ['q'] },
      { peer_id: '', addresses: ['q', 'p'] },
      { peer_id: 'aa', addresses: ['y'] },
    ]);
  });

  it('J2: a published record lives as long as its connection, however long', async () => {
    await a.publish('t', 'here');
    clock.pass(1000 * HOUR);
    expect((await b.query('t')).payload).toBe(base64('here'));
  });

  it('J2: a published record outlives its connection by its TTL, and not a moment more', async () => {
    await a.publish('t', 'here');
    await leave(a);
    clock.pass(HOUR - 1);
    expect((await b.query('t')).payload).toBe(base64('here'));
    clock.pass(1);
    expect(await b.query('t')).toMatchObject({ payload: null, peers: [] });
  });

  it('J2: an announced record lives for its TTL, with or without its connection', async () => {
    await a.announce('t', ['x']);
    clock.pass(HOUR - 1);
    expect((await b.query('t')).peers).toHaveLength(1);
    clock.pass(1);
    expect((await b.query('t')).peers).toEqual([]);
  });

  it('J2: announcing again renews the TTL', async () => {
    await a.announce('t', ['x'], 'aa');
    clock.pass(HOUR - 1);
    await a.announce('t', ['x'], 'aa');
    clock.pass(HOUR - 1);
    expect((await b.query('t')).peers).toHaveLength(1);
  });

  it('J2: a client that reconnects and publishes 100 times is found by its newest record', async () => {
    for (let i = 0; i < 100; i++) {
      const client = await Peer.connect(running.url);
      expect(await client.publish('t', `round ${i}`)).toEqual([{ type: 'ack', topic: 't' }]);
      await client.close();
    }
    const found = await b.query('t');
    expect(found.payload).toBe(base64('round 99'));
    expect(found.peers[0]).toEqual({ peer_id: '', addresses: [hex('round 99')] });
    expect(running.server.app.get(RecordStore, { strict: false }).size).toBeLessThanOrEqual(16);
  });

  it('J3: publish and announce are answered with an ack, and with nothing else', async () => {
    expect(await a.publish('t', 'x')).toEqual([{ type: 'ack', topic: 't' }]);
    expect(await a.announce('t', ['x'], 'aa')).toEqual([{ type: 'ack', topic: 't' }]);
  });

  it('J4: the answer to a query is one message with everything that every library reads', async () => {
    await a.publish('t', 'bytes');
    await a.announce('t', ['x', 'y'], 'abcd');
    expect(await b.say({ type: 'query', topic: 't' })).toEqual([
      {
        type: 'result',
        topic: 't',
        payload: base64('x\ny'),
        peers: [
          { peer_id: 'abcd', addresses: ['x', 'y'] },
          { peer_id: '', addresses: [hex('bytes')] },
        ],
      },
    ]);
    expect(await b.say({ type: 'query', topic: 'elsewhere' })).toEqual([
      { type: 'result', topic: 'elsewhere', payload: null, peers: [] },
    ]);
  });

  it("J4: the asking connection's own records are left out", async () => {
    await a.publish('t', 'mine');
    await a.announce('t', ['mine'], 'aa');
    await b.publish('t', 'yours');
    expect(await a.query('t')).toMatchObject({
      payload: base64('yours'),
      peers: [{ peer_id: '', addresses: [hex('yours')] }],
    });
  });

  it('J4: an empty record is listed, but is not the payload', async () => {
    await a.publish('t', 'bytes');
    await a.announce('t', [], 'aa');
    expect(await b.query('t')).toMatchObject({
      payload: base64('bytes'),
      peers: [{ peer_id: 'aa', addresses: [] }, { addresses: [hex('bytes')] }],
    });
  });

  it('J4: a large payload is never cut, and then there are no peers', async () => {
    const large = 'x'.repeat(10_000);
    await a.publish('t', large);
    expect(await b.query('t')).toMatchObject({ payload: base64(large), peers: [] });
  });

  it('J4: the answer is one frame in one write', async () => {
    await a.publish('t', 'x'.repeat(600));
    const chunks: Buffer[] = [];
    b.tcp.on('data', (chunk: Buffer) => chunks.push(chunk));
    await b.query('t');
    const answer = chunks.find((chunk) => chunk[0] === 0x81)!;
    expect(answer.length).toBeGreaterThanOrEqual(4 + answer.readUInt16BE(2));
  });

  it('J5: an announcement with one address in hex gives those bytes as payload', async () => {
    await a.announce('t', ['C0ffee']);
    expect((await b.query('t')).payload).toBe(Buffer.from('c0ffee', 'hex').toString('base64'));
  });

  it("J8: announcing with another source's peer id replaces nothing", async () => {
    // Sources are addresses here, and the whole of 127.0.0.0/8 is this machine.
    const elsewhere = await Peer.connect(running.url, { localAddress: '127.0.0.2' });
    elsewhere.send(JSON.stringify({ type: 'announce', topic: 't', peer_id: 'aa', addresses: ['theirs'] }));
    await elsewhere.sync();
    await a.announce('t', ['mine'], 'aa');
    expect((await b.query('t')).peers).toEqual([
      { peer_id: 'aa', addresses: ['mine'] },
      { peer_id: 'aa', addresses: ['theirs'] },
    ]);
  });

  it('counts what happens, without topics or peers', async () => {
    await a.publish('t', 'x');
    await a.announce('t', ['x']);
    await b.query('t');
    await b.query('elsewhere');
    await b.say({ type: 'query' });
    const { refusals, ...counts } = running.server.app.get(RendezvousCounts, { strict: false });
    expect(counts).toEqual({ publishes: 1, announces: 1, queries: 2, hits: 1, misses: 1 });
    expect(refusals.malformed).toBe(1);
    expect(running.server.app.get(RecordStore, { strict: false }).size).toBe(2);
  });
});

describe('the dialects meet (J6)', () => {
  let cbor: Peer;

  beforeEach(async () => {
    await start();
    cbor = await Peer.connect(running.url);
  });

  it('J6: a publication reaches the CBOR subscribers of its topic as a Relay', async () => {
    cbor.subscribe('t');
    await cbor.sync();
    await a.publish('t', 'live');
    await settle([], [cbor]);
    expect(cbor.received).toEqual([relayMessage('t', 'live')]);
  });

  it('J6: a Subscribe is sent what was published before, oldest first', async () => {
    await a.publish('t', 'first');
    await b.publish('t', 'second');
    cbor.subscribe('t');
    await cbor.sync();
    expect(cbor.received).toEqual([relayMessage('t', 'first'), relayMessage('t', 'second')]);
  });

  it('J6: a Subscribe that changes nothing is sent nothing', async () => {
    cbor.subscribe('t');
    await a.publish('t', 'once');
    await settle([cbor], [cbor]);
    cbor.subscribe('t');
    await cbor.sync();
    expect(cbor.received).toHaveLength(1);
  });

  it('J6: nothing is sent back to the connection that published, live or late', async () => {
    a.subscribe('t');
    await a.publish('t', 'mine');
    a.unsubscribe('t');
    a.subscribe('t');
    await a.sync();
    expect(a.received).toEqual([]);
  });

  it('J6: announcements are not bridged, and a Relay never becomes a record', async () => {
    cbor.subscribe('t');
    await cbor.sync();
    await a.announce('t', ['x'], 'aa');
    cbor.relay('t', 'relayed');
    await cbor.sync();
    expect(cbor.received).toEqual([]);
    expect((await b.query('t')).peers).toEqual([{ peer_id: 'aa', addresses: ['x'] }]);
  });

  it('J6: the newest publications are replayed, at most 64 KiB of messages', async () => {
    const publishers = await Promise.all(Array.from({ length: 6 }, () => Peer.connect(running.url)));
    for (const [i, publisher] of publishers.entries()) await publisher.publish('t', Buffer.alloc(16_000, i));
    cbor.subscribe('t');
    await cbor.sync();
    expect(cbor.received).toEqual([2, 3, 4, 5].map((i) => relayMessage('t', Buffer.alloc(16_000, i))));
  });

  it('J6: a refused publication is not relayed', async () => {
    cbor.subscribe('t');
    await cbor.sync();
    await a.publish('t', Buffer.alloc(16_385));
    await cbor.sync();
    expect(cbor.received).toEqual([]);
  });
});

describe('malformed messages (J7)', () => {
  beforeEach(() => start());

  it.each([
    ['a publication without a topic', { type: 'publish', payload: '' }, undefined, 'topic must be a string'],
    ['a topic that is a number', { type: 'query', topic: 7 }, undefined, 'topic must be a string'],
    ['a publication without a payload', { type: 'publish', topic: 't' }, 't', 'payload must be base64 with padding'],
    [
      'a payload that is null',
      { type: 'publish', topic: 't', payload: null },
      't',
      'payload must be base64 with padding',
    ],
    ['bad base64', { type: 'publish', topic: 't', payload: '***' }, 't', 'payload must be base64 with padding'],
    ['an announcement without addresses', { type: 'announce', topic: 't' }, 't', 'addresses must be a list of strings'],
    [
      'addresses that are no strings',
      { type: 'announce', topic: 't', addresses: [7] },
      't',
      'addresses must be a list of strings',
    ],
    [
      'a peer id that is not hex',
      { type: 'announce', topic: 't', peer_id: 'xyz', addresses: [] },
      't',
      'peer_id must be hex',
    ],
    ['half a surrogate pair', '{"type":"query","topic":"\\ud800"}', undefined, 'topic is not Unicode text'],
  ])('J7: %s is answered with an error, and the connection stays open', async (_what, message, topic, fault) => {
    expect(await a.say(message)).toEqual([
      { type: 'error', ...(topic !== undefined && { topic }), code: 'malformed', message: fault },
    ]);
    expect(await a.publish('t', 'still here')).toEqual([{ type: 'ack', topic: 't' }]);
  });

  it.each([
    '',
    'hello',
    '7',
    'null',
    '[]',
    '{}',
    '{"type":"other","topic":"t"}',
    '{"type":["query"],"topic":"t"}',
    '{"type":"query","topic":"t"',
    '['.repeat(30_000),
    '{"a":'.repeat(10_000),
  ])('J7: %.40s is ignored, as by the reference', async (text) => {
    expect(await a.say(text)).toEqual([]);
  });

  it('J7: a topic of max-topic-bytes is accepted; one byte more is an error', async () => {
    expect(await a.publish('é'.repeat(128), 'x')).toMatchObject([{ type: 'ack' }]);
    const topic = `${'é'.repeat(128)}x`;
    expect(await a.publish(topic, 'x')).toEqual([
      { type: 'error', topic, code: 'topic_too_long', message: 'topic over 256 bytes; the setting is max-topic-bytes' },
    ]);
  });

  it('J7: a record of record-max-bytes is accepted; one byte more is an error', async () => {
    expect(await a.publish('t', Buffer.alloc(16_384))).toMatchObject([{ type: 'ack' }]);
    expect(await a.publish('t', Buffer.alloc(16_385))).toMatchObject([
      { type: 'error', code: 'record_too_large', message: 'record over 16384 bytes; the setting is record-max-bytes' },
    ]);
    expect(await a.announce('t', ['x'.repeat(16_380)], 'aabb')).toMatchObject([{ type: 'ack' }]);
    expect(await a.announce('t', ['x'.repeat(16_381)], 'aabb')).toMatchObject([
      { type: 'error', code: 'record_too_large' },
    ]);
  });

  it('keys such as __proto__ change nothing', async () => {
    expect(
      await a.say(
        '{"type":"publish","topic":"__proto__","payload":"eA==","__proto__":{"polluted":true},"constructor":{"prototype":{}}}',
      ),
    ).toEqual([{ type: 'ack', topic: '__proto__' }]);
    expect((await b.query('__proto__')).payload).toBe('eA==');
    expect((await b.query('constructor')).payload).toBeNull();
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it('1008: a CBOR Subscribe to a topic one byte over max-topic-bytes closes with a reason that names the setting', async () => {
    const cbor = await Peer.connect(running.url);
    cbor.subscribe('x'.repeat(256));
    await cbor.sync();
    cbor.subscribe('x'.repeat(257));
    expect(await cbor.closed).toEqual({ code: 1008, reason: 'topic over 256 bytes; the setting is max-topic-bytes' });
  });
});

describe('bounds', () => {
  it('J7: with records off, every message of a known type is answered with an error', async () => {
    await start({ records: 'off' });
    for (const said of [
      await a.publish('t', 'x'),
      await a.announce('t', ['x']),
      await a.say({ type: 'query', topic: 't' }),
    ]) {
      expect(said).toMatchObject([{ type: 'error', topic: 't', code: 'records_off' }]);
    }
  });

  it('J8: a full topic refuses a newcomer rather than drop a live record of another source', async () => {
    await start({ recordsPerTopic: 2 });
    const squatter = await Peer.connect(running.url, { localAddress: '127.0.0.2' });
    for (const peerId of ['aa', 'bb']) {
      squatter.send(JSON.stringify({ type: 'announce', topic: 't', peer_id: peerId, addresses: ['x'] }));
    }
    await squatter.sync();
    expect(await a.announce('t', ['mine'], 'cc')).toMatchObject([{ type: 'error', topic: 't', code: 'topic_full' }]);
    clock.pass(HOUR);
    expect(await a.announce('t', ['mine'], 'cc')).toMatchObject([{ type: 'ack' }]);
  });

  it('J8: on a full topic a source replaces its own oldest record', async () => {
    await start({ recordsPerTopic: 2 });
    for (const peerId of ['aa', 'bb', 'cc']) {
      expect(await a.announce('t', ['x'], peerId)).toMatchObject([{ type: 'ack' }]);
    }
    expect((await b.query('t')).peers.map((peer) => peer.peer_id)).toEqual(['cc', 'bb']);
  });

  it('J8: a source holds at most records-per-source', async () => {
    await start({ recordsPerSource: 3 });
    for (const topic of ['1', '2', '3']) expect(await a.announce(topic, ['x'])).toMatchObject([{ type: 'ack' }]);
    expect(await a.announce('4', ['x'])).toMatchObject([{ type: 'error', topic: '4', code: 'quota_exceeded' }]);
    expect(await a.announce('3', ['x'])).toMatchObject([{ type: 'ack' }]);
    const elsewhere = await Peer.connect(running.url, { localAddress: '127.0.0.3' });
    expect(await elsewhere.announce('4', ['x'])).toMatchObject([{ type: 'ack' }]);
  });

  it('J8: a full store refuses, and accepts again when records have expired', async () => {
    await start({ recordsMaxBytes: 65_536, recordMaxBytes: 16_384 });
    const sources = await Promise.all(
      ['127.0.0.2', '127.0.0.3', '127.0.0.4', '127.0.0.5'].map((localAddress) =>
        Peer.connect(running.url, { localAddress }),
      ),
    );
    const codes: unknown[] = [];
    for (const [i, source] of sources.entries()) codes.push((await source.announce(`t${i}`, ['x'.repeat(16_384)]))[0]);
    expect(codes).toMatchObject([
      { type: 'ack' },
      { type: 'ack' },
      { type: 'ack' },
      { type: 'error', code: 'store_full' },
    ]);
    expect(running.server.app.get(RecordStore, { strict: false }).bytes).toBeLessThanOrEqual(65_536);
    clock.pass(HOUR);
    expect(await sources[3].announce('t3', ['x'.repeat(16_384)])).toMatchObject([{ type: 'ack' }]);
  });

  it('J8: thousands of announcers on one topic stay within its bound', async () => {
    await start({ maxMessagesPerSecond: 0 });
    for (let i = 0; i < 3000; i++) {
      a.send(
        JSON.stringify({ type: 'announce', topic: 't', peer_id: i.toString(16).padStart(8, '0'), addresses: ['x'] }),
      );
    }
    await a.sync();
    expect(running.server.app.get(RecordStore, { strict: false }).size).toBe(16);
    expect((await b.query('t')).peers[0].peer_id).toBe((2999).toString(16).padStart(8, '0'));
  });
});
