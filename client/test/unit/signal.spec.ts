/** Time passes only where a test says so, which Jest's own loading can do: @own-context */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { connect, SignalError } from '../../src/index.js';
import type { ConnectOptions, Member, Signal } from '../../src/index.js';
import { FakeServer } from '../support/fake-server.js';
import { bytes, settle, text, watch } from '../support/watch.js';

let url: string;
let server: FakeServer;
let signals: Signal[];
let count = 0;

/** Connects to the fake server; `open` once it is. */
function start(options: ConnectOptions = {}): Signal {
  const signal = connect(url, { WebSocket: server.WebSocket, ...options });
  signals.push(signal);
  return signal;
}

async function started(options: ConnectOptions = {}): Promise<Signal> {
  const signal = start(options);
  await settle();
  expect(signal.state).toBe('open');
  return signal;
}

/** Lets time pass, and everything happen that is due. */
async function pass(ms: number): Promise<void> {
  await settle();
  await jest.advanceTimersByTimeAsync(ms);
  await settle();
}

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['queueMicrotask', 'nextTick', 'setImmediate'] });
  jest.spyOn(Math, 'random').mockReturnValue(0.5);
  // What a URL selects is remembered.
  url = `ws://signal-${count++}.example.com/`;
  server = new FakeServer();
  signals = [];
});

const unhandled: unknown[] = [];
process.on('unhandledRejection', (reason) => unhandled.push(reason));

afterEach(async () => {
  for (const signal of signals) signal.close();
  await settle();
  expect(jest.getTimerCount()).toBe(0);
  expect(server.open).toBe(0);
  expect(unhandled).toEqual([]);
  jest.useRealTimers();
  jest.restoreAllMocks();
});

describe('connect', () => {
  it('offers v2, v1 and the token, and knows the server', async () => {
    const signal = await started({ token: 'tok~en/+ ü' });
    expect(server.handshakes).toEqual([
      {
        url,
        protocols: ['cairn-signal.v2', 'cairn-signal', `bearer.${Buffer.from('tok~en/+ ü').toString('base64url')}`],
      },
    ]);
    expect(signal.welcome).toMatchObject({ server: 'fake/1', connection: 'c1', heartbeat: 30_000 });
  });

  it('throws for what is no URL, and where there is no WebSocket', () => {
    expect(() => connect('nowhere', { WebSocket: server.WebSocket })).toThrow('Invalid URL');
    const { WebSocket } = globalThis;
    Reflect.deleteProperty(globalThis, 'WebSocket');
    expect(() => connect(url)).toThrow('There is no WebSocket here. Give that of ws.');
    if (WebSocket) Reflect.set(globalThis, 'WebSocket', WebSocket);
  });

  it('asks for a token before each connection', async () => {
    let asked = 0;
    await started({ token: async () => `token ${++asked}` });
    server.last.drop(4001, 'token expired; come back with a new one');
    await pass(250);
    expect(
      server.handshakes.map(({ protocols }) => Buffer.from(protocols[2].slice(7), 'base64url').toString()),
    ).toEqual(['token 1', 'token 2']);
  });

  it('says when the function for tokens fails, and asks again', async () => {
    let asked = 0;
    const signal = start({
      token: () => {
        if (++asked === 1) throw new Error('not signed in');
        return 'token';
      },
    });
    const seen = watch(signal, 'error');
    await settle();
    expect(seen).toMatchObject([['error', { error: { message: 'not signed in' } }]]);
    await pass(250);
    expect(signal.state).toBe('open');
  });

  it.each([
    ['a status', { statusCode: 503, headers: {} }, { status: 503, retry: undefined }, 250],
    ['Retry-After', { statusCode: 429, headers: { 'retry-after': '7' } }, { status: 429, retry: 7000 }, 7500],
    [
      'a negative Retry-After',
      { statusCode: 503, headers: { 'retry-after': '-5' } },
      { status: 503, retry: undefined },
      250,
    ],
    [
      'a Retry-After of the past',
      { statusCode: 503, headers: { 'retry-after': 'Thu, 01 Jan 1970 00:00:00 GMT' } },
      { status: 503, retry: undefined },
      250,
    ],
    [
      'a Retry-After that is none',
      { statusCode: 503, headers: { 'retry-after': 'soon' } },
      { status: 503, retry: undefined },
      250,
    ],
    ['no status', undefined, { status: undefined, retry: undefined }, 250],
  ])('tells of a refusal with %s, and comes back', async (_what, refusal, told, delay) => {
    server.mood = 'refuses';
    server.refusal = refusal;
    const signal = start();
    const seen = watch(signal, 'refused');
    await settle();
    expect(seen).toEqual([['refused', { reason: 'The connection did not open.', ...told }]]);
    server.mood = 'open';
    await pass(delay - 1);
    expect(signal.state).toBe('connecting');
    await pass(1);
    expect(signal.state).toBe('open');
  });

  it('follows a Retry-After that is a date', async () => {
    server.mood = 'refuses';
    const date = new Date(Date.now() + 7000).toUTCString();
    server.refusal = { statusCode: 503, headers: { 'retry-after': date } };
    const seen = watch(start(), 'refused');
    await settle();
    expect(seen).toMatchObject([['refused', { status: 503, retry: Date.parse(date) - Date.now() }]]);
  });

  it.each([
    ['a fixed token', 'token', 'closed'],
    ['no token', undefined, 'closed'],
    ['a function for tokens', () => 'token', 'connecting'],
  ])('after 401 with %s is %s', async (_what, token, state) => {
    server.mood = 'refuses';
    server.refusal = { statusCode: 401, headers: {} };
    const signal = start({ token });
    await settle();
    expect(signal.state).toBe(state);
  });

  it('gives up a handshake that takes more than 10 s', async () => {
    server.mood = 'hangs';
    const signal = start();
    const seen = watch(signal, 'refused');
    await pass(9999);
    expect(seen).toEqual([]);
    server.mood = 'open';
    await pass(1 + 250);
    expect(signal.state).toBe('open');
  });

  it('tries the next of several addresses', async () => {
    server.mood = 'refuses';
    server.refusal = { statusCode: 503, headers: {} };
    signals.push(connect([`${url}a`, `${url}b`], { WebSocket: server.WebSocket }));
    await pass(250 + 500);
    expect(server.handshakes.map((handshake) => handshake.url)).toEqual([`${url}a`, `${url}b`, `${url}a`]);
  });

  it('refuses a subprotocol that it did not offer', async () => {
    server.odd = 'graphql-ws';
    const signal = start();
    const seen = watch(signal, 'refused');
    await settle();
    expect(seen[0]).toMatchObject(['refused', { reason: 'The server selected a wrong subprotocol.' }]);
  });
});

