/** Time passes only where a test says so, which Jest's own loading can do: @own-context */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { until } from '../../../test/support/until.js';
import { connect } from '../../src/index.js';
import type { Signal } from '../../src/index.js';
import { connectPeer, connectPeers } from '../../src/rtc.js';
import type { Peer, PeerOptions } from '../../src/rtc.js';
import { FakeServer } from '../support/fake-server.js';
import { FakeWebRtc } from '../support/fake-webrtc.js';
import type { FakeConnection } from '../support/fake-webrtc.js';
import { bytes, settle, text, watch } from '../support/watch.js';

const { setTimeout: realTimeout } = globalThis;
const realTime = (ms: number): Promise<void> => new Promise((resolve) => realTimeout(resolve, ms));

const SECRET = new Uint8Array(32).fill(7);

let server: FakeServer;
let web: FakeWebRtc;
let signals: Signal[];
let options: PeerOptions;
let url: string;
let count = 0;

function start(): Signal {
  const signal = connect(url, { WebSocket: server.WebSocket });
  signals.push(signal);
  return signal;
}

const fake = (peer: Peer): FakeConnection => peer.connection as unknown as FakeConnection;

/** Two peers that have met. */
async function pair(more: PeerOptions = options): Promise<[Peer, Peer]> {
  return Promise.all([connectPeer(start(), more), connectPeer(start(), more)]);
}

/** What was relayed, as the server sees it. */
const relayed = (): string[] =>
  server.asked.filter(([kind]) => kind === 'Relay').map(([, { payload }]) => text(payload));

beforeEach(() => {
  // Time passes only where a test says so; the rest takes turns.
  jest.useFakeTimers({ doNotFake: ['queueMicrotask', 'nextTick', 'setImmediate', 'performance', 'Date'] });
  url = `ws://rtc-${count++}.example.com`;
  server = new FakeServer();
  web = new FakeWebRtc();
  signals = [];
  options = { topic: 't', RTCPeerConnection: web.RTCPeerConnection };
});

const unhandled: unknown[] = [];
process.on('unhandledRejection', (reason) => unhandled.push(reason));

afterEach(async () => {
  for (const signal of signals) signal.close();
  await settle();
  for (const connection of web.all.values()) connection.close();
  await settle();
  expect(jest.getTimerCount()).toBe(0);
  expect(unhandled).toEqual([]);
  jest.useRealTimers();
});

