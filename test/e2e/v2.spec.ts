import { afterEach, describe, expect, it } from '@jest/globals';
import { Peer, relayMessage } from '../support/peer.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';
import { until } from '../support/until.js';
import { V2Peer } from '../support/v2-peer.js';

const PAYLOAD = Buffer.from('offer');

describe('cairn-signal.v2: negotiation', () => {
  afterEach(stopServers);

  it.each([
    [['cairn-signal.v2'], 'cairn-signal.v2'],
    [['cairn-signal.v2', 'cairn-signal'], 'cairn-signal.v2'],
    [['cairn-signal', 'cairn-signal.v2'], 'cairn-signal.v2'],
    [['cairn-signal'], 'cairn-signal'],
    [['something', 'cairn-signal.v2'], 'cairn-signal.v2'],
  ])('V1: of %j the server selects %s', async (protocols, selected) => {
    const { url } = await startServer();
    const peer = await Peer.connect(url, { protocols });
    expect(peer.socket.protocol).toBe(selected);
  });

  it('V1: Welcome comes first, and says the limits that hold', async () => {
    const { url } = await startServer({ maxTopicsPerConnection: 7, pingInterval: '5s', presenceMembers: 9 });
    const peer = await V2Peer.connect(url);
    const { welcome } = peer;
    expect(welcome.address).toBe('127.0.0.1');
    expect(welcome.heartbeat).toBe(5000);
    expect(welcome.features).toEqual(['presence']);
    expect(welcome.limits).toEqual({
      message: 65_536,
      topic: expect.any(Number),
      topics: 7,
      rate: expect.any(Number),
      burst: expect.any(Number),
      data: 1024,
      members: 9,
    });
    expect(welcome.server).toMatch(/^cairn-signal\/\d/);
  });

  it('V1: a peer of v1 is welcomed by nobody', async () => {
    const { url } = await startServer();
    for (const protocols of [[], ['cairn-signal']]) {
      const peer = await Peer.connect(url, { protocols });
      await peer.sync();
      expect(peer.received).toEqual([]);
    }
  });

  it('the connections are counted by protocol', async () => {
    const { url, connections } = await startServer();
    const peers = [
      await V2Peer.connect(url),
      await Peer.connect(url),
      await Peer.connect(url, { protocols: ['cairn-signal'] }),
    ];
    expect([...connections.byProtocol.values()]).toEqual([1, 1, 1]);
    for (const peer of peers) peer.socket.close();
    await until(() => connections.size === 0);
    expect([...connections.byProtocol.values()]).toEqual([0, 0, 0]);
  });
});