describe('a server that selects nothing', () => {
  it('is asked once more without subprotocols, and that is remembered', async () => {
    server.best = '';
    const signal = await started({ token: 'token' });
    expect(server.handshakes.map(({ protocols }) => protocols.length)).toEqual([3, 0]);
    expect(signal.welcome).toBeUndefined();
    server.last.drop(1006);
    await pass(250);
    expect(signal.state).toBe('open');
    expect(server.handshakes.map(({ protocols }) => protocols.length)).toEqual([3, 0, 0]);
    await started();
    expect(server.handshakes).toHaveLength(4);
    expect(server.handshakes.at(-1)!.protocols).toEqual([]);
  });

  it('is not what a server is that selected something before, nor one that says its status', async () => {
    const signal = await started();
    server.mood = 'refuses';
    server.last.drop(1006);
    await pass(250);
    expect(server.handshakes.map(({ protocols }) => protocols.length)).toEqual([2, 2]);
    signal.close();
    url += 'other';
    server.refusal = { statusCode: 503, headers: {} };
    start();
    await settle();
    expect(server.handshakes.map(({ protocols }) => protocols.length)).toEqual([2, 2, 2]);
  });

  it('is forgotten once it says why it closes', async () => {
    server.best = '';
    await started();
    server.best = 'cairn-signal.v2';
    server.last.drop(1001, 'restart; retry in 2 s');
    await pass(2000);
    expect(server.handshakes.map(({ protocols }) => protocols.length)).toEqual([2, 0, 2]);
    expect(signals[0].welcome).toBeDefined();
  });
});

describe('a topic', () => {
  it('tells who is here, who comes, changes and leaves', async () => {
    const ada = (await started()).join('t', { presence: true, data: bytes('Ada') });
    const seen = watch(ada, 'joined', 'changed', 'left', 'count');
    await ada.ready;
    const other = await started();
    const bob = other.join('t', { presence: true, data: bytes('Bob') });
    await bob.ready;
    await settle();
    expect([...bob.members.values()].map(({ data }) => text(data!))).toEqual(['Ada']);
    expect([...ada.members.keys()]).toEqual([bob.self]);
    expect(ada.count).toBe(2);
    await bob.update(bytes('Bert'));
    bob.leave();
    await settle();
    expect(ada.members.size).toBe(0);
    expect(seen.map(([type, { member }]) => [type, member && text((member as Member).data!)])).toEqual([
      ['count', undefined],
      ['joined', 'Bob'],
      ['count', undefined],
      ['changed', 'Bert'],
      ['left', 'Bert'],
      ['count', undefined],
    ]);
  });

  it('sends to all, or to one, and says to how many', async () => {
    const [a, b, c] = (await Promise.all([started(), started(), started()])).map((signal) =>
      signal.join('t', { presence: true }),
    );
    const [atB, atC] = [watch(b, 'message'), watch(c, 'message')];
    await Promise.all([a.ready, b.ready, c.ready]);
    expect(await a.send(bytes('all'))).toBe(2);
    expect(await a.send(bytes('one'), { to: b.self })).toBe(1);
    expect(await a.send(bytes('gone'), { to: '00'.repeat(8) })).toBe(0);
    await settle();
    expect(atB).toEqual([
      ['message', { payload: bytes('all'), from: a.self, to: undefined }],
      ['message', { payload: bytes('one'), from: a.self, to: b.self }],
    ]);
    expect(atC).toHaveLength(1);
  });

  it('is joined, and sends, once there is a connection, in the order of the calls', async () => {
    const other = (await started()).join('t');
    const seen = watch(other, 'message');
    await other.ready;
    const topic = start().join('t');
    const sent = ['1', '2', '3'].map((content) => topic.send(bytes(content)));
    expect(await Promise.all(sent)).toEqual([1, 1, 1]);
    await settle();
    expect(seen.map(([, { payload }]) => text(payload as Uint8Array))).toEqual(['1', '2', '3']);
  });

  it('keeps what it knows where the server gives only a count', async () => {
    const signal = await started();
    const topic = signal.join('t', { presence: true });
    const other = (await started()).join('t', { presence: true });
    await Promise.all([topic.ready, other.ready]);
    await settle();
    const seen = watch(topic, 'joined', 'left', 'count');
    server.sockets[0].say('Members', { topic: 't', count: 40 });
    await settle();
    expect(topic.count).toBe(40);
    expect([...topic.members.keys()]).toEqual([other.self]);
    server.sockets[0].say('Members', { topic: 't', count: 2, joined: [], self: server.members('t')[0].id });
    await settle();
    expect(seen.map(([type]) => type)).toEqual(['count', 'left', 'count']);
  });

  it.each(['forbidden', 'topic_too_long', 'too_many_topics', 'topic_full'])(
    'ends when the server refuses it with %s',
    async (code) => {
      server.hook = (socket, kind, { id }) => {
        if (kind === 'Subscribe') socket.say('Error', { id, topic: 't', code, message: 'No.', retry: 10 });
        return kind === 'Subscribe';
      };
      const topic = (await started()).join('t');
      const seen = watch(topic, 'ended');
      await expect(topic.ready).rejects.toMatchObject({ code, message: 'No.', retry: 10 });
      await expect(topic.send(bytes('x'))).rejects.toMatchObject({ code });
      await expect(topic.update(bytes('x'))).rejects.toMatchObject({ code });
      expect(seen).toMatchObject([['ended', { error: { code } }]]);
      server.hook = () => {};
      await signals[0].join('t').ready;
    },
  );

  it('ends when a permission ends', async () => {
    const topic = (await started()).join('t');
    await topic.ready;
    const seen = watch(topic, 'ended');
    server.last.say('Error', { topic: 't', code: 'forbidden', message: 'Not any more.' });
    await settle();
    expect(seen).toMatchObject([['ended', { error: { code: 'forbidden' } }]]);
  });

  it('is joined once at a time, and can be left and joined again', async () => {
    const signal = await started();
    const topic = signal.join('t');
    expect(() => signal.join('t')).toThrow('This topic is joined already.');
    topic.leave();
    topic.leave();
    await expect(topic.ready).rejects.toMatchObject({ code: 'left' });
    await expect(topic.send(bytes('x'))).rejects.toMatchObject({ code: 'left' });
    await signal.join('t').ready;
    await settle();
    expect(server.members('t')).toHaveLength(1);
  });

  it('sends nothing over the limit of the server', async () => {
    const topic = (await started()).join('t');
    await expect(topic.send(new Uint8Array(65_536))).rejects.toMatchObject({
      code: 'message_too_large',
      message: 'The server takes no message over 65536 bytes.',
    });
    expect(server.asked.map(([kind]) => kind)).not.toContain('Relay');
  });

  it('on a server of v1 has no members, and sends without an answer', async () => {
    server.best = 'cairn-signal';
    const signal = await started();
    const topic = signal.join('t', { presence: true, data: bytes('me') });
    await topic.ready;
    const other = (await started()).join('t');
    const seen = watch(other, 'message');
    await other.ready;
    expect(await topic.send(bytes('x'))).toBeUndefined();
    await settle();
    expect(seen).toEqual([['message', { payload: bytes('x'), from: undefined, to: undefined }]]);
    expect(server.asked.map(([, fields]) => fields)).toEqual([
      { topic: 't' },
      { topic: 't' },
      { topic: 't', payload: Buffer.from('x') },
    ]);
    await expect(signal.ping()).rejects.toMatchObject({ code: 'unsupported' });
    expect(await signal.iceServers()).toEqual([]);
  });
});