describe.each([
  ['v2', 'cairn-signal.v2', false],
  ['v2 and a secret', 'cairn-signal.v2', true],
  ['v1', 'cairn-signal', false],
  ['v1 and a secret', 'cairn-signal', true],
  ['a server that selects nothing', '', false],
])('connectPeer over %s', (_how, best, isSecret) => {
  beforeEach(() => {
    server.best = best;
    if (isSecret) options = { RTCPeerConnection: web.RTCPeerConnection, secret: SECRET };
  });

  it('opens a channel to the peer that comes, with one offer', async () => {
    const [a, b] = await pair();
    expect([a.channel.readyState, b.channel.readyState]).toEqual(['open', 'open']);
    expect(fake(a).other).toBe(fake(b).id);
    expect(fake(a).offers + fake(b).offers).toBe(1);
    expect(web.all.size).toBe(2);
    expect(relayed().some((content) => /offer|candidate|from/.test(content))).toBe(!isSecret);
  });

  it('opens it to a peer that comes much later', async () => {
    const first = connectPeer(start(), options);
    await settle();
    for (let i = 0; i < 20; i++) {
      await jest.advanceTimersByTimeAsync(1000);
      await settle();
    }
    const second = await connectPeer(start(), options);
    expect(fake(await first).other).toBe(fake(second).id);
  });

  it('leaves the topic, and nothing else behind, once the connection is closed', async () => {
    const [a, b] = await pair();
    a.connection.close();
    await until(() => fake(b).signalingState === 'closed');
    await settle();
    expect(signals.map((signal) => signal.state)).toEqual(['open', 'open']);
    expect(server.asked.filter(([kind]) => kind === 'Unsubscribe').length).toBe(
      server.asked.filter(([kind]) => kind === 'Subscribe').length,
    );
    // The heartbeat of each connection of v2.
    expect(jest.getTimerCount()).toBe(best === 'cairn-signal.v2' ? 2 : 0);
    expect(web.open).toBe(0);
  });

  it('can be given up', async () => {
    const over = new AbortController();
    const work = connectPeer(start(), { ...options, signal: over.signal });
    await settle();
    over.abort(new Error('enough'));
    await expect(work).rejects.toThrow('enough');
    await settle();
    expect(web.open).toBe(0);
    expect(jest.getTimerCount()).toBe(best === 'cairn-signal.v2' ? 1 : 0);
    await expect(connectPeer(signals[0], { ...options, signal: over.signal })).rejects.toThrow('enough');
  });

  it('connects all of five', async () => {
    const seen = await Promise.all(
      Array.from({ length: 5 }, async () => {
        const peers: Peer[] = [];
        for await (const peer of connectPeers(start(), options)) if (peers.push(peer) === 4) break;
        return peers;
      }),
    );
    expect(new Set(seen.flat().map((peer) => fake(peer).id)).size).toBe(20);
    for (const peer of seen.flat()) expect(peer.channel.readyState).toBe('open');
    expect(web.all.size).toBe(20);
  });

  it('is repaired when connections to the server go in the middle of it', async () => {
    let relays = 0;
    server.hook = (socket, kind) => {
      if (kind !== 'Relay' || relays++ % 2) return false;
      if (relays > 6) return false;
      socket.drop(1006);
      return true;
    };
    let met = false;
    const work = pair().finally(() => {
      met = true;
    });
    await until(
      () => met,
      async () => {
        const before = server.asked.length;
        // Encryption takes time that is not the test's.
        await realTime(10);
        if (server.asked.length === before) await jest.advanceTimersByTimeAsync(50);
      },
    );
    const [a, b] = await work;
    expect(fake(a).other).toBe(fake(b).id);
    expect(relays).toBeGreaterThan(6);
  });
});

