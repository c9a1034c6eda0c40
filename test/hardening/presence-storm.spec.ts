import { afterEach, describe, expect, it } from '@jest/globals';
import { PresenceCounts } from '../../src/metrics/presence-counts.js';
import { HonestPair } from '../support/honest-pair.js';
import { ManualClock } from '../support/manual-clock.js';
import { settle } from '../support/peer.js';
import { Roster } from '../support/roster.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';
import { turn } from '../support/turn.js';
import { until } from '../support/until.js';
import { V2Peer } from '../support/v2-peer.js';

/**
 * Members that come, go and change as fast as they may. Everybody who looks is told of it, so without the bounds of V4
 * the frames would grow with the square of the members.
 */
describe('presence storm', () => {
  afterEach(stopServers);

  const TOPIC = 'storm';
  const open = (clock: ManualClock, settings: object = {}): Promise<RunningServer> =>
    startServer({ drainTimeout: '0s', maxMessagesPerSecond: 0, ...settings }, 'off', clock);
  const counts = (running: RunningServer): PresenceCounts => running.server.app.get(PresenceCounts, { strict: false });

  /** Long enough for a change that may be told at once. */
  async function turns(): Promise<void> {
    for (let i = 0; i < 50; i++) await turn();
  }

  /** Connects members, one after another, of which all look. */
  async function members(running: RunningServer, count: number): Promise<V2Peer[]> {
    const peers: V2Peer[] = [];
    while (peers.length < count) {
      peers.push(...(await Promise.all(Array.from({ length: 32 }, () => V2Peer.connect(running.url)))));
    }
    for (const peer of peers) await peer.look(TOPIC);
    return peers;
  }

  /** Numbers of what each peer has been told of the topic since it was asked last. */
  async function told(peers: readonly V2Peer[]): Promise<number[]> {
    const heard = await Promise.all(peers.map((peer) => peer.heard()));
    return heard.map((messages) => messages.filter(({ Members }) => Members !== undefined).length);
  }

  it('V4: of 1,024 members that all flap, each is told only how many they are, once in 2 s', async () => {
    const clock = new ManualClock();
    const running = await open(clock);
    const pair = await HonestPair.connect(running.url);
    const peers = await members(running, 1024);
    const flap = async (): Promise<void> => {
      for (const peer of peers) {
        peer.tell({ Unsubscribe: { topic: TOPIC } });
        peer.tell({ Subscribe: { topic: TOPIC, presence: true } });
      }
      await Promise.all(peers.map((peer) => peer.sync()));
      await pair.isServed();
    };
    // What is due of their coming is told.
    clock.pass(2000);
    await until(() => counts(running).frames > 0);
    await told(peers);

    for (let i = 0; i < 3; i++) await flap();
    await turns();
    // One answer to each Subscribe, and at most one change.
    const storm = await told(peers);
    expect(Math.max(...storm)).toBeLessThanOrEqual(3 + 1);
    expect(Math.min(...storm)).toBeGreaterThanOrEqual(3);
    clock.pass(2000);
    await turns();
    await flap();
    expect(Math.max(...(await told(peers)))).toBeLessThanOrEqual(1 + 2);
    // In the end everybody believes the same.
    const { Members } = (await peers[0].ask({ Subscribe: { topic: TOPIC, presence: true } })).at(-2)!;
    expect(Members).toEqual({ topic: TOPIC, count: 1024, self: expect.any(Buffer) });
  });

  it('V4: 32 members that change their data at full rate are told of at most once in 250 ms, and then what is so', async () => {
    const clock = new ManualClock();
    const running = await open(clock);
    const pair = await HonestPair.connect(running.url);
    const peers = await members(running, 32);
    const rosters = peers.map(() => new Roster());
    const follow = async (): Promise<number[]> => {
      const heard = await Promise.all(peers.map((peer) => peer.heard()));
      for (const [index, messages] of heard.entries()) {
        for (const { Members } of messages) if (Members !== undefined) rosters[index].apply(Members);
      }
      return heard.map(({ length }) => length);
    };
    // Each begins from a whole list.
    await told(peers);
    for (const [index, peer] of peers.entries()) rosters[index].apply(await peer.look(TOPIC));
    expect(rosters.map(({ count }) => count)).toEqual(peers.map(() => 32));

    const datum = (peer: number, round: number): Buffer => Buffer.alloc(1024, 100 * peer + round);
    clock.pass(250);
    for (let round = 0; round < 20; round++) {
      for (const [index, peer] of peers.entries()) {
        peer.tell({ Subscribe: { topic: TOPIC, data: datum(index, round) } });
      }
    }
    await settle(peers, peers);
    await turns();
    await pair.isServed();
    // The first change is told at once; all others wait for the clock.
    expect(Math.max(...(await follow()))).toBeLessThanOrEqual(1);
    clock.pass(250);
    await until(
      () => rosters.every(({ members: known }, own) => isLast(known, own)),
      async () => void (await follow()),
    );
    expect(counts(running).coalesced).toBeGreaterThanOrEqual(18 * 32);

    function isLast(known: Map<string, Buffer | undefined> | undefined, own: number): boolean {
      const values = [...(known?.values() ?? [])].map((data) => data?.toString('hex'));
      const expected = peers.map((_peer, index) => datum(index, 19).toString('hex')).filter((_data, i) => i !== own);
      return values.length === expected.length && expected.every((data) => values.includes(data));
    }
  });

  it('V5: data of the limit for all members are sent; one member more, and only the number is', async () => {
    const clock = new ManualClock();
    const running = await open(clock);
    const peers = await members(running, 32);
    for (const [index, peer] of peers.entries()) {
      await peer.answer({ Subscribe: { topic: TOPIC, data: Buffer.alloc(1024, index) } });
    }
    const { joined, count } = await peers[0].look(TOPIC);
    expect([count, joined!.map(({ data }) => data!.length)]).toEqual([32, Array.from({ length: 31 }, () => 1024)]);
    expect(counts(running).bytes).toBeGreaterThanOrEqual(32 * 1024);
    const late = await V2Peer.connect(running.url);
    expect(await late.look(TOPIC, Buffer.alloc(1024))).toEqual({ topic: TOPIC, count: 33, self: expect.any(Buffer) });
    clock.pass(250);
    while ((await peers[0].take('Members')).count !== 33);
    await late.close();
    clock.pass(2000);
    // Below the limit again: a full list.
    const list = await nextList(peers[0]);
    expect([list.count, list.joined!.length, list.self]).toEqual([32, 31, expect.any(Buffer)]);
    await Promise.all(peers.map((peer) => peer.close()));
    await until(() => running.topics.size === 0);
    expect([counts(running).bytes, counts(running).members.here, counts(running).tables]).toEqual([0, 0, 0]);
  });

  /** The next full list that a peer is told. */
  async function nextList(peer: V2Peer): Promise<{ count: number; joined?: unknown[]; self?: Buffer }> {
    for (;;) {
      const { Members } = await peer.hear();
      if (Members?.self !== undefined && Members.joined !== undefined) return Members;
    }
  }

  it('V5: data have room for presence-total-bytes, and a Subscribe beyond is server_full until there is room', async () => {
    const running = await open(new ManualClock(), { presenceTotalBytes: 65_536, maxTopicsPerConnection: 0 });
    const pair = await HonestPair.connect(running.url);
    const peer = await V2Peer.connect(running.url);
    const answers: (string | undefined)[] = [];
    for (let i = 0; i < 100; i++) {
      const { Error: error } = await peer.answer({ Subscribe: { topic: `t${i}`, data: Buffer.alloc(1024, i) } });
      answers.push(error?.code);
    }
    const taken = answers.indexOf('server_full');
    expect(taken).toBeGreaterThan(32);
    expect(taken).toBeLessThan(65);
    expect(answers.slice(taken)).toEqual(Array.from({ length: 100 - taken }, () => 'server_full'));
    expect(running.topics.size).toBe(taken + 1);
    expect(counts(running).bytes).toBeLessThanOrEqual(65_536);
    // Without data there is room, and after somebody left there is for data.
    expect(await peer.answer({ Subscribe: { topic: 'bare' } })).toHaveProperty('Ack');
    await peer.answer({ Unsubscribe: { topic: 't0' } });
    expect(await peer.answer({ Subscribe: { topic: 'again', data: Buffer.alloc(1024) } })).toHaveProperty('Ack');
    await pair.isServed();
    await peer.close();
    await until(() => running.topics.size === 1);
    expect(counts(running).bytes).toBe(0);
  });
});