describe('the server', () => {
  it('is asked for ICE servers where it has some', async () => {
    expect(await (await started()).iceServers()).toEqual([]);
    server.welcome = { ...server.welcome, features: ['ice'] };
    const signal = await started();
    for (let i = 0; i < 3; i++) expect(await signal.iceServers()).toEqual([{ urls: ['stun:stun.example.com'] }]);
    const asked = (): number => server.asked.filter(([kind]) => kind === 'IceServers').length;
    expect(asked()).toBe(1);
    // Half of their time is over.
    await pass(1_800_001);
    await signal.iceServers();
    expect(asked()).toBe(2);
  });

  it('answers pings, and gets its own answered', async () => {
    const signal = await started();
    expect(await signal.ping()).toBe(0);
    server.last.say('Ping', { id: 7 });
    server.last.say('Ping', {});
    await settle();
    expect(server.asked.slice(-2)).toEqual([
      ['Pong', { id: 7 }],
      ['Pong', {}],
    ]);
  });

  it.each([
    ['no CBOR', new Uint8Array([0xff])],
    ['text', 'hello'],
    ['a number as text', '20000'],
    ['a bare text', new Uint8Array([0x61, 0x61])],
    ['an empty map', new Uint8Array([0xa0])],
    ['a Relay without a payload', { Relay: { topic: 't' } }],
    ['a Relay with text', { Relay: { topic: 't', payload: 'x' } }],
    ['a sender that is a number', { Relay: { topic: 't', payload: Buffer.from('x'), from: 1 } }],
    ['members that are none', { Members: { topic: 't', count: 2, joined: 7 } }],
    ['a member without an id', { Members: { topic: 't', count: 2, joined: [{}] } }],
    ['a member with text as data', { Members: { topic: 't', count: 2, joined: [{ id: Buffer.alloc(8), data: 'x' }] } }],
    ['a count as text', { Members: { topic: 't', count: '2', joined: [] } }],
    ['a Drain with text', { Drain: { retry: '5' } }],
    ['members without a count', { Members: { topic: 't', joined: [] } }],
    ['a second Welcome of nothing', { Welcome: {} }],
  ])('that says %s is reported, and kept', async (_what, garbage) => {
    const signal = await started();
    const topic = signal.join('t', { presence: true });
    await topic.ready;
    const seen = watch(signal, 'error', 'down');
    const messages = watch(topic, 'message');
    const { Encoder } = await import('cbor-x');
    const isRaw = garbage instanceof Uint8Array || typeof garbage === 'string';
    server.last.raw(isRaw ? garbage : new Encoder({ useRecords: false, variableMapSize: true }).encode(garbage));
    await settle();
    expect(seen).toMatchObject([
      ['error', { error: { code: 'malformed', message: 'The server sent what no server sends.' } }],
    ]);
    expect(messages).toEqual([]);
    expect(await signal.ping()).toBe(0);
  });

  it('may say what this client does not know', async () => {
    const signal = await started();
    const seen = watch(signal, 'error', 'down');
    server.last.say('Weather', { sunny: true });
    server.last.say('Ack', { id: 4711 });
    server.last.say('Relay', { topic: 'elsewhere', payload: Buffer.from('x') });
    server.last.say('Members', { topic: 'elsewhere', count: 1 });
    await settle();
    expect(seen).toEqual([]);
  });

  it('tells of an error that nobody asked for', async () => {
    const signal = await started();
    const seen = watch(signal, 'error');
    server.last.say('Error', { code: 'malformed', message: 'What?' });
    await settle();
    expect(seen).toMatchObject([['error', { error: { code: 'malformed', message: 'What?' } }]]);
  });
});

