/** V12, N15: the members of all nodes are one list, on real NATS servers and over real sockets. */
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { Backplane } from '../../src/backplane/backplane.js';
import { PresenceCounts } from '../../src/metrics/presence-counts.js';
import { encodeWord } from '../../src/protocol/member-words.js';
import { busIs, countsOf } from '../support/bus.js';
import { describeWithNats, NatsServer } from '../support/nats-server.js';
import { Peer, relayMessage } from '../support/peer.js';
import { endPrograms, Program } from '../support/program.js';
import { RawNats, subjectOf } from '../support/raw-nats.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';
import { until } from '../support/until.js';
import { V2Peer } from '../support/v2-peer.js';
import type { FromServer } from '../support/v2-peer.js';
import { Wire } from '../soak/bus/wire.mjs';

const TOPIC = 'topic';

/** What a peer that looks believes, from all that it was told. */
class Looker {
  readonly members = new Map<string, string>();
  count = 0;
  partial = false;
  self = '';
  /** What else it heard. */
  readonly rest: FromServer[] = [];

  private constructor(readonly peer: V2Peer) {}

  static async at(url: string, data?: string): Promise<Looker> {
    const looker = new Looker(await V2Peer.connect(url));
    const request = { topic: TOPIC, presence: true, ...(data !== undefined && { data: Buffer.from(data) }) };
    for (const message of await looker.peer.ask({ Subscribe: request })) looker.#take(message);
    return looker;
  }

  /** Resolves once it believes these members to be the others, by their data, and knows whether these are all. */
  async sees(others: readonly string[], partial = false): Promise<void> {
    await until(
      () => this.partial === partial && this.count === others.length + 1 && this.others === others.toSorted().join(),
      async () => {
        for (const message of await this.peer.heard()) this.#take(message);
      },
    );
  }

  get others(): string {
    return [...this.members.values()].toSorted().join();
  }

  #take(message: FromServer): void {
    const { Members } = message;
    if (Members === undefined) {
      this.rest.push(message);
      return;
    }
    this.count = Members.count;
    this.partial = Members.partial === true;
    if (Members.self !== undefined) {
      this.self = Members.self.toString('hex');
      this.members.clear();
    }
    for (const { id, data } of Members.joined ?? []) this.members.set(id.toString('hex'), String(data));
    for (const id of Members.left ?? []) this.members.delete(id.toString('hex'));
  }
}