describe('connectPeer', () => {
  it.each([
    ['initiator', undefined],
    ['initiator', 'responder'],
    [undefined, 'responder'],
  ] as const)('lets the %s make the offer to the %s', async (one, other) => {
    const [a, b] = await Promise.all([
      connectPeer(start(), { ...options, role: one }),
      connectPeer(start(), { ...options, role: other }),
    ]);
    expect([fake(a).offers, fake(b).offers]).toEqual([1, 0]);
  });

  it('gives the connection its options, and the ICE servers of the server', async () => {
    server.welcome = { ...server.welcome, features: ['ice'] };
    const [a] = await pair({
      ...options,
      channel: { ordered: false, maxRetransmits: 0 },
      config: { iceTransportPolicy: 'relay' },
    });
    expect(fake(a).config).toEqual({ iceTransportPolicy: 'relay', iceServers: [{ urls: ['stun:stun.example.com'] }] });
    expect(fake(a).channels[0].init).toEqual({ ordered: false, maxRetransmits: 0, negotiated: true, id: 0 });
    const [c] = await pair({ ...options, topic: 'u', config: { iceServers: [] } });
    expect(fake(c).config).toEqual({ iceServers: [] });
  });

  it('does without ICE servers that the server does not give', async () => {
    server.welcome = { ...server.welcome, features: ['ice'] };
    server.hook = (socket, kind, { id }) => {
      if (kind === 'IceServers') socket.say('Error', { id, code: 'unavailable', message: 'Not for you.' });
      return kind === 'IceServers';
    };
    const [a] = await pair();
    expect(fake(a).config).toEqual({ iceServers: [] });
  });

  it('says who the peer is', async () => {
    const [a, b] = await pair();
    const ids = server.members('t').map(({ id }) => id.toString('hex'));
    expect(new Set([a.peer.id, b.peer.id])).toEqual(new Set(ids));
  });

  it.each([
    [{ secret: new Uint8Array(15) }, 'A secret needs 128 random bits. For a PIN or a password, use a PAKE.'],
    [{ secret: '123456' as never }, 'A secret needs 128 random bits. For a PIN or a password, use a PAKE.'],
  ])('refuses %j', async (more, sentence) => {
    await expect(connectPeer(start(), { RTCPeerConnection: web.RTCPeerConnection, ...more })).rejects.toThrow(sentence);
    await settle();
    expect(server.asked).toEqual([]);
  });

  it('rejects where there is no WebRTC', async () => {
    await expect(connectPeer(start(), { topic: 't' })).rejects.toThrow('RTCPeerConnection is not defined');
  });

  it('meets where members may not be told of each other, or only some', async () => {
    for (const [i, refused] of [[0, 1], [0], [1]].entries()) {
      const topic = `t${i}`;
      const sockets = [2 * i, 2 * i + 1];
      server.hook = (socket, kind, { id, presence }) => {
        if (!presence || !refused.some((one) => socket === server.sockets[sockets[one]])) return false;
        socket.say('Error', { id, topic, code: 'forbidden', message: 'Not for you.' });
        return kind === 'Subscribe';
      };
      const work = pair({ ...options, topic });
      await settle();
      await jest.advanceTimersByTimeAsync(1000);
      const [a, b] = await work;
      expect(fake(a).other).toBe(fake(b).id);
    }
  });

  it.each(['cairn-signal.v2', 'cairn-signal'])('meets where one speaks v1, and the first %s', async (best) => {
    const both = ['cairn-signal.v2', 'cairn-signal'].map((name) => [name === best, name] as const);
    const work = both
      .toSorted(([a], [b]) => Number(b) - Number(a))
      .map(([, name]) => {
        server.best = name;
        return connectPeer(start(), options);
      });
    await settle();
    await jest.advanceTimersByTimeAsync(1000);
    const [a, b] = await Promise.all(work);
    expect(fake(a).other).toBe(fake(b).id);
  });

  it('rejects when the server refuses the topic, and when the connection is closed', async () => {
    server.hook = (socket, kind, { id }) => {
      if (kind === 'Subscribe') socket.say('Error', { id, topic: 't', code: 'forbidden', message: 'No.' });
      return kind === 'Subscribe';
    };
    await expect(connectPeer(start(), options)).rejects.toMatchObject({ code: 'forbidden' });
    server.hook = () => {};
    const work = connectPeer(start(), options);
    await settle();
    signals[1].close();
    await expect(work).rejects.toMatchObject({ code: 'closed' });
    await expect(connectPeer(signals[1], options)).rejects.toMatchObject({ code: 'closed' });
  });

  it('never tears an open channel down because a member left', async () => {
    const [a, b] = await pair();
    server.sockets[0].drop(1006);
    server.sockets[1].drop(1006);
    await settle();
    await jest.advanceTimersByTimeAsync(60_000);
    await settle();
    expect([a.channel.readyState, b.channel.readyState]).toEqual(['open', 'open']);
    expect(web.all.size).toBe(2);
  });

  it('restarts ICE when it fails, whoever notices', async () => {
    const [a, b] = await pair();
    for (const [i, peer] of [a, b].entries()) {
      fake(peer).fail();
      await until(() => fake(a).restarts + fake(b).restarts === i + 1 && fake(peer).connectionState === 'connected');
      await settle();
    }
    expect(new Set([fake(a).restarts, fake(b).restarts])).toEqual(new Set([0, 2]));
    expect(web.all.size).toBe(2);
  });

  it('negotiates what is added later, also where both sides do at once', async () => {
    const [a, b] = await pair();
    for (let i = 0; i < 5; i++) {
      fake(a).createDataChannel('more', {});
      fake(b).createDataChannel('more', {});
      await until(
        () =>
          [a, b].every((peer) => fake(peer).signalingState === 'stable') &&
          fake(a).offers + fake(b).offers >= 2 * i + 3,
      );
      await settle();
    }
    expect(a.channel.readyState).toBe('open');
  });

  it('does so after both sides have other connections to the server', async () => {
    const [a, b] = await pair();
    server.sockets[0].drop(1006);
    server.sockets[1].drop(1006);
    await settle();
    await jest.advanceTimersByTimeAsync(1000);
    await settle();
    fake(a).fail();
    await until(() => fake(a).connectionState === 'connected');
    expect(fake(a).restarts + fake(b).restarts).toBe(1);
  });

  it('tries again after 15 s with a peer that is still there, and gives one up that is not', async () => {
    web.blocked = true;
    const work = pair();
    await until(() => web.all.size === 2 && web.open === 2);
    await settle();
    await jest.advanceTimersByTimeAsync(15_000);
    await until(() => web.all.size === 4 && web.open === 2);
    web.blocked = false;
    await jest.advanceTimersByTimeAsync(15_000);
    await settle();
    const [a, b] = await work;
    expect(fake(a).other).toBe(fake(b).id);
    expect(web.open).toBe(2);
  });

  it('takes the peer that lives, and not the ghost of one', async () => {
    const over = new AbortController();
    web.blocked = true;
    const ghost = connectPeer(start(), { ...options, signal: over.signal }).catch(() => {});
    const first = connectPeer(start(), options);
    await until(() => web.open === 2);
    // It is gone, and the server does not know.
    const { socket } = server.members('t')[0];
    socket.send = () => {};
    over.abort();
    await ghost;
    web.blocked = false;
    const third = await connectPeer(start(), options);
    expect(fake(await first).other).toBe(fake(third).id);
    expect(web.open).toBe(2);
  });
});