describe('a connection that ends', () => {
  it.each([
    [1000, ''],
    [1001, ''],
    [1005, ''],
    [1006, ''],
    [1011, 'internal error; retry with backoff'],
    [1012, ''],
    [1013, ''],
    [4001, 'token expired; come back with a new one'],
    [4002, 'closed by the operator; come back with backoff'],
    [4003, ''],
    [4008, 'slow consumer'],
    [4009, 'no pong within 10 s'],
    [4010, ''],
    [4499, ''],
  ])('with %d comes back, and joins again with data', async (code, reason) => {
    const signal = await started();
    const topic = signal.join('t', { presence: true, data: bytes('1') });
    await topic.ready;
    await topic.update(bytes('2'));
    const seen = watch(signal, 'down', 'open');
    server.last.drop(code, reason);
    await settle();
    expect(signal.state).toBe('connecting');
    await pass(249);
    expect(server.sockets).toHaveLength(1);
    await pass(1);
    expect(seen).toEqual([
      ['down', { code, reason, final: false }],
      ['open', {}],
    ]);
    expect(server.members('t').map(({ data }) => text(data!))).toEqual(['2']);
  });

  it.each([1002, 1003, 1007, 1008, 1009, 1010, 4500, 4999])('with %d is over', async (code) => {
    const signal = await started();
    const topic = signal.join('t');
    await topic.ready;
    const seen = watch(signal, 'down');
    const ended = watch(topic, 'ended');
    server.last.drop(code, 'a reason for people');
    await pass(60_000);
    expect(signal.state).toBe('closed');
    expect(seen).toEqual([['down', { code, reason: 'a reason for people', final: true }]]);
    expect(ended).toMatchObject([['ended', { error: { code: 'closed', message: 'a reason for people' } }]]);
    await expect(topic.send(bytes('x'))).rejects.toMatchObject({ code: 'closed' });
    await expect(signal.ping()).rejects.toMatchObject({ code: 'closed' });
    expect(() => signal.join('u')).toThrow('a reason for people');
    expect(server.sockets).toHaveLength(1);
  });

  it('for a restart comes back when the server said', async () => {
    await started();
    server.last.drop(1001, 'restart; retry in 3.5 s');
    await pass(3499);
    expect(server.sockets).toHaveLength(1);
    await pass(1);
    expect(server.sockets).toHaveLength(2);
  });

  it('for a restart at once, again and again, comes back ever more slowly', async () => {
    await started();
    for (let i = 0; i < 1000; i++) {
      server.last.drop(1001, 'restart; retry in 0 s');
      await pass(10);
    }
    // Of 10 s: after 0.25 s, 0.5 s, 1 s, 2 s, 4 s, with Math.random at 0.5.
    expect(server.sockets.length).toBeLessThan(8);
  });

  it('comes back after a random part of 0.5 s, 1 s, ... 30 s, and after 0.5 s once it had lasted', async () => {
    await started();
    server.mood = 'refuses';
    server.last.drop(1006);
    const delays: number[] = [];
    let before = 1;
    for (let ms = 0; delays.length < 9; ms += 125) {
      await pass(125);
      if (server.sockets.length === before) continue;
      before = server.sockets.length;
      delays.push(ms + 125);
    }
    expect(delays.map((at, i) => at - (delays[i - 1] ?? 0))).toEqual([
      250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000,
    ]);
    server.mood = 'open';
    await pass(15_000);
    expect(signals[0].state).toBe('open');
    await pass(30_001);
    server.last.drop(1006);
    await pass(250);
    expect(signals[0].state).toBe('open');
  });

  it('at once, again and again, is not made again at once', async () => {
    await started({ backoff: { first: 100, most: 400 } });
    const opened = (): number => server.sockets.length;
    const delays: number[] = [];
    for (let i = 0; i < 4; i++) {
      const before = opened();
      server.last.drop(1011);
      let ms = 0;
      while (opened() === before) {
        await pass(10);
        ms += 10;
      }
      delays.push(ms);
    }
    expect(delays).toEqual([50, 100, 200, 200]);
  });

  it('leaves what was not answered unknown', async () => {
    server.hook = (_socket, kind) => kind === 'Relay' || kind === 'Ping';
    const signal = await started();
    const topic = signal.join('t');
    await topic.ready;
    const sent = topic.send(bytes('x'));
    const pinged = signal.ping();
    await settle();
    server.last.drop(1006);
    await expect(sent).rejects.toMatchObject({
      code: 'unknown',
      message: 'The connection went before the answer came.',
    });
    await expect(pinged).rejects.toMatchObject({ code: 'unknown' });
    await expect(sent).rejects.toBeInstanceOf(SignalError);
  });

  it('shows who left and who came meanwhile, and never itself', async () => {
    const ada = (await started()).join('t', { presence: true });
    const others = await Promise.all([started(), started()]);
    const [bob, eve] = others.map((signal) => signal.join('t', { presence: true }));
    await settle();
    expect(new Set(ada.members.keys())).toEqual(new Set([bob.self, eve.self]));
    const seen = watch(ada, 'joined', 'left');
    const ghost = { id: Buffer.from(ada.self!, 'hex') };
    server.sockets[0].drop(1006);
    others[0].close();
    const dan = (await started()).join('t', { presence: true });
    await dan.ready;
    server.hook = (socket, kind, { id }) => {
      if (kind !== 'Subscribe') return false;
      // The server does not know yet that the old connection is dead.
      const joined = [...server.members('t').map((seat) => ({ id: seat.id })), ghost];
      socket.say('Members', { topic: 't', count: joined.length + 1, self: Buffer.alloc(8, 9), joined });
      socket.say('Ack', { id });
      return true;
    };
    await pass(250);
    expect(ada.self).toBe('09'.repeat(8));
    expect(seen.map(([type, { member }]) => [type, (member as Member).id])).toEqual([
      ['joined', dan.self],
      ['left', bob.self],
    ]);
    expect(ada.members.has(eve.self!)).toBe(true);
    expect(ada.members.has(bob.self!)).toBe(false);
    expect(ada.members.has(ghost.id.toString('hex'))).toBe(false);
  });

  it('is not told of what comes after it', async () => {
    const signal = await started();
    const topic = signal.join('t');
    await topic.ready;
    const seen = watch(topic, 'message');
    const old = server.last;
    signal.close();
    old.readyState = 1;
    old.say('Relay', { topic: 't', payload: Buffer.from('x') });
    await settle();
    expect(seen).toEqual([]);
    old.readyState = 3;
  });

  it('lets a bounded number of requests wait', async () => {
    server.mood = 'hangs';
    const topic = start().join('t');
    const sent = Array.from({ length: 1025 }, () => topic.send(bytes('x')));
    await expect(sent.at(-1)).rejects.toMatchObject({ code: 'busy' });
    signals[0].close();
    expect((await Promise.allSettled(sent)).filter(({ status }) => status === 'rejected')).toHaveLength(1025);
    await expect(sent[0]).rejects.toMatchObject({ code: 'closed', message: 'The connection was closed.' });
  });
});