describe('cairn-signal.v2: answers', () => {
  afterEach(stopServers);

  it('V2: each request with an id has one answer, in the order of the requests', async () => {
    const { url } = await startServer({ maxTopicsPerConnection: 2 });
    const peer = await V2Peer.connect(url);
    peer.tell({ Subscribe: { topic: 'a', id: 0 } });
    peer.tell({ Relay: { topic: 'a', payload: PAYLOAD, id: 2 ** 53 - 1 } });
    peer.tell({ Ping: { id: 7 } });
    peer.tell({ Subscribe: { topic: 'b', id: 7 } });
    peer.tell({ Subscribe: { topic: 'c', id: 8 } });
    peer.tell({ IceServers: { id: 9 } });
    peer.tell({ Unsubscribe: { topic: 'a', id: 10 } });
    peer.tell({ Unsubscribe: { topic: 'nothing', id: 11 } });
    expect(await peer.heard()).toEqual([
      { Ack: { id: 0 } },
      { Ack: { id: 2 ** 53 - 1, to: 0 } },
      { Pong: { id: 7 } },
      { Ack: { id: 7 } },
      { Error: { id: 8, topic: 'c', code: 'too_many_topics', message: expect.any(String) } },
      { Error: { id: 9, code: 'unavailable', message: expect.any(String) } },
      { Ack: { id: 10 } },
      { Ack: { id: 11 } },
    ]);
  });

  it('V2: without an id a success is silent, and a failure is told', async () => {
    const { url } = await startServer({ maxTopicsPerConnection: 1 });
    const peer = await V2Peer.connect(url);
    peer.tell({ Subscribe: { topic: 'a' } });
    peer.tell({ Relay: { topic: 'a', payload: PAYLOAD } });
    peer.tell({ Unsubscribe: { topic: 'nothing' } });
    peer.tell({ Subscribe: { topic: 'b' } });
    expect(await peer.heard()).toEqual([
      { Error: { topic: 'b', code: 'too_many_topics', message: expect.any(String) } },
    ]);
  });

  it.each([
    ['topic_too_long', { maxTopicBytes: 8 }, 'eight by', 'nine byte'],
    ['too_many_topics', { maxTopicsPerConnection: 2 }, 'second', 'third'],
    ['topic_full', { maxSubscribersPerTopic: 2 }, 'shared', 'full'],
    ['server_full', { maxSubscriptions: 4 }, 'fits', 'not'],
  ])('V2: %s at the limit and one past it, and the connection works on', async (code, settings, fits, exceeds) => {
    const running = await startServer(settings);
    const other = await V2Peer.connect(running.url);
    const peer = await V2Peer.connect(running.url);
    for (const topic of ['shared', 'full']) await other.answer({ Subscribe: { topic } });
    if (code === 'topic_full') {
      const third = await V2Peer.connect(running.url);
      await third.answer({ Subscribe: { topic: 'full' } });
    } else await peer.answer({ Subscribe: { topic: 'first' } });
    expect(await peer.answer({ Subscribe: { topic: fits } })).toEqual({ Ack: { id: expect.any(Number) } });
    const { Error: fault } = await peer.answer({ Subscribe: { topic: exceeds } });
    expect(fault).toMatchObject({ code, message: expect.stringContaining('the setting is max-') });
    expect(fault!.topic).toBe(code === 'topic_too_long' ? undefined : exceeds);
    expect(await peer.answer({ Relay: { topic: fits, payload: PAYLOAD } })).toHaveProperty('Ack.to');
    expect(peer.isOpen).toBe(true);
  });

  it('V2: data at the limit and one past it', async () => {
    const { url, counts } = await startServer({ presenceDataBytes: 16 });
    const peer = await V2Peer.connect(url);
    expect(await peer.answer({ Subscribe: { topic: 't', data: Buffer.alloc(16) } })).toHaveProperty('Ack');
    expect(await peer.answer({ Subscribe: { topic: 'u', data: Buffer.alloc(17) } })).toHaveProperty(
      'Error.code',
      'data_too_large',
    );
    expect(counts.of('presence-data-bytes')).toBe(1);
    // Nothing of it was done.
    expect(await peer.answer({ Relay: { topic: 'u', payload: PAYLOAD } })).toEqual({ Ack: { id: expect.any(Number) } });
  });

  it.each([
    ['no CBOR', Buffer.from('ff', 'hex'), undefined],
    ['an empty message', Buffer.alloc(0), undefined],
    ['a negative id', Buffer.from('a169537562736372696265a265746f706963617462696420', 'hex'), undefined],
    ['an id of text', Buffer.from('a169537562736372696265a265746f70696361746269646131', 'hex'), undefined],
    [
      'an id of 2^53',
      Buffer.from('a169537562736372696265a265746f70696361746269641b0020000000000000', 'hex'),
      undefined,
    ],
    ['a topic of bytes, with an id', Buffer.from('a169537562736372696265a265746f706963417462696405', 'hex'), 5],
  ])('V2: %s is malformed, and the connection works on', async (_what, frame, id) => {
    const { url } = await startServer();
    const peer = await V2Peer.connect(url);
    peer.send(frame);
    expect(await peer.heard()).toEqual([
      { Error: { ...(id !== undefined && { id }), code: 'malformed', message: expect.any(String) } },
    ]);
    expect(await peer.answer({ Ping: {} })).toHaveProperty('Pong');
  });

  it('V2: text that is no message is malformed; JSON works as in v1', async () => {
    const { url } = await startServer();
    const peer = await V2Peer.connect(url);
    peer.socket.send('hello');
    expect(await peer.take('Error')).toMatchObject({ code: 'malformed' });
    peer.socket.send(JSON.stringify({ type: 'query', topic: 't' }));
    await peer.sync();
    expect(peer.isOpen).toBe(true);
  });

  it('V2: a frame over max-message-bytes closes the connection', async () => {
    const { url } = await startServer({ maxMessageBytes: 1024 });
    const peer = await V2Peer.connect(url);
    peer.tell({ Relay: { topic: 't', payload: Buffer.alloc(1024) } });
    expect(await peer.closed).toMatchObject({ code: 1009 });
  });

  it('V6: Ack.to counts the others, of v1 too; who is no member is acknowledged without', async () => {
    const { url } = await startServer();
    const [sender, other, stranger, old] = [
      await V2Peer.connect(url),
      await V2Peer.connect(url),
      await V2Peer.connect(url),
      await Peer.connect(url),
    ];
    const relay = { Relay: { topic: 't', payload: PAYLOAD } };
    await sender.answer({ Subscribe: { topic: 't' } });
    expect(await sender.answer(relay)).toEqual({ Ack: { id: expect.any(Number), to: 0 } });
    await other.answer({ Subscribe: { topic: 't' } });
    old.subscribe('t');
    await old.sync();
    expect(await sender.answer(relay)).toEqual({ Ack: { id: expect.any(Number), to: 2 } });
    expect(await stranger.answer(relay)).toEqual({ Ack: { id: expect.any(Number) } });
    old.socket.close();
    await old.closed;
    await other.answer({ Unsubscribe: { topic: 't' } });
    expect(await sender.answer(relay)).toEqual({ Ack: { id: expect.any(Number), to: 0 } });
  });

  it('V9: the heartbeat is a Ping message, and any traffic counts', async () => {
    const running = await startServer({ pingInterval: '200ms', pongTimeout: '2s' });
    const peer = await V2Peer.connect(running.url);
    const dumb = await V2Peer.connect(running.url);
    dumb.answersPings = false;
    const old = await Peer.connect(running.url);
    const pings: unknown[] = [];
    peer.socket.on('ping', (data) => pings.push(data));
    expect(await dumb.take('Ping')).toEqual({});
    expect(await dumb.closed).toMatchObject({ code: 4009 });
    expect(peer.isOpen && old.isOpen).toBe(true);
    expect(peer.pingsHeard).toBeGreaterThan(0);
    expect(pings).toEqual([]);
  });
});