describe('ICE servers of the server', () => {
  /** How long each is valid, in seconds, and how many were asked for. */
  const TTL = 600;
  let given: number;
  let mood: 'gives' | 'refuses' | 'says nonsense' | 'is silent';

  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['queueMicrotask', 'nextTick', 'setImmediate'] });
    given = 0;
    mood = 'gives';
    server.welcome = { ...server.welcome, features: ['ice'] };
    server.hook = (socket, kind, { id }) => {
      if (kind !== 'IceServers') return false;
      given++;
      if (mood === 'refuses') socket.say('Error', { id, code: 'unavailable', message: 'Not now.' });
      else if (mood === 'says nonsense') socket.say('IceServers', { id, ttl: 'long', servers: 7 });
      else if (mood === 'gives') {
        socket.say('IceServers', {
          id,
          ttl: TTL,
          servers: [{ urls: ['turn:t'], username: `${given}`, credential: 'x' }],
        });
      }
      return true;
    };
  });

  const username = (peer: Peer): string | undefined => fake(peer).config.iceServers?.[0]?.username;
  const usernames = (...peers: Peer[]): Set<string | undefined> => new Set(peers.map(username));

  async function pass(seconds: number): Promise<void> {
    // In steps, so that a signaling connection that is alive stays so.
    for (let left = seconds; left > 0; left -= 10) {
      await jest.advanceTimersByTimeAsync(Math.min(left, 10) * 1000);
      await settle();
    }
  }

  it('are renewed before their time is over, as long as the connection lives', async () => {
    const [a, b] = await pair();
    expect(usernames(a, b)).toEqual(new Set(['1', '2']));
    for (let n = 2; n <= 6; n++) {
      await pass(TTL / 2);
      expect(given).toBe(2 * n);
      expect(usernames(a, b)).toEqual(new Set([`${2 * n - 1}`, `${2 * n}`]));
    }
    a.connection.close();
    await settle();
    // The heartbeats of both connections to the server.
    expect(jest.getTimerCount()).toBe(2);
    await pass(TTL);
    expect(given).toBe(12);
  });

  it('are asked for once by all connections of one Signal', async () => {
    const meet = async (more: object): Promise<void> => {
      let peers = 0;
      for await (const _peer of connectPeers(start(), { ...options, ...more })) if (++peers === 3) break;
    };
    await Promise.all([{}, ...Array.from({ length: 3 }, () => ({ config: { iceServers: [] } }))].map(meet));
    expect(given).toBe(1);
    await pass(TTL / 2);
    expect(given).toBe(2);
  });

  it.each(['refuses', 'says nonsense', 'is silent'] as const)(
    'that are not to be had, since it %s, are asked for again, and change nothing meanwhile',
    async (how) => {
      const [a, b] = await pair();
      mood = how;
      const before = [username(a), username(b)];
      await pass(TTL / 2 + 60);
      expect([username(a), username(b)]).toEqual(before);
      expect([a.channel.readyState, b.channel.readyState]).toEqual(['open', 'open']);
      expect(given).toBe(how === 'is silent' ? 4 : 8);
      mood = 'gives';
      for (const { socket } of server.members('t')) socket.drop(1006);
      await pass(60);
      expect(Number(username(a))).toBeGreaterThan(2);
      expect(Number(username(b))).toBeGreaterThan(2);
      expect(web.all.size).toBe(2);
    },
  );

  it('are given beside what the caller has configured since', async () => {
    const [a] = await pair();
    a.connection.setConfiguration({ ...fake(a).config, iceTransportPolicy: 'relay' });
    await pass(TTL / 2);
    expect(fake(a).config.iceTransportPolicy).toBe('relay');
    expect(Number(username(a))).toBeGreaterThan(2);
  });

  it('that were not to be had at first are had later', async () => {
    mood = 'refuses';
    const [a] = await pair();
    expect(username(a)).toBeUndefined();
    mood = 'gives';
    await pass(30);
    expect(username(a)).toBeDefined();
  });

  it('are given before ICE is restarted, whose time is not over', async () => {
    const [a, b] = await pair();
    // The machine sleeps, and no timer runs.
    jest.setSystemTime(Date.now() + TTL * 1000);
    fake(a).fail();
    for (let i = 0; i < 50 && fake(a).connectionState !== 'connected'; i++) await settle();
    const restarted = fake(a).restarts ? a : b;
    expect(username(restarted)).toBe('3');
    expect(fake(a).connectionState).toBe('connected');
  });

  it.each([
    ['is not there', undefined],
    [
      'throws',
      () => {
        throw new Error('no');
      },
    ],
  ])('do not keep ICE from being restarted where setConfiguration %s', async (_what, setConfiguration) => {
    const [a, b] = await pair();
    for (const peer of [a, b]) Object.assign(peer.connection, { setConfiguration });
    fake(a).fail();
    for (let i = 0; i < 50 && fake(a).connectionState !== 'connected'; i++) await settle();
    expect(fake(a).restarts + fake(b).restarts).toBe(1);
    expect(fake(a).connectionState).toBe('connected');
  });

  it.each([
    ['the caller gave some', { iceServers: [{ urls: 'stun:mine' }] }, ['ice'], 0],
    ['the caller gave none', { iceServers: [] }, ['ice'], 0],
    ['the server has none', {}, [], 0],
  ])('are neither asked for nor renewed where %s', async (_what, config, features, expected) => {
    server.welcome = { ...server.welcome, features };
    const [a] = await pair({ ...options, config });
    const timers = jest.getTimerCount();
    const { config: before } = fake(a);
    await pass(TTL);
    expect(given).toBe(expected);
    expect(fake(a).config).toBe(before);
    expect(jest.getTimerCount()).toBe(timers);
    fake(a).fail();
    for (let i = 0; i < 50 && fake(a).connectionState !== 'connected'; i++) await settle();
    expect(fake(a).config.iceServers).toEqual(before.iceServers);
    expect(given).toBe(expected);
  });

  it('are renewed no more once the connection to the server is closed for good', async () => {
    const [a, b] = await pair();
    for (const signal of signals) signal.close();
    await pass(TTL);
    expect(jest.getTimerCount()).toBe(0);
    expect([a.channel.readyState, b.channel.readyState]).toEqual(['open', 'open']);
  });
});