describe('a drain', () => {
  /** A topic of a peer that speaks, and one that hears, on other connections. */
  async function stage(): Promise<{ signal: Signal; send: (content: string) => void; heard: () => string[] }> {
    const signal = await started();
    const topic = signal.join('t', { presence: true });
    const speaker = (await started()).join('t');
    await Promise.all([topic.ready, speaker.ready]);
    const seen = watch(topic, 'message');
    return {
      signal,
      send: (content) => void speaker.send(bytes(content)),
      heard: () => seen.map(([, { payload }]) => text(payload as Uint8Array)),
    };
  }

  it('is left for a new connection, which nobody notices', async () => {
    const { signal, send, heard } = await stage();
    const seen = watch(signal, 'down', 'open', 'drain');
    const [old] = server.sockets;
    old.say('Drain', { retry: 40 });
    await pass(289);
    expect(server.sockets).toHaveLength(2);
    send('1');
    await pass(1);
    send('2');
    await settle();
    expect(server.sockets).toHaveLength(3);
    expect(old.readyState).toBe(3);
    send('3');
    await pass(10_000);
    expect(heard()).toEqual(['1', '2', '3']);
    expect(seen).toEqual([
      ['drain', { retry: 40 }],
      ['open', {}],
    ]);
    expect(signal.state).toBe('open');
    expect(server.members('t')).toHaveLength(2);
  });

  it('neither loses nor doubles what comes on both connections, whichever is faster', async () => {
    const { heard } = await stage();
    const [old] = server.sockets;
    const relay = (content: string) => ({ topic: 't', payload: Buffer.from(content), from: Buffer.alloc(8, 1) });
    let leave: (() => void) | undefined;
    server.hook = (socket, kind, { id }) => {
      if (socket !== old || kind !== 'Unsubscribe') return false;
      // Both are joined now.
      old.say('Relay', relay('a'));
      old.say('Relay', relay('b'));
      server.last.say('Relay', relay('a'));
      server.last.say('Relay', relay('b'));
      server.last.say('Relay', relay('c'));
      server.last.say('Relay', relay('c'));
      leave = () => {
        old.say('Relay', relay('c'));
        old.say('Relay', relay('c'));
        old.say('Relay', relay('late'));
        old.say('Ack', { id });
      };
      return true;
    };
    old.say('Drain', { retry: 0 });
    await pass(250);
    server.hook = () => {};
    leave!();
    await settle();
    server.last.say('Relay', relay('late'));
    server.last.say('Relay', relay('d'));
    await pass(1000);
    expect(heard()).toEqual(['a', 'b', 'c', 'c', 'late', 'd']);
    await pass(1001);
    server.last.say('Relay', relay('d'));
    await settle();
    expect(heard().at(-1)).toBe('d');
    expect(heard()).toHaveLength(7);
  });

  describe('tells what comes on both connections once', () => {
    const relay = (content: string, from = 1) => ({
      topic: 't',
      payload: Buffer.from(content),
      ...(from && { from: Buffer.alloc(8, from) }),
    });
    /** What comes on the old connection and on the new one, as `old:content/sender` or `new:...`. */
    const play = async (script: string): Promise<void> => {
      const [old] = server.sockets;
      for (const [, which, content, from] of script.matchAll(/(old|new):(\w+)\/(\d)/g)) {
        (which === 'old' ? old : server.last).say('Relay', relay(content, Number(from)));
      }
      await settle();
    };

    /** A hand-over that is in the middle: both connections are on the topic. `leave` ends it. */
    async function middle(): Promise<{ heard: () => string; leave: () => Promise<void> }> {
      const { heard } = await stage();
      const [old] = server.sockets;
      let leave: (() => void) | undefined;
      server.hook = (socket, kind, { id }) => {
        const isLast = socket === old && kind === 'Ping' && server.last !== old && server.members('t').length === 3;
        if (isLast) leave = () => old.say('Pong', { id });
        return isLast || (socket === old && kind === 'Unsubscribe');
      };
      old.say('Drain', { retry: 0 });
      await pass(250);
      expect(leave).toBeDefined();
      return {
        heard: () => heard().join(' '),
        leave: async () => {
          server.hook = () => {};
          leave!();
          await settle();
          expect(old.readyState).toBe(3);
        },
      };
    }

    it.each([
      ['a message', 'old:a/1 new:a/1', 'a'],
      ['one that the new connection has first', 'new:a/1 old:a/1', 'a'],
      ['equal ones, as often as they were sent', 'old:a/1 old:a/1 new:a/1 new:a/1', 'a a'],
      ['equal ones that come in turns', 'old:a/1 new:a/1 new:a/1 old:a/1 old:a/1 new:a/1', 'a a a'],
      ['equal ones of several members', 'old:a/1 old:a/2 new:a/2 new:a/1', 'a a'],
      ['equal ones of somebody who is no member', 'old:a/0 old:a/1 new:a/1 new:a/0', 'a a'],
      ['one that only the new connection has', 'old:a/1 new:a/1 new:a/1', 'a a'],
    ])('%s', async (_what, script, told) => {
      const { heard, leave } = await middle();
      await play(script);
      expect(heard()).toBe(told);
      await leave();
      expect(heard()).toBe(told);
    });

    it('where the copy comes up to 2 s later', async () => {
      const { heard, leave } = await middle();
      await play('old:a/1 old:a/1');
      await leave();
      await pass(1990);
      await play('new:a/1 new:a/1');
      expect(heard()).toBe('a a');
      await play('new:a/1');
      expect(heard()).toBe('a a a');
      await pass(11);
      await play('new:a/1');
      expect(heard()).toBe('a a a a');
    });

    it('however many there are', async () => {
      const { heard, leave } = await middle();
      const all = Array.from({ length: 3000 }, (_, i) => `m${i}`);
      await play(all.map((content) => `old:${content}/1`).join(' '));
      await leave();
      await play(all.map((content) => `new:${content}/1`).join(' '));
      expect(heard()).toBe(all.join(' '));
    });

    it('and where memory ends, tells the last ones twice rather than not at all', async () => {
      const { heard, leave } = await middle();
      const all = Array.from({ length: 1500 }, (_, i) => `m${i}_`.padEnd(4096, 'x'));
      await play(all.map((content) => `old:${content}/1`).join(' '));
      await leave();
      await play(all.map((content) => `new:${content}/1`).join(' '));
      const twice = heard().split(' ').slice(all.length);
      expect(twice.length).toBeGreaterThan(400);
      expect(twice.length).toBeLessThan(600);
      expect(twice).toEqual(all.slice(-twice.length));
    });

    it('but all that is for this member alone, which has another id on each connection', async () => {
      const { heard } = await middle();
      for (const socket of [server.sockets[0], server.last]) socket.say('Relay', { ...relay('a'), to: true });
      await settle();
      expect(heard()).toBe('a a');
    });

    it('and never what this member has sent', async () => {
      const { heard, leave } = await middle();
      const { id } = server.members('t').find(({ socket }) => socket === server.sockets[0])!;
      server.last.say('Relay', { ...relay('a'), from: id });
      await leave();
      server.last.say('Relay', { ...relay('a'), from: id });
      await settle();
      expect(heard()).toBe('');
    });

    it('and an equal one that was sent well before it', async () => {
      const { send, heard } = await stage();
      server.sockets[0].say('Drain', { retry: 300 });
      await pass(100);
      send('a');
      await pass(450);
      send('a');
      await pass(10);
      expect(server.sockets[0].readyState).toBe(3);
      expect(heard()).toEqual(['a', 'a']);
    });

    it('and after a loss, where nothing comes twice, all of it', async () => {
      const { heard, leave } = await middle();
      await play('old:a/1');
      await leave();
      server.last.drop(1006);
      await pass(1000);
      await play('new:a/1 new:a/1');
      server.last.drop(1006);
      await pass(1000);
      await play('new:a/1');
      expect(heard()).toBe('a a a a');
    });

    it('and all of it where the old connection is lost before topics are joined on the new one', async () => {
      const { send, heard } = await stage();
      server.sockets[0].say('Drain', { retry: 0 });
      await settle();
      send('a');
      await settle();
      server.sockets[0].drop(1006);
      await pass(250);
      send('a');
      await settle();
      expect(heard()).toEqual(['a', 'a']);
    });
  });

  it('holds what is sent meanwhile, so that it neither comes back nor goes twice', async () => {
    const signal = await started();
    const topic = signal.join('t', { presence: true });
    const listener = (await started()).join('t');
    await Promise.all([topic.ready, listener.ready]);
    const [echoes, heard] = [watch(topic, 'message'), watch(listener, 'message')];
    const [old] = server.sockets;
    const answers: (number | undefined)[] = [];
    let n = 0;
    const send = (): void => void topic.send(bytes(String(++n))).then((to) => answers.push(to));
    server.hook = (socket, kind) => {
      if (socket === old || socket === server.last) if (kind !== 'Relay' && n < 50) send();
      return false;
    };
    send();
    old.say('Drain', { retry: 0 });
    await pass(250);
    await pass(3000);
    expect(n).toBeGreaterThan(3);
    expect(echoes).toEqual([]);
    expect(heard.map(([, { payload }]) => Number(text(payload as Uint8Array)))).toEqual(
      Array.from({ length: n }, (_, i) => i + 1),
    );
    expect(answers).toEqual(Array.from({ length: n }, () => 1));
  });

  it('is survived by what is joined and left meanwhile', async () => {
    const { signal } = await stage();
    const [old] = server.sockets;
    let joined = false;
    server.hook = (socket, kind) => {
      if (kind === 'Subscribe' && socket !== old && !joined) {
        joined = true;
        signal.join('u');
      }
      return false;
    };
    old.say('Drain', { retry: 0 });
    await pass(250);
    expect(server.members('u').map(({ socket }) => socket)).toEqual([server.last]);
    expect(old.readyState).toBe(3);
  });

  it('is waited for, while the server cannot be reached', async () => {
    const { signal, send, heard } = await stage();
    const seen = watch(signal, 'down');
    server.mood = 'refuses';
    server.sockets[0].say('Drain', { retry: 0 });
    await pass(950);
    send('still here');
    await settle();
    expect(heard()).toEqual(['still here']);
    expect(signal.state).toBe('open');
    server.mood = 'open';
    await pass(2500);
    expect(seen).toEqual([]);
    expect(server.sockets[0].readyState).toBe(3);
  });

  it('that ends before the new connection is there is a connection that ends', async () => {
    const { signal } = await stage();
    const seen = watch(signal, 'down', 'open');
    server.mood = 'hangs';
    server.sockets[0].say('Drain', { retry: 0 });
    await pass(260);
    server.sockets[0].drop(1001, 'restart; retry in 1 s');
    await settle();
    expect(signal.state).toBe('connecting');
    server.mood = 'open';
    await pass(11_000);
    expect(seen.map(([type]) => type)).toEqual(['down', 'open']);
  });
});