describe('cairn-signal.v2: members', () => {
  let running: RunningServer;
  afterEach(stopServers);

  async function peers(howMany: number, settings = {}): Promise<V2Peer[]> {
    running = await startServer(settings);
    return Promise.all(Array.from({ length: howMany }, () => V2Peer.connect(running.url)));
  }

  it('V3, V4: who looks is told everybody else, and then changes', async () => {
    const [a, b] = await peers(2);
    const first = await a.look('t', Buffer.from('alice'));
    expect(first).toEqual({ topic: 't', count: 1, self: expect.any(Buffer), joined: [] });
    const old = await Peer.connect(running.url);
    old.subscribe('t');
    await old.sync();
    const { joined: [ofOld] = [] } = await a.take('Members');
    expect(ofOld).toEqual({ id: expect.any(Buffer) });
    const second = await b.look('t', Buffer.from('bob'));
    expect(second.count).toBe(3);
    expect(second.joined).toEqual([{ id: first.self, data: Buffer.from('alice') }, ofOld]);
    expect(await a.take('Members')).toEqual({
      topic: 't',
      count: 3,
      joined: [{ id: second.self, data: Buffer.from('bob') }],
    });
    b.tell({ Subscribe: { topic: 't', data: Buffer.from('robert') } });
    expect(await a.take('Members')).toMatchObject({ joined: [{ id: second.self, data: Buffer.from('robert') }] });
    b.socket.close();
    expect(await a.take('Members')).toEqual({ topic: 't', count: 2, left: [second.self] });
    expect(old.received).toEqual([]);
  });

  it('V4: Members comes before the Ack', async () => {
    const [a] = await peers(1);
    const heard = await a.ask({ Subscribe: { topic: 't', presence: true } });
    expect(heard.map((message) => Object.keys(message)[0])).toEqual(['Members', 'Ack']);
  });

  it('V3: a member that does not look is told nothing, and is seen', async () => {
    const [a, b] = await peers(2);
    await a.answer({ Subscribe: { topic: 't' } });
    const { joined } = await b.look('t');
    expect(joined).toHaveLength(1);
    expect(await a.heard()).toEqual([]);
  });

  it('V7: from is the id that the server gave, also of a v1 member; a stranger has none', async () => {
    const [a, b, stranger] = await peers(3);
    const { self } = await a.look('t');
    const { self: other } = await b.look('t');
    await a.take('Members');
    a.tell({ Relay: { topic: 't', payload: PAYLOAD } });
    expect(await b.take('Relay')).toEqual({ topic: 't', payload: PAYLOAD, from: self });
    stranger.tell({ Relay: { topic: 't', payload: PAYLOAD } });
    expect(await b.take('Relay')).toEqual({ topic: 't', payload: PAYLOAD });
    const old = await Peer.connect(running.url);
    old.subscribe('t');
    await old.sync();
    const { joined } = await b.take('Members');
    old.relay('t', 'offer');
    expect(await b.take('Relay')).toEqual({ topic: 't', payload: PAYLOAD, from: joined![0].id });
    b.tell({ Relay: { topic: 't', payload: PAYLOAD } });
    expect(await old.next()).toEqual(relayMessage('t', 'offer'));
    expect(other).not.toEqual(self);
  });

  it('V8: an addressed Relay goes to that member alone, and never back', async () => {
    const [a, b, c] = await peers(3);
    const { self } = await a.look('t');
    const { self: to } = await b.look('t');
    await c.answer({ Subscribe: { topic: 't' } });
    const old = await Peer.connect(running.url);
    old.subscribe('t');
    await old.sync();
    const joined: Buffer[] = [];
    while (joined.length < 2) joined.push(...(await b.take('Members')).joined!.map(({ id }) => id));
    // C came first.
    const [, ofOld] = joined;
    await until(async () => (await a.heard()).some(({ Members }) => Members?.count === 4));

    expect(await a.answer({ Relay: { topic: 't', payload: PAYLOAD, to } })).toMatchObject({ Ack: { to: 1 } });
    expect((await b.heard()).filter(({ Relay }) => Relay)).toEqual([
      { Relay: { topic: 't', payload: PAYLOAD, from: self, to: true } },
    ]);
    expect(await a.answer({ Relay: { topic: 't', payload: PAYLOAD, to: ofOld } })).toMatchObject({ Ack: { to: 1 } });
    expect(await old.next()).toEqual(relayMessage('t', 'offer'));
    expect(await a.answer({ Relay: { topic: 't', payload: PAYLOAD, to: self } })).toMatchObject({ Ack: { to: 0 } });
    expect(await a.answer({ Relay: { topic: 't', payload: PAYLOAD, to: Buffer.alloc(8) } })).toMatchObject({
      Ack: { to: 0 },
    });
    b.socket.close();
    await b.closed;
    await until(() => running.topics.subscribers('t').size === 3);
    expect(await a.answer({ Relay: { topic: 't', payload: PAYLOAD, to } })).toMatchObject({ Ack: { to: 0 } });
    expect((await c.heard()).filter(({ Relay }) => Relay)).toEqual([]);
    expect(old.received).toEqual([]);
  });

  it('V7, V8: large Relays say who they are from, and that they are for one member alone', async () => {
    const [a, b] = await peers(2);
    const { self: from } = await a.look('t');
    const { self: to } = await b.look('t');
    for (const size of [4000, 5000, 40_000]) {
      const payload = Buffer.alloc(size, size);
      a.tell({ Relay: { topic: 't', payload } });
      a.tell({ Relay: { topic: 't', payload, to } });
      expect(await b.take('Relay')).toEqual({ topic: 't', payload, from });
      expect(await b.take('Relay')).toEqual({ topic: 't', payload, from, to: true });
    }
  });

  it('V3, V7, J6: two v2 peers, a v1 peer and a JSON peer on one topic see what the rules say, and nothing else', async () => {
    const [a, b] = await peers(2);
    const [old, json] = [await Peer.connect(running.url), await Peer.connect(running.url)];
    const { self: ofA } = await a.look('t', Buffer.from('a'));
    const { self: ofB } = await b.look('t');
    old.subscribe('t');
    await old.sync();
    await json.announce('t', ['10.0.0.1:1'], 'aa');
    const counted = async (peer: V2Peer): Promise<void> => {
      for (let count = 0; count < 3;) ({ count } = await peer.take('Members'));
    };
    await Promise.all([counted(a), counted(b)]);
    // JSON peers are no members, and what they publish has no sender.
    await json.publish('t', 'published');
    for (const peer of [a, b]) {
      expect(await peer.take('Relay')).toEqual({ topic: 't', payload: Buffer.from('published') });
    }
    expect(await a.answer({ Relay: { topic: 't', payload: PAYLOAD } })).toMatchObject({ Ack: { to: 2 } });
    expect(await b.take('Relay')).toEqual({ topic: 't', payload: PAYLOAD, from: ofA });
    old.relay('t', 'from v1');
    const [toA, toB] = [await a.take('Relay'), await b.take('Relay')];
    expect(toA).toEqual(toB);
    expect([ofA, ofB, undefined]).not.toContainEqual(toA.from);
    await old.sync();
    expect(old.received).toEqual([relayMessage('t', 'published'), relayMessage('t', 'offer')]);
    expect([await a.heard(), await b.heard()]).toEqual([[], []]);
    const { peers: found } = await json.query('t');
    expect(found).toHaveLength(0);
    expect(json.received).toEqual([]);
  });

  it('V4: over presence-members there is a count alone, and a full list below that again', async () => {
    const [a, ...others] = await peers(4, { presenceMembers: 3 });
    await a.look('t');
    for (const other of others) await other.answer({ Subscribe: { topic: 't' } });
    const believed: unknown[] = [];
    await until(async () => {
      for (const { Members } of await a.heard()) believed.push(Members);
      return JSON.stringify(believed.at(-1)) === JSON.stringify({ topic: 't', count: 4 });
    });
    others[0].tell({ Unsubscribe: { topic: 't' } });
    const full = await a.take('Members');
    expect(full).toMatchObject({ count: 3, self: expect.any(Buffer) });
    expect(full.joined).toHaveLength(2);
  });

  it('presence off: a count alone', async () => {
    const [a, b] = await peers(2, { presence: false });
    expect(a.welcome.features).toEqual([]);
    const [{ Members }] = await a.ask({ Subscribe: { topic: 't', presence: true } });
    expect(Members).toEqual({ topic: 't', count: 1 });
    await b.answer({ Subscribe: { topic: 't' } });
    expect(await a.take('Members')).toEqual({ topic: 't', count: 2 });
    expect(await a.answer({ Relay: { topic: 't', payload: PAYLOAD } })).toMatchObject({ Ack: { to: 1 } });
  });
});