describe('a member that', () => {
  const from = `0${'ab'.repeat(8)}`;

  /** A peer that waits, and a stranger on its topic. */
  async function stranger(): Promise<{
    say: (content: unknown) => Promise<unknown>;
    seen: unknown[];
    work: Promise<Peer>;
  }> {
    const signal = start();
    const seen = watch(signal, 'error');
    const work = connectPeer(signal, { ...options, role: 'responder' });
    const topic = start().join('t', { presence: true, data: bytes(from) });
    await topic.ready;
    await settle();
    const to = JSON.parse(`"${text(server.members('t')[0].data!)}"`) as string;
    return {
      seen,
      work,
      say: (content) =>
        topic.send(
          content instanceof Uint8Array
            ? content
            : bytes(typeof content === 'string' ? content : JSON.stringify({ to, ...(content as object) })),
        ),
    };
  }

  it.each([
    ['garbage', new Uint8Array([1, 2, 3])],
    ['no object', '7'],
    ['null', 'null'],
    ['no name', {}],
    ['a name that is none', { from: 'Eve' }],
    ['a name that is a number', { from: 7 }],
    ['the name of another', { from: `1${'ab'.repeat(8)}` }],
  ])('sends %s is reported, and changes nothing', async (_what, content) => {
    const { say, seen, work } = await stranger();
    await say(content);
    await until(() => seen.length > 0);
    expect(seen).toMatchObject([['error', { error: { code: 'bad_note' } }]]);
    await connectPeer(start(), options);
    await work;
  });

  it.each([
    ['an SDP that is none', { description: { type: 'offer', sdp: 'v=nonsense' } }],
    ['a description that is none', { description: 'offer' }],
    ['a candidate without an offer', { candidate: { candidate: 'candidate of nobody' } }],
  ])('sends %s is reported, and does not keep another from connecting', async (_what, content) => {
    const { say, seen, work } = await stranger();
    await say({ from, run: 1, n: 0, next: 0, ...content });
    await until(() => seen.length > 0);
    expect(seen).toMatchObject([
      ['error', { error: { code: 'negotiation', message: 'A member sent what no peer sends.' } }],
    ]);
    const other = await connectPeer(start(), options);
    expect(fake(await work).other).toBe(fake(other).id);
    expect(web.open).toBe(2);
  });

  it('floods takes nothing from others, and is reported once', async () => {
    const honest = start();
    const seen = watch(honest, 'error');
    const work = connectPeer(honest, { ...options, role: 'responder' });
    await until(() => server.members('t').length === 1);
    const [{ socket }] = server.members('t');
    const say = (payload: Uint8Array, id: number): void =>
      socket.say('Relay', { topic: 't', payload, from: Buffer.alloc(8, id) });
    // All in one turn, so that nothing is looked at between.
    const frames: (Uint8Array | string)[] = [];
    socket.raw = (frame) => void frames.push(frame);
    for (let i = 0; i < 2000; i++) say(bytes('garbage'), 1);
    const greeting = bytes(JSON.stringify({ from: `0${'cd'.repeat(8)}` }));
    say(greeting, 2);
    Reflect.deleteProperty(socket, 'raw');
    for (const frame of frames) socket.raw(frame);
    await settle();
    const causes = seen.map(([, { error }]) => String((error as Error).cause));
    expect(causes.filter((cause) => cause === 'too many')).toHaveLength(1);
    expect(causes.length).toBeLessThan(300);
    for (const error of seen) expect(error).toMatchObject(['error', { error: { code: 'bad_note' } }]);
    // The honest one was heard: it gets an answer.
    expect(relayed().some((content) => content.includes(`"to":"0${'cd'.repeat(8)}"`))).toBe(true);
    // And so is the other, once what it has sent was looked at.
    const before = seen.length;
    say(bytes('garbage'), 1);
    await settle();
    expect(seen.length).toBe(before + 1);
    await connectPeer(start(), options);
    await work;
  });

  it('floods fills nothing', async () => {
    const { say, seen, work } = await stranger();
    for (let i = 0; i < 2000; i++) void say({ from: `0${i.toString(16).padStart(16, '0')}`, run: 1, n: 5, next: 0 });
    for (let i = 0; i < 2000; i++) void say({ from, run: 1, n: i + 1, next: 0, candidate: {} });
    await settle();
    await settle();
    expect(web.open).toBeLessThanOrEqual(1);
    for (const error of seen) expect(error).toMatchObject(['error', { error: { code: 'bad_note' } }]);
    await jest.advanceTimersByTimeAsync(15_000);
    const other = await connectPeer(start(), options);
    expect(fake(await work).other).toBe(fake(other).id);
  });
});