describeWithNats('members of several nodes', () => {
  let nats: NatsServer;
  const wires: Wire[] = [];
  beforeEach(async () => {
    nats = await NatsServer.start();
  });
  afterEach(async () => {
    endPrograms();
    await stopServers();
    for (const wire of wires.splice(0)) wire.close();
    await NatsServer.stopAll();
  });

  const node = (settings: object = {}): Promise<RunningServer> =>
    startServer({ natsUrl: nats.url, maxMessagesPerSecond: 0, ...settings });
  const nodes = (count: number): Promise<RunningServer[]> => Promise.all(Array.from({ length: count }, () => node()));
  const elsewhere = (one: RunningServer): number =>
    one.server.app.get(PresenceCounts, { strict: false }).members.elsewhere;

  it('V12, V3: members of three nodes are one list, v1 peers too; they come, have other data, and leave', async () => {
    const [one, two, three] = await nodes(3);
    const v1 = await Peer.connect(two.url);
    v1.subscribe(TOPIC);
    await v1.sync();
    const a = await Looker.at(one.url, 'a');
    // The list is whole when it is told first (unit/signaling/first-answers), unless a machine is too busy for that.
    await a.sees(['undefined']);
    const c = await Looker.at(three.url, 'c');
    await c.sees(['a', 'undefined']);
    await a.sees(['undefined', 'c']);
    const late = await Peer.connect(three.url);
    late.subscribe(TOPIC);
    await a.sees(['undefined', 'undefined', 'c']);
    c.peer.tell({ Subscribe: { topic: TOPIC, data: Buffer.from('new') } });
    await a.sees(['undefined', 'undefined', 'new']);
    v1.unsubscribe(TOPIC);
    await late.close();
    await a.sees(['new']);
    await c.sees(['a']);
    await a.peer.close();
    await c.sees([]);
    expect([elsewhere(one), elsewhere(three)]).toEqual([0, 0]);
  });

  it('V12: a v1 peer that comes first on a node is a member for those who were there before', async () => {
    const [one, two] = await nodes(2);
    const a = await Looker.at(one.url, 'a');
    await a.sees([]);
    const v1 = await Peer.connect(two.url);
    v1.subscribe(TOPIC);
    await a.sees(['undefined']);
    expect(a.partial).toBe(false);
  });

  it('V6, V7, V8: receipts, senders and addressed messages reach over nodes; v1 peers get plain Relays', async () => {
    const [one, two] = await nodes(2);
    const v1 = await Peer.connect(two.url);
    v1.subscribe(TOPIC);
    await v1.sync();
    const [a, b] = [await Looker.at(one.url, 'a'), await Looker.at(two.url, 'b')];
    await a.sees(['b', 'undefined']);
    const relay = (payload: string, to?: string): Promise<FromServer> =>
      a.peer.answer({
        Relay: { topic: TOPIC, payload: Buffer.from(payload), ...(to !== undefined && { to: Buffer.from(to, 'hex') }) },
      });
    const from = Buffer.from(a.self, 'hex');
    expect((await relay('to all')).Ack!.to).toBe(2);
    expect((await relay('to b', b.self)).Ack!.to).toBe(1);
    const idOfV1 = [...a.members].find(([, data]) => data === 'undefined')![0];
    expect((await relay('to v1', idOfV1)).Ack!.to).toBe(1);
    expect((await relay('to nobody', '0011223344556677')).Ack!.to).toBe(0);
    expect(await v1.next()).toEqual(relayMessage(TOPIC, 'to all'));
    expect(await v1.next()).toEqual(relayMessage(TOPIC, 'to v1'));
    const relays: unknown[] = [...b.rest];
    await until(
      () => relays.filter((message) => (message as FromServer).Relay !== undefined).length >= 2,
      async () => void relays.push(...(await b.peer.heard())),
    );
    expect(relays.map((message) => (message as FromServer).Relay).filter((heard) => heard !== undefined)).toEqual([
      { topic: TOPIC, payload: Buffer.from('to all'), from },
      { topic: TOPIC, payload: Buffer.from('to b'), from, to: true },
    ]);
  });

  it('V12, N15: a topic with v1 peers only costs no word on the bus where no node has v2 peers', async () => {
    const all = await nodes(2);
    const peers = await Promise.all(all.flatMap(({ url }) => [Peer.connect(url), Peer.connect(url)]));
    // Nodes that have just come may not have heard yet whether there are v2 peers.
    await new Promise((passed) => void setTimeout(passed, 3000));
    for (const peer of peers) peer.subscribe(TOPIC);
    await Promise.all(peers.map((peer) => peer.sync()));
    const message = peers[0].relay(TOPIC, 'x');
    expect(await peers[3].next()).toEqual(message);
    expect(all.map((one) => countsOf(one).wordsOut)).toEqual([0, 0]);
  });

  it('V12: members of a node that is killed leave within 15 s, those of one that stops at once', async () => {
    const here = await node();
    const flags = ['--listen-addr', '127.0.0.1:0', '--nats-url', nats.url, '--drain-timeout', '1s'];
    const [killed, stopped] = [new Program(flags), new Program(flags)];
    const urls = await Promise.all([killed, stopped].map(async (program) => `ws://127.0.0.1:${await program.port()}`));
    const a = await Looker.at(here.url, 'a');
    const b = await Looker.at(urls[0], 'b');
    const c = await Looker.at(urls[1], 'c');
    await Promise.all([a.sees(['b', 'c']), b.sees(['a', 'c']), c.sees(['a', 'b'])]);
    stopped.signal('SIGTERM');
    await a.sees(['b']);
    killed.signal('SIGKILL');
    await a.sees([]);
    expect(a.count).toBe(1);
  });

  it('V12: while NATS is away, members are those of the node and partial; then they are whole again', async () => {
    const [one, two] = await nodes(2);
    const [a, near, b] = [
      await Looker.at(one.url, 'a'),
      await Looker.at(one.url, 'near'),
      await Looker.at(two.url, 'b'),
    ];
    await a.sees(['b', 'near']);
    await nats.kill();
    await a.sees(['near'], true);
    await b.sees([], true);
    const receipt = await a.peer.answer({ Relay: { topic: TOPIC, payload: Buffer.from('x') } });
    expect(receipt.Ack).toMatchObject({ to: 1, partial: true });
    // Who comes and goes meanwhile is found out afterwards.
    const c = await Looker.at(two.url, 'c');
    expect(c.partial).toBe(true);
    await near.peer.close();
    await nats.start();
    await Promise.all([a.sees(['b', 'c']), b.sees(['a', 'c']), c.sees(['a', 'b'])]);
    const again = await a.peer.answer({ Relay: { topic: TOPIC, payload: Buffer.from('x') } });
    expect([again.Ack!.to, again.Ack!.partial]).toEqual([2, undefined]);
  });

  it('V12: a node that a partition cuts off has its own members, and all of them when it heals', async () => {
    const wire = new Wire(nats.port);
    wires.push(wire);
    const [one, two] = [await node({ natsUrl: await wire.listen() }), await node()];
    const [a, b] = [await Looker.at(one.url, 'a'), await Looker.at(two.url, 'b')];
    await Promise.all([a.sees(['b']), b.sees(['a'])]);
    wire.cut();
    await a.sees([], true);
    const c = await Looker.at(two.url, 'c');
    await b.peer.close();
    wire.heal();
    await busIs(one, 'up');
    await Promise.all([a.sees(['c']), c.sees(['a'])]);
    expect([a.count, c.count]).toEqual([2, 2]);
  });

  it('N5: a hostile writer pollutes the topics that it writes to, and nothing else; a node forgets what it made up', async () => {
    const here = await node();
    const a = await Looker.at(here.url, 'a');
    const stranger = await RawNats.join(nats.port);
    const say = (word: Parameters<typeof encodeWord>[0]): void =>
      stranger.publish(subjectOf('topic', TOPIC), encodeWord(word));
    const liar = 'A'.repeat(16);
    const members = [{ id: '12345678', data: Buffer.from('lie') }];
    say({ kind: 'Here', node: liar, at: 1, members, wants: false, ask: false, part: 0, more: false });
    await a.sees(['lie']);
    const before = countsOf(here).dropped.malformed;
    for (const garbage of [
      Buffer.of(0xd9, 0xd9, 0xf7),
      encodeWord({ kind: 'Came', node: liar, at: 2, members: [{ id: 'abcdefgh', data: Buffer.alloc(1025) }] }),
      encodeWord({ kind: 'Direct', to: '12345678', from: undefined, relay: relayMessage('another', 'x') }),
      encodeWord({
        kind: 'Here',
        node: here.server.app.get(Backplane, { strict: false }).nodes.self,
        at: 9,
        members: [],
        wants: true,
        ask: true,
        part: 0,
        more: false,
      }),
    ]) {
      stranger.publish(subjectOf('topic', TOPIC), garbage);
    }
    await until(() => countsOf(here).dropped.malformed >= before + 4);
    // A thousand questions are answered a few times.
    const words = countsOf(here).wordsOut;
    for (let at = 10; at < 1010; at++) {
      say({ kind: 'Here', node: liar, at, members, wants: true, ask: true, part: 0, more: false });
    }
    await stranger.flush();
    await a.sees(['lie']);
    await until(() => countsOf(here).wordsIn >= 1001);
    expect(countsOf(here).wordsOut - words).toBeLessThan(50);
    stranger.publish('cairn.nodes', `gone ${liar}`);
    await a.sees([]);
    stranger.leave();
  });
});