describe('silence', () => {
  it('longer than the heartbeat is probed, and a connection that does not answer is renewed', async () => {
    const signal = await started();
    const topic = signal.join('t');
    await topic.ready;
    const seen = watch(signal, 'down', 'open');
    await pass(31_000);
    expect(server.asked.filter(([kind]) => kind === 'Ping')).toHaveLength(1);
    await pass(31_000);
    expect(server.asked.filter(([kind]) => kind === 'Ping')).toHaveLength(2);
    expect(server.sockets).toHaveLength(1);
    server.hook = (socket) => socket === server.sockets[0];
    await pass(32_010);
    expect(server.sockets).toHaveLength(2);
    expect(server.sockets[0].readyState).toBe(3);
    expect(server.members('t').map(({ socket }) => socket)).toEqual([server.last]);
    expect(seen).toEqual([['open', {}]]);
  });

  it('is none while something comes', async () => {
    await started();
    for (let i = 0; i < 10; i++) {
      await pass(20_000);
      server.last.say('Relay', { topic: 'x', payload: Buffer.alloc(1) });
    }
    expect(server.asked).toEqual([]);
  });

  it.each([0, 2 ** 32 - 1])('is not watched with a heartbeat of %d', async (heartbeat) => {
    server.welcome = { ...server.welcome, heartbeat };
    await started();
    await pass(3_600_000);
    expect(server.asked).toEqual([]);
  });
});

describe('waking up', () => {
  const page = new EventTarget();
  let hidden = false;

  beforeEach(() => {
    hidden = false;
    Object.assign(globalThis, {
      addEventListener: page.addEventListener.bind(page),
      document: {
        get hidden() {
          return hidden;
        },
      },
    });
  });
  afterEach(() => {
    Reflect.deleteProperty(globalThis, 'addEventListener');
    Reflect.deleteProperty(globalThis, 'document');
  });
  const happen = (type: string, fields: object = {}): boolean =>
    page.dispatchEvent(Object.assign(new Event(type), fields));

  it.each([
    ['online', {}],
    ['visibilitychange', {}],
    ['pageshow', { persisted: true }],
  ])('on %s finds a dead connection within 2 s', async (type, fields) => {
    const signal = await started();
    await signal.join('t').ready;
    server.hook = (socket) => socket === server.sockets[0];
    happen(type, fields);
    await pass(1000);
    await pass(100);
    expect(server.members('t').map(({ socket }) => socket)).toContain(server.sockets[1]);
    expect(signal.state).toBe('open');
    expect(server.sockets[0].readyState).toBe(3);
  });

  it('keeps a connection that answers', async () => {
    await started();
    happen('online');
    await pass(5000);
    expect(server.sockets).toHaveLength(1);
  });

  it.each([
    ['visibilitychange', {}],
    ['pageshow', { persisted: false }],
  ])('on %s of a page that is hidden, or new, does nothing', async (type, fields) => {
    hidden = true;
    await started();
    happen(type, fields);
    await settle();
    expect(server.asked).toEqual([]);
  });

  it('ends the pause between two attempts', async () => {
    server.mood = 'refuses';
    const signal = start();
    await pass(100_000);
    server.mood = 'open';
    happen('visibilitychange');
    await settle();
    expect(signal.state).toBe('open');
  });

  it('ends a handshake that hangs, with the network', async () => {
    server.mood = 'hangs';
    const signal = start();
    await settle();
    server.mood = 'open';
    happen('online');
    await pass(0);
    expect(signal.state).toBe('open');
  });

  it('renews a connection of v1, which cannot be probed, with the network', async () => {
    server.best = 'cairn-signal';
    const signal = await started();
    happen('visibilitychange');
    await pass(2000);
    expect(server.sockets).toHaveLength(1);
    happen('online');
    await pass(250);
    expect(server.sockets).toHaveLength(2);
    expect(signal.state).toBe('open');
  });

  it('is not listened for after close', async () => {
    const add = jest.fn(globalThis.addEventListener);
    Object.assign(globalThis, { addEventListener: add });
    const signal = await started();
    expect(add).toHaveBeenCalledTimes(3);
    signal.close();
    expect(add.mock.calls.map(([, , options]) => (options as { signal: AbortSignal }).signal.aborted)).toEqual([
      true,
      true,
      true,
    ]);
  });
});

