import { Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { fromEvent } from 'rxjs';
import { afterEach, describe, expect, it } from '@jest/globals';
import { HeldBytes } from '../../../src/metrics/held-bytes.js';
import { LimitCounts } from '../../../src/metrics/limit-counts.js';
import { TrafficCounts } from '../../../src/metrics/traffic-counts.js';
import {
  ConnectionRegistry,
  SignalingError,
  SignalingService,
  TopicPolicy,
  TopicRegistry,
} from '../../../src/embedding.js';
import type { CairnSignalOptions, ConnectedPeer, Extensions } from '../../../src/embedding.js';
import { namedTokenLine } from '../../../src/auth/named-token.js';
import { closeMounted, mount } from '../../support/mounted-application.js';
import type { MountedApplication } from '../../support/mounted-application.js';
import { describeWithNats, NatsServer } from '../../support/nats-server.js';
import { Peer, settle } from '../../support/peer.js';
import { startServer, stopServers } from '../../support/server.js';
import type { LogLine } from '../../support/server.js';
import { until } from '../../support/until.js';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

afterEach(closeMounted);

interface Taking extends MountedApplication {
  readonly signaling: SignalingService;
}

async function takingPart(registration: CairnSignalOptions & Extensions = {}): Promise<Taking> {
  const mounted = await mount(registration);
  return { ...mounted, signaling: mounted.application.get(SignalingService, { strict: false }) };
}

/** The next payloads of a subscription, as text. */
async function read(subscription: AsyncIterable<Buffer>, count: number): Promise<string[]> {
  const iterator = subscription[Symbol.asyncIterator]();
  const payloads: string[] = [];
  for (let i = 0; i < count; i++) payloads.push(String((await iterator.next()).value));
  return payloads;
}

const BYTES = Buffer.from('x');

describe('the relays of an application', () => {
  it('E1: reach all subscribers of the topic, as those of a peer do, and it learns how many are here', async () => {
    const { signaling, url } = await takingPart();
    const [a, b] = [await Peer.connect(url), await Peer.connect(url)];
    for (const peer of [a, b]) peer.subscribe('t');
    await settle([a, b], []);
    expect(signaling.relay('t', Buffer.from('hello'))).toBe(2);
    const ofPeer = a.relay('t', 'hello');
    expect(await a.next()).toEqual(ofPeer);
    expect([await b.next(), await b.next()]).toEqual([ofPeer, ofPeer]);
    expect(signaling.relay('elsewhere', BYTES)).toBe(0);
  });

  it.each([
    ['a Uint8Array', new Uint8Array([1, 2])],
    ['a part of a larger buffer', Buffer.from([9, 1, 2, 9]).subarray(1, 3)],
    ['shared memory', new Uint8Array(new SharedArrayBuffer(2)).fill(7)],
    ['nothing', new Uint8Array()],
  ])('E1: take %s', async (_what, payload) => {
    const { signaling, url } = await takingPart();
    const peer = await Peer.connect(url);
    peer.subscribe('t');
    await peer.sync();
    signaling.relay('t', payload);
    expect((await peer.next()).subarray(-payload.length - 1)).toEqual(Buffer.from([0x40 + payload.length, ...payload]));
  });

  it.each([
    ['a topic that is none', undefined, BYTES, TypeError],
    ['a topic that is no Unicode', '\ud800', BYTES, TypeError],
    ['a text', 't', 'text', TypeError],
    ['a list', 't', [1, 2], TypeError],
    ['a DataView', 't', new DataView(new ArrayBuffer(1)), TypeError],
    ['a topic over max-topic-bytes', 't'.repeat(257), BYTES, SignalingError],
    ['a topic over max-topic-bytes in UTF-8', 'é'.repeat(129), BYTES, SignalingError],
    ['a message over max-message-bytes', 't', Buffer.alloc(65_536 - 20), SignalingError],
    ['a payload far over max-message-bytes', 't', Buffer.alloc(5_000_000), SignalingError],
  ])('E1: throw for %s', async (_what, topic, payload, fault) => {
    const { signaling } = await takingPart();
    const relay = (): number => signaling.relay(topic as string, payload as Buffer);
    expect(relay).toThrow(fault);
    expect(relay).toThrow(/^the (?:topic|payload) must be|the setting is max-(?:topic|message)-bytes/);
  });

  it('E1: may be as large as those of a peer', async () => {
    const { signaling, url } = await takingPart();
    const peer = await Peer.connect(url);
    peer.subscribe('t');
    await peer.sync();
    expect(signaling.relay('t', Buffer.alloc(65_536 - 27))).toBe(1);
    expect((await peer.next()).length).toBe(65_536);
  });

  it('E1: do not ask the topic policy: the application is trusted', async () => {
    class Nothing extends TopicPolicy {
      allows(_principal: string | undefined, action: string): boolean {
        return action === 'relay';
      }
    }
    const { signaling, url } = await takingPart({ topicPolicy: Nothing });
    const subscription = await signaling.subscribe('t');
    (await Peer.connect(url)).relay('t', 'x');
    expect(await read(subscription, 1)).toEqual(['x']);
  });

  it('E1: do not come back to it, whatever part of it subscribed', async () => {
    const { signaling, url } = await takingPart();
    const subscription = await signaling.subscribe('t');
    signaling.relay('t', Buffer.from('own'));
    (await Peer.connect(url)).relay('t', 'of a peer');
    expect(await read(subscription, 1)).toEqual(['of a peer']);
  });
});

describe('a subscription of an application', () => {
  it('E2: is an iteration over the payloads, in order', async () => {
    const { signaling, url } = await takingPart();
    const peer = await Peer.connect(url);
    const heard: string[] = [];
    const subscription = signaling.subscribe('t');
    await subscription;
    for (const text of ['one', 'two', 'three']) peer.relay('t', text);
    for await (const payload of subscription) {
      heard.push(payload.toString());
      if (heard.length === 3) break;
    }
    expect(heard).toEqual(['one', 'two', 'three']);
    // Leaving the loop unsubscribes.
    expect(await (await subscription).ended).toBeUndefined();
    peer.relay('t', 'four');
    await peer.sync();
    expect(signaling.relay('t', BYTES)).toBe(0);
  });

  it('E2: may be iterated without awaiting it first', async () => {
    const { signaling, application, url } = await takingPart();
    const first = signaling.subscribe('t')[Symbol.asyncIterator]().next();
    expect(application.get(TopicRegistry).subscriptions).toBe(1);
    (await Peer.connect(url)).relay('t', 'x');
    expect(String((await first).value)).toBe('x');
  });

  it('E2: calls a handler, one payload after another, and goes on when it throws', async () => {
    const { signaling, url, log } = await takingPart();
    const peer = await Peer.connect(url);
    const events: string[] = [];
    await signaling.subscribe('secret-topic', async (payload, topic) => {
      events.push(`begin ${payload.toString()} ${topic === 'secret-topic'}`);
      await new Promise<void>((resolve) => setImmediate(resolve));
      events.push(`end ${payload.toString()}`);
      throw new RangeError(`cannot handle ${topic}`);
    });
    for (const text of ['1', '2']) peer.relay('secret-topic', text);
    await until(() => events.length === 4);
    expect(events).toEqual(['begin 1 true', 'end 1', 'begin 2 true', 'end 2']);
    const threw = ({ level, msg }: LogLine): boolean =>
      level === 'error' && msg === 'code of the application threw (handler)';
    await until(() => log.some(threw));
    expect(JSON.stringify(log)).not.toContain('secret-topic');
  });

  it('E2: gives each subscription bytes of its own, which it may change', async () => {
    const { signaling, url } = await takingPart();
    const peer = await Peer.connect(url);
    const other = await Peer.connect(url);
    other.subscribe('t');
    await other.sync();
    const [one, two] = [await signaling.subscribe('t'), await signaling.subscribe('t')];
    void signaling.subscribe('t', (payload) => payload.fill(0));
    const sent = peer.relay('t', 'hello');
    expect(await read(one, 1)).toEqual(['hello']);
    expect(await read(two, 1)).toEqual(['hello']);
    expect(await other.next()).toEqual(sent);
  });

  it('E2: counts once, however many parts of the application subscribe, and ends with the last of them', async () => {
    const { signaling, application, url } = await takingPart();
    const topics = application.get(TopicRegistry);
    const [one, two] = [await signaling.subscribe('t'), await signaling.subscribe('t')];
    expect([topics.size, topics.subscriptions]).toEqual([1, 1]);
    expect(application.get(ConnectionRegistry).size).toBe(0);
    await one.return();
    (await Peer.connect(url)).relay('t', 'x');
    expect(await read(two, 1)).toEqual(['x']);
    await two.return();
    expect(topics.size).toBe(0);
    expect(await one.next()).toEqual({ done: true, value: undefined });
  });

  it.each(['before', 'while it waits for a payload', 'while a payload waits'])(
    'E2: ends without an error when its signal is aborted %s',
    async (when) => {
      const { signaling, application, url } = await takingPart();
      const abort = new AbortController();
      if (when === 'before') abort.abort(new Error('over'));
      const subscription = await signaling.subscribe('t', { signal: abort.signal });
      const waits = when === 'while it waits for a payload' ? subscription.next() : undefined;
      if (when === 'while a payload waits') {
        const peer = await Peer.connect(url);
        peer.relay('t', 'x');
        await peer.sync();
      }
      abort.abort(new Error('over'));
      expect(await (waits ?? subscription.next())).toEqual({ done: true, value: undefined });
      expect(await subscription.ended).toBeUndefined();
      expect(application.get(TopicRegistry).size).toBe(0);
      expect(application.get(HeldBytes, { strict: false }).buffered.total).toBe(0);
    },
  );

  it('E2: is sent what JSON peers published before (J6)', async () => {
    const { signaling, url } = await takingPart();
    const peer = await Peer.connect(url);
    peer.send(JSON.stringify({ type: 'publish', topic: 't', payload: Buffer.from('early').toString('base64') }));
    await peer.sync();
    expect(await read(await signaling.subscribe('t'), 1)).toEqual(['early']);
  });

  it.each([
    ['max-topic-bytes', {}, (signaling: SignalingService) => signaling.subscribe('t'.repeat(257))],
    [
      'max-topics-per-connection',
      { maxTopicsPerConnection: 1 },
      (signaling: SignalingService) => (signaling.subscribe('a'), signaling.subscribe('t')),
    ],
    [
      'max-subscriptions',
      { maxSubscriptions: 1 },
      (signaling: SignalingService) => (signaling.subscribe('a'), signaling.subscribe('t')),
    ],
  ] as const)('E2: is refused at %s', async (limit, settings, subscribe) => {
    const { signaling, application, log } = await takingPart({ settings });
    const subscription = subscribe(signaling);
    await expect(subscription).rejects.toMatchObject({ name: 'SignalingError', code: 1008, setting: limit });
    await expect(read(subscription, 1)).rejects.toThrow(`the setting is ${limit}`);
    expect(application.get(LimitCounts, { strict: false }).of(limit)).toBe(1);
    expect(log).toContainEqual(expect.objectContaining({ msg: 'a subscription of the application has ended' }));
    // What was there goes on.
    expect(application.get(TopicRegistry).subscriptions).toBe(limit === 'max-topic-bytes' ? 0 : 1);
  });

  it('E2: is refused where a topic has max-subscribers-per-topic', async () => {
    const { signaling, url } = await takingPart({ settings: { maxSubscribersPerTopic: 1 } });
    const peer = await Peer.connect(url);
    peer.subscribe('t');
    await peer.sync();
    await expect(signaling.subscribe('t')).rejects.toMatchObject({ setting: 'max-subscribers-per-topic' });
    expect(signaling.relay('t', BYTES)).toBe(1);
  });

  it.each([undefined, null, 5, {}, '\udc00'])('E2: throws a TypeError for the topic %p', async (topic) => {
    const { signaling } = await takingPart();
    expect(() => signaling.subscribe(topic as string)).toThrow(TypeError);
  });

  it.each([
    ['no options', null],
    ['a number', 5],
    ['a text', 'handler'],
    ['a signal that is none', { signal: {} }],
    ['a controller in place of its signal', { signal: new AbortController() }],
    ['null as the signal', { signal: null }],
  ])('E2: throws a TypeError for %s, and has not subscribed', async (_what, options) => {
    const { signaling, application } = await takingPart();
    expect(() => signaling.subscribe('t', options as never)).toThrow(TypeError);
    expect(() => signaling.subscribe('t', () => undefined, options as never)).toThrow(TypeError);
    expect(application.get(TopicRegistry).size).toBe(0);
  });

  it('E2: may begin before the server does', async () => {
    const heard: string[] = [];
    @Injectable()
    class Early implements OnModuleInit {
      constructor(private readonly signaling: SignalingService) {
        void signaling.subscribe('t', (payload) => void heard.push(`constructor ${payload.toString()}`));
      }

      async onModuleInit(): Promise<void> {
        await this.signaling.subscribe('t', (payload) => void heard.push(`hook ${payload.toString()}`));
      }
    }
    const { url } = await mount({}, { providers: [Early] });
    (await Peer.connect(url)).relay('t', 'x');
    await until(() => heard.length === 2);
    expect(heard).toEqual(['constructor x', 'hook x']);
  });

  it('E3: ends as a slow consumer if its handler never comes back', async () => {
    const { signaling, url } = await takingPart({ settings: { maxBufferedBytes: 20_000 } });
    const peer = await Peer.connect(url);
    let calls = 0;
    const { ended } = await signaling.subscribe('t', () => {
      calls += 1;
      return new Promise(() => undefined);
    });
    for (let i = 0; i < 5; i++) peer.relay('t', Buffer.alloc(6000));
    expect(await ended).toMatchObject({ code: 4008 });
    expect(calls).toBe(1);
  });

  it('E3: ends as a slow consumer if nobody reads it, and the others go on', async () => {
    const { signaling, application, url } = await takingPart({ settings: { maxBufferedBytes: 20_000 } });
    const peer = await Peer.connect(url);
    const [idle, read4] = [await signaling.subscribe('t'), [] as number[]];
    await signaling.subscribe('t', (payload) => void read4.push(payload.length));
    for (let i = 0; i < 4; i++) peer.relay('t', Buffer.alloc(6000));
    expect(await idle.ended).toMatchObject({ code: 4008, setting: 'max-buffered-bytes' });
    await until(() => read4.length === 4);
    // Once, as iterations do.
    await expect(idle.next()).rejects.toThrow('slow consumer: more than 20000 bytes waiting');
    expect(await idle.next()).toEqual({ done: true, value: undefined });
    expect(application.get(LimitCounts, { strict: false }).of('max-buffered-bytes')).toBe(1);
    expect(application.get(HeldBytes, { strict: false }).buffered.total).toBe(0);
    expect(peer.isOpen).toBe(true);
  });

  it('E3: counts small payloads by the memory they take', async () => {
    const { signaling, application, url } = await takingPart({ settings: { maxBufferedBytes: 20_000 } });
    const peer = await Peer.connect(url);
    const subscription = await signaling.subscribe('t');
    for (let i = 0; i < 70; i++) peer.relay('t', '');
    await peer.sync();
    const held = application.get(HeldBytes, { strict: false }).buffered;
    expect(held.total).toBe(70 * 256);
    expect(await read(subscription, 70)).toEqual(Array.from({ length: 70 }, () => ''));
    expect(held.total).toBe(0);
  });

  it('E2: ends with the drain, after the last peer: what waits is read to its end', async () => {
    const { signaling, application, url } = await takingPart();
    const subscription = await signaling.subscribe('t');
    const ended: unknown[] = [];
    void subscription.ended.then((why) => ended.push(why));
    const peer = await Peer.connect(url);
    signaling.once('disconnected', () => ended.push('the peer'));
    peer.relay('t', 'last');
    await peer.sync();
    await application.close();
    expect(await read(subscription, 1)).toEqual(['last']);
    expect(await subscription.next()).toEqual({ done: true, value: undefined });
    expect(ended).toEqual(['the peer', undefined]);
    expect(signaling.relay('t', BYTES)).toBe(0);
    await expect(signaling.subscribe('t')).rejects.toMatchObject({ code: 1001 });
  });

  it('counts in the metrics', async () => {
    const { signaling, application, url } = await takingPart();
    const peer = await Peer.connect(url);
    peer.subscribe('t');
    const subscription = await signaling.subscribe('t');
    peer.relay('t', 'x');
    await peer.sync();
    await read(subscription, 1);
    signaling.relay('t', BYTES);
    const { application: own, deliveries, received } = application.get(TrafficCounts, { strict: false });
    expect([own, deliveries, received.relay]).toEqual([{ out: 1, in: 1 }, 2, 1]);
  });
});

describe('what an application sees and does', () => {
  const ALICE = { headers: { Authorization: 'Bearer of-alice' } };

  async function withTokens(work: (taking: Taking) => Promise<void>): Promise<void> {
    const folder = mkdtempSync(join(tmpdir(), 'cairn-signal-application-'));
    try {
      const file = join(folder, 'tokens');
      writeFileSync(file, `${namedTokenLine('alice', 'of-alice')}\n${namedTokenLine('bob', 'of-bob')}\n`);
      await work(await takingPart({ settings: { authTokenFile: file } }));
      await closeMounted();
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  it('E4: sees who is connected, and no topics', () =>
    withTokens(async ({ signaling, url }) => {
      const alice = await Peer.connect(url, ALICE);
      alice.subscribe('secret-topic');
      await alice.sync();
      await Peer.connect(url, { headers: { Authorization: 'Bearer of-bob' }, protocols: ['cairn-signal'] });
      const ofToken = { kind: 'token', issuer: undefined };
      expect(signaling.connections()).toEqual([
        { id: 1, principal: 'alice', proof: ofToken, address: '127.0.0.1', protocol: undefined },
        { id: 2, principal: 'bob', proof: ofToken, address: '127.0.0.1', protocol: 'cairn-signal' },
      ]);
    }));

  it('E4: closes the connections of a principal, or one of them', () =>
    withTokens(async ({ signaling, url }) => {
      const peers = [await Peer.connect(url, ALICE), await Peer.connect(url, ALICE), await Peer.connect(url, ALICE)];
      expect(signaling.close(2, 'one of them')).toBe(1);
      expect(await peers[1].closed).toMatchObject({ code: 4002, reason: 'one of them' });
      expect(signaling.close('alice')).toBe(2);
      expect(await peers[2].closed).toMatchObject({ code: 4002, reason: 'closed by the application' });
      expect([signaling.close('alice'), signaling.close('nobody'), signaling.close(0)]).toEqual([0, 0, 0]);
    }));

  it.each([
    [undefined, 'x'],
    [null, 'x'],
    [{}, 'x'],
    ['alice', 'x'.repeat(124)],
    ['alice', 'é'.repeat(62)],
    ['alice', 5],
  ])('E4: closes nobody for %p, %p', async (whom, reason) => {
    const { signaling, url } = await takingPart();
    const peer = await Peer.connect(url);
    expect(() => signaling.close(whom as string, reason as string)).toThrow(TypeError);
    await peer.sync();
    expect(peer.isOpen).toBe(true);
  });

  it('E4: hears who comes and goes, and what a listener throws hurts nobody', async () => {
    const { signaling, application, url, log } = await takingPart();
    const heard: [string, number][] = [];
    signaling.on('connected', () => {
      throw new Error('broken');
    });
    signaling.on('connected', async () => Promise.reject(new Error('broken, later')));
    signaling.on('connected', ({ id }) => void heard.push(['connected', id]));
    fromEvent(signaling as never, 'disconnected').subscribe((peer) => {
      heard.push(['disconnected', (peer as ConnectedPeer).id]);
    });
    signaling.once('connected', ({ id }) => void heard.push(['once', id]));
    const peers = [await Peer.connect(url), await Peer.connect(url)];
    await peers[0].close();
    await until(() => application.get(ConnectionRegistry).size === 1);
    expect(heard).toEqual([
      ['connected', 1],
      ['once', 1],
      ['connected', 2],
      ['disconnected', 1],
    ]);
    await peers[1].sync();
    expect(log).toContainEqual(expect.objectContaining({ msg: 'code of the application threw (connected)' }));
    expect(JSON.stringify(log)).not.toContain('broken, later');
  });

  it('E4: may close a peer as it comes', async () => {
    const { signaling, url } = await takingPart();
    signaling.on('connected', ({ id }) => void signaling.close(id, 'not today'));
    expect(await (await Peer.connect(url)).closed).toMatchObject({ code: 4002, reason: 'not today' });
  });
});

describeWithNats('an application on several nodes', () => {
  afterEach(async () => {
    await closeMounted();
    await stopServers();
    await NatsServer.stopAll();
  });

  it('N1, N2: subscribes and relays over the bus', async () => {
    const nats = await NatsServer.start();
    const { signaling } = await takingPart({ settings: { natsUrl: nats.url } });
    const elsewhere = await startServer({ natsUrl: nats.url });
    const peer = await Peer.connect(elsewhere.url);
    peer.subscribe('t');
    await peer.sync();
    const subscription = await signaling.subscribe('t');
    // Sure to arrive: no wait in between.
    const sent = peer.relay('t', 'inward');
    expect(await read(subscription, 1)).toEqual(['inward']);
    expect(signaling.relay('t', Buffer.from('inward'))).toBe(0);
    expect(await peer.next()).toEqual(sent);
  });

  it('N2: a second subscription waits as the first one does', async () => {
    const nats = await NatsServer.start();
    const { signaling } = await takingPart({ settings: { natsUrl: nats.url } });
    const elsewhere = await startServer({ natsUrl: nats.url });
    const peer = await Peer.connect(elsewhere.url);
    const first = signaling.subscribe('t');
    const second = await signaling.subscribe('t');
    peer.relay('t', 'x');
    expect(await read(second, 1)).toEqual(['x']);
    expect(await read(first, 1)).toEqual(['x']);
  });

  it('N3: leaves the bus with its last subscription', async () => {
    const nats = await NatsServer.start();
    const { signaling, application } = await takingPart({ settings: { natsUrl: nats.url } });
    const subscription = await signaling.subscribe('t');
    const { BackplaneCounts } = await import('../../../src/metrics/backplane-counts.js');
    const counts = application.get(BackplaneCounts, { strict: false });
    expect(counts.subscriptions).toBe(1);
    await subscription.return();
    await until(() => counts.subscriptions === 0);
  });
});