describe('a secret', () => {
  beforeEach(() => {
    options = { RTCPeerConnection: web.RTCPeerConnection, secret: SECRET };
  });

  it('keeps a server out that swaps an SDP, a receiver, a sender, or repeats', async () => {
    const signal = start();
    const seen = watch(signal, 'error');
    const swaps = ['byte', 'echo', 'topic'] as const;
    let n = 0;
    server.hook = (socket, kind, fields) => {
      if (kind !== 'Relay') return false;
      const how = swaps[n++];
      const payload = Buffer.from(fields.payload);
      if (how === 'byte') payload[payload.length - 1] = payload.at(-1)! ^ 1;
      const sender = server.members(fields.topic).find((seat) => seat.socket === socket)!;
      const from = how === 'echo' ? Buffer.alloc(8, 1) : sender.id;
      if (how) {
        for (const seat of server.members(fields.topic)) {
          if (seat !== sender) seat.socket.say('Relay', { topic: fields.topic, payload, from, to: how !== 'topic' });
        }
      }
      return false;
    };
    const [a, b] = await Promise.all([connectPeer(signal, options), connectPeer(start(), options)]);
    expect(fake(a).other).toBe(fake(b).id);
    for (const [, { error }] of seen) {
      expect(error).toMatchObject({
        code: 'bad_note',
        message: 'A member sent what no peer sends.',
      });
    }
    expect(n).toBeGreaterThan(2);
  });

  it('keeps a channel open whose connection to the server is closed for good, whatever day it is', async () => {
    const [a, b] = await pair();
    for (const signal of signals) signal.close();
    const date = jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 86_400_000);
    await jest.advanceTimersByTimeAsync(86_400_000);
    await settle();
    expect([a.channel.readyState, b.channel.readyState]).toEqual(['open', 'open']);
    date.mockRestore();
  });

  it('meets on both topics in the overlap, and changes topics with time', async () => {
    const { Secret } = await import('../../src/secret.js');
    const secret = await Secret.of(SECRET);
    const now = Date.now() / 1000;
    const { seconds, topics } = await secret.topics(now);
    const work = connectPeer(start(), options);
    await until(() => server.asked.filter(([kind]) => kind === 'Subscribe').length === topics.length);
    const date = jest.spyOn(Date, 'now').mockReturnValue((now + seconds + 1) * 1000);
    await jest.advanceTimersByTimeAsync(seconds * 1000 + 1);
    const next = await secret.topics(now + seconds + 1);
    expect(next.topics).not.toEqual(topics);
    await until(() => next.topics.every((topic) => server.members(topic).length === 1));
    await until(() => topics.every((topic) => next.topics.includes(topic) || server.members(topic).length === 0));
    const other = await connectPeer(start(), options);
    expect(fake(await work).other).toBe(fake(other).id);
    expect(web.all.size).toBe(2);
    date.mockRestore();
  });
});