describe('bad input', () => {
  const garbage = { error: { code: 'malformed', message: 'The server sent what no server sends.' } };

  it.each([
    ['a number', 7],
    ['an object', { token: 'x' }],
    ['true', true],
  ])('a function for tokens that gives %s is reported, and nothing is asked with it', async (_what, token) => {
    const signal = start({ token: () => token as never });
    const seen = watch(signal, 'error');
    await settle();
    expect(seen).toMatchObject([
      ['error', { error: { code: 'bad_token', message: 'The function for tokens gave no text.' } }],
    ]);
    expect(server.sockets).toEqual([]);
  });

  it.each([null, undefined, ''])('a function for tokens that gives %j gives none', async (token) => {
    await started({ token: () => token as never });
    expect(server.handshakes[0].protocols).toEqual(['cairn-signal.v2', 'cairn-signal']);
  });

  it.each([
    ['rejects', () => Promise.reject(new Error('not signed in'))],
    ['rejects with nothing', () => Promise.reject(undefined as never)],
  ])('a function for tokens that %s is reported, and asked again', async (_what, failing) => {
    let asked = 0;
    const signal = start({ token: () => (++asked === 1 ? failing() : 'token') });
    const seen = watch(signal, 'error');
    await settle();
    expect(seen).toHaveLength(1);
    await pass(250);
    expect(signal.state).toBe('open');
  });

  it.each([
    ['a heartbeat below zero', { heartbeat: -1 }],
    ['a heartbeat that is a fraction', { heartbeat: 0.5 }],
    ['a heartbeat of 1e300', { heartbeat: 1e300 }],
    ['a heartbeat that is not a number', { heartbeat: NaN }],
    ['a heartbeat that is text', { heartbeat: '30000' }],
    ['a heartbeat that is null', { heartbeat: null }],
    ['no limits', { limits: undefined }],
    ['limits that are null', { limits: null }],
    ['features that are text', { features: 'ice' }],
  ])('a Welcome with %s is reported, and no handshake', async (_what, more) => {
    server.welcome = { ...server.welcome, ...more };
    const signal = start();
    const seen = watch(signal, 'error', 'open');
    await pass(9000);
    expect(seen).toMatchObject([['error', garbage]]);
    expect(signal.state).toBe('connecting');
    await pass(1000);
    // It may still speak v1.
    expect(server.handshakes.map(({ protocols }) => protocols.length)).toEqual([2, 0]);
    expect(server.open).toBe(1);
    expect(signal.welcome).toBeUndefined();
  });

  it.each([
    ['a heartbeat of 1 ms', { heartbeat: 1 }],
    ['the longest heartbeat', { heartbeat: 2 ** 32 - 1 }],
    ['the highest limits', { limits: { message: 2 ** 32 - 1 } }],
    ['limits that are text', { limits: { message: 'many' } }],
  ])('a Welcome with %s is lived with', async (_what, more) => {
    server.welcome = { ...server.welcome, ...more };
    const signal = await started();
    const topic = signal.join('t');
    expect(await topic.send(bytes('x'))).toBe(0);
    await pass(60_000);
    expect(signal.state).toBe('open');
    // At most one sign of life a second.
    expect(server.asked.filter(([kind]) => kind === 'Ping').length).toBeLessThanOrEqual(60);
  });

  it('an answer that comes twice, to nothing, or of another kind settles nothing twice', async () => {
    const signal = await started();
    const topic = signal.join('t');
    await topic.ready;
    const seen = watch(signal, 'error', 'down');
    server.hook = (socket, kind, { id }) => {
      if (kind !== 'Relay') return false;
      socket.say('Ack', { id, to: 3 });
      socket.say('Ack', { id, to: 4 });
      socket.say('Error', { id, code: 'forbidden', message: 'No.' });
      socket.say('Ack', { id: 99, to: 1 });
      return true;
    };
    expect(await topic.send(bytes('x'))).toBe(3);
    await settle();
    expect(seen).toMatchObject([['error', { error: { code: 'forbidden' } }]]);
    expect(await signal.ping()).toBe(0);
  });

  it.each([
    ['an Error without a code', 'Error', {}],
    ['an Error whose code is a number', 'Error', { code: 7, message: 'x' }],
    ['an Error whose message is bytes', 'Error', { code: 'x', message: Buffer.from('x') }],
    ['an Error whose wait is text', 'Error', { code: 'x', message: 'x', retry: 'later' }],
    ['a count that is text', 'Ack', { to: 'all' }],
  ])('%s as an answer rejects the call', async (_what, kind, fields) => {
    const signal = await started();
    const topic = signal.join('t');
    await topic.ready;
    server.hook = (socket, asked, { id }) => {
      if (asked === 'Relay') socket.say(kind, { id, ...fields });
      return asked === 'Relay';
    };
    await expect(topic.send(bytes('x'))).rejects.toMatchObject(garbage.error);
  });

  it.each([
    ['an Ack', 'Ack', {}],
    ['a ttl that is text', 'IceServers', { ttl: 'x', servers: [] }],
    ['no ttl', 'IceServers', { servers: [] }],
    ['servers that are none', 'IceServers', { ttl: 60, servers: { urls: 'turn:x' } }],
  ])('ICE servers with %s are refused, and asked for again', async (_what, kind, fields) => {
    server.welcome = { ...server.welcome, features: ['ice'] };
    const signal = await started();
    server.hook = (socket, asked, { id }) => {
      if (asked === 'IceServers') socket.say(kind, { id, ...fields });
      return asked === 'IceServers';
    };
    await expect(signal.iceServers()).rejects.toMatchObject(garbage.error);
    server.hook = () => {};
    expect(await signal.iceServers()).toEqual([{ urls: ['stun:stun.example.com'] }]);
  });

  it('members that are listed twice, or join twice, are told once; those who leave twice, too', async () => {
    const topic = (await started()).join('t', { presence: true });
    await topic.ready;
    const seen = watch(topic, 'joined', 'changed', 'left');
    const id = Buffer.alloc(8, 5);
    const say = (fields: object): void => server.last.say('Members', { topic: 't', count: 2, ...fields });
    say({ joined: [{ id }, { id }] });
    say({ joined: [{ id }] });
    say({ joined: [{ id }], left: [Buffer.alloc(8, 6)] });
    say({ left: [id, id] });
    say({ left: [id] });
    await settle();
    expect(seen.map(([type]) => type)).toEqual(['joined', 'left']);
    expect(topic.members.size).toBe(0);
  });

  it('a message of a topic that was never joined, or was left, is told to nobody', async () => {
    const signal = await started();
    const topic = signal.join('t');
    await topic.ready;
    const seen = [watch(topic, 'message', 'count'), watch(signal, 'error')];
    topic.leave();
    for (const name of ['t', 'u', '']) {
      server.last.say('Relay', { topic: name, payload: Buffer.from('x'), from: Buffer.alloc(8), to: true });
      server.last.say('Members', { topic: name, count: 3, joined: [{ id: Buffer.alloc(8) }] });
    }
    await settle();
    expect(seen).toEqual([[], []]);
  });

  it.each([
    ['a wait below zero', { retry: -5 }],
    ['a wait that is text', { retry: 'soon' }],
    ['no wait', {}],
  ])('a Drain with %s is reported, and the connection kept', async (_what, fields) => {
    const signal = await started();
    const seen = watch(signal, 'error', 'drain');
    server.last.say('Drain', fields);
    await pass(5000);
    expect(seen).toMatchObject([['error', garbage]]);
    expect(server.sockets).toHaveLength(1);
  });

  it.each(['restart; retry in . s', 'restart; retry in 1.2.3 s', 'restart; retry in -1 s'])(
    'a close with "%s" comes back with backoff',
    async (reason) => {
      await started();
      server.last.drop(1001, reason);
      await pass(249);
      expect(server.sockets).toHaveLength(1);
      await pass(1);
      expect(server.sockets).toHaveLength(2);
    },
  );

  const states: [string, (signal: Signal) => Promise<unknown> | void][] = [
    ['open', (signal) => void signal],
    ['down', () => server.last.drop(1006)],
    ['drain', () => server.last.say('Drain', { retry: 0 })],
    ['error', () => server.last.raw('garbage')],
  ];
  it.each(states)('close() in a listener for %s leaves nothing', async (type, happen) => {
    const signal = start();
    const topic = signal.join('t', { presence: true });
    const seen = watch(topic, 'ended');
    signal.addEventListener(type as 'open', () => signal.close());
    await settle();
    await happen(signal);
    await pass(5000);
    expect(signal.state).toBe('closed');
    expect(seen).toMatchObject([['ended', { error: { code: 'closed' } }]]);
    expect(server.open).toBe(0);
    expect(jest.getTimerCount()).toBe(0);
    expect(() => signal.close()).not.toThrow();
  });

  it('close() in a listener for refused leaves nothing', async () => {
    server.mood = 'refuses';
    const signal = start();
    signal.addEventListener('refused', () => signal.close());
    await pass(60_000);
    expect(signal.state).toBe('closed');
    expect(server.sockets.length).toBeLessThanOrEqual(2);
  });

  it.each(['ready', 'joined', 'message', 'count', 'changed', 'left', 'ended'] as const)(
    'close(), or leave(), in a listener for %s leaves nothing',
    async (type) => {
      for (const what of ['close', 'leave'] as const) {
        const signal = await started();
        const topic = signal.join(`t-${what}`, { presence: true });
        topic.addEventListener(type, () => (what === 'close' ? signal.close() : topic.leave()));
        await settle();
        const other = (await started()).join(`t-${what}`, { presence: true });
        await other.ready;
        await other.send(bytes('x'));
        await other.update(bytes('new'));
        other.leave();
        await settle();
        if (type === 'ended') topic.leave();
        await settle();
        expect(server.members(`t-${what}`)).toEqual([]);
        await expect(topic.send(bytes('x'))).rejects.toMatchObject({ code: /closed|left/ });
      }
    },
  );
});