describe('cairn-signal.v2: the server stops', () => {
  afterEach(stopServers);

  it('V10: Drain comes before the close; a peer that leaves sooner is waited for no longer', async () => {
    const running = await startServer({ drainTimeout: '30s' });
    const patient = await V2Peer.connect(running.url);
    const quick = await V2Peer.connect(running.url);
    const closing = running.close();
    expect((await patient.take('Drain')).retry).toBeGreaterThanOrEqual(0);
    await quick.take('Drain');
    const began = Date.now();
    quick.socket.close();
    patient.tell({ Relay: { topic: 't', payload: PAYLOAD, id: 1 } });
    expect(await patient.take('Ack')).toEqual({ id: 1 });
    expect(await patient.closed).toMatchObject({ code: 1001, reason: expect.stringContaining('restart; retry in') });
    await closing;
    expect(Date.now() - began).toBeLessThan(20_000);
  });

  it('V10: all have left: the server ends', async () => {
    const running = await startServer({ drainTimeout: '1h' });
    const peers = await Promise.all(Array.from({ length: 20 }, () => V2Peer.connect(running.url)));
    for (const peer of peers) void peer.take('Drain').then(() => peer.socket.close());
    await running.close();
    for (const peer of peers) expect(await peer.closed).toMatchObject({ code: 1000 });
  });
});