describe('giving up', () => {
  /** A promise with an abort that comes at once, or later; the listeners that are left. */
  function controller(): { over: AbortController; left: () => number } {
    const over = new AbortController();
    const left = new Set<unknown>();
    const { signal } = over;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    Object.assign(signal, {
      addEventListener: (...call: Parameters<typeof add>) => {
        left.add(call[1]);
        add(...call);
      },
      removeEventListener: (...call: Parameters<typeof remove>) => {
        left.delete(call[1]);
        remove(...call);
      },
    });
    return { over, left: () => left.size };
  }

  it.each(['send', 'ping', 'iceServers'] as const)(
    'works at %s, with and without a connection, and leaves nothing',
    async (what) => {
      for (const mood of ['open', 'hangs'] as const) {
        server.mood = mood;
        server.welcome = { ...server.welcome, features: ['ice'] };
        server.hook = (_socket, kind) => kind !== 'Subscribe';
        const signal = start();
        const topic = signal.join('t');
        await settle();
        const { over, left } = controller();
        const call = (): Promise<unknown> =>
          what === 'send' ? topic.send(bytes('x'), { signal: over.signal }) : signal[what]({ signal: over.signal });
        const work = call();
        over.abort(new Error('enough'));
        await expect(work).rejects.toThrow('enough');
        await expect(call()).rejects.toThrow('enough');
        await settle();
        expect(left()).toBe(0);
      }
    },
  );

  it('leaves no listener behind where it was not needed', async () => {
    const signal = await started();
    const { over, left } = controller();
    await signal.ping({ signal: over.signal });
    await settle();
    expect(left()).toBe(0);
  });

  it('does not send what was given up while it waited', async () => {
    server.mood = 'hangs';
    const signal = start();
    const topic = signal.join('t');
    const over = new AbortController();
    const work = topic.send(bytes('x'), { signal: over.signal });
    over.abort();
    await expect(work).rejects.toThrow('aborted');
    server.mood = 'open';
    await pass(11_000);
    expect(server.asked.map(([kind]) => kind)).toEqual(['Subscribe']);
  });

  it.each([
    ['before it began', 'open', 0],
    ['in the handshake', 'hangs', 0],
    ['in a pause', 'refuses', 100],
    ['while a token is awaited', 'token', 0],
    ['once open', 'open', 50],
  ])('closes %s', async (_when, mood, after) => {
    const over = new AbortController();
    if (mood !== 'token') server.mood = mood as 'open';
    const token = mood === 'token' ? () => new Promise<string>(() => {}) : 'token';
    if (after === 0 && mood === 'open') over.abort();
    const signal = start({ signal: over.signal, token });
    await pass(after);
    over.abort();
    expect(signal.state).toBe('closed');
    await pass(60_000);
    expect(server.open).toBe(0);
    expect(server.sockets.length).toBeLessThan(4);
  });

  it.each([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])('closes in the middle of a hand-over, after %d turns', async (turns) => {
    const signal = await started();
    await signal.join('t').ready;
    server.last.say('Drain', { retry: 0 });
    await settle();
    jest.advanceTimersByTime(250);
    for (let i = 0; i < turns; i++) await Promise.resolve();
    signal.close();
    await pass(5000);
    expect(server.open).toBe(0);
    expect(jest.getTimerCount()).toBe(0);
  });
});
