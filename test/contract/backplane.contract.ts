import { afterEach, describe, expect, it } from '@jest/globals';
import type { Backplane } from '../../src/backplane/backplane.js';
import { encodeWord } from '../../src/protocol/member-words.js';
import { relayMessage } from '../support/peer.js';
import { until } from '../support/until.js';

/** Nodes of one service, the messages that each received, and how to stop them. */
export interface Nodes {
  readonly backplanes: readonly Backplane[];
  /** Stops one of them. */
  stop(node: number): Promise<void>;
  close(): Promise<void>;
}

/** The contract of every Backplane. `join` makes nodes of one service; `others` says whether they reach each other. */
export function backplaneContract(name: string, join: (count: number) => Promise<Nodes>, others: boolean): void {
  describe(`Backplane contract: ${name}`, () => {
    let nodes: Nodes;
    afterEach(() => nodes.close());

    /** The messages that arrive at each node, as `topic: payload` in hex. */
    async function start(count: number): Promise<string[][]> {
      nodes = await join(count);
      return nodes.backplanes.map((backplane) => {
        const arrived: string[] = [];
        backplane.listen((topic, message, from) => {
          const named = from === undefined ? '' : ` from ${from}`;
          arrived.push(`${topic} ${Buffer.from(message).toString('hex')}${named}`);
        });
        backplane.hear((topic, word) => arrived.push(`${topic} word ${Buffer.from(word).toString('hex')}`) > 0);
        return arrived;
      });
    }

    const want = async (node: number, topic: string): Promise<void> => {
      await nodes.backplanes[node].subscribe(topic);
    };
    const line = (topic: string, payload: string): string => `${topic} ${relayMessage(topic, payload).toString('hex')}`;
    const send = (node: number, topic: string, payload: string): void =>
      nodes.backplanes[node].publish(topic, relayMessage(topic, payload));

    /** Resolves when all earlier messages have arrived everywhere: each node sends a marker to each other one. */
    async function settle(arrived: readonly string[][]): Promise<void> {
      if (!others) return;
      await Promise.all([...nodes.backplanes.keys()].map((node) => want(node, 'the end')));
      for (const node of nodes.backplanes.keys()) send(node, 'the end', String(node));
      const ends = (lines: readonly string[]): number => lines.filter((one) => one.startsWith('the end')).length;
      await until(
        () => !arrived.some((lines) => ends(lines) < nodes.backplanes.length - 1),
        () => new Promise((resolve) => setImmediate(resolve)),
      );
      for (const lines of arrived) lines.splice(0, lines.length, ...lines.filter((one) => !one.startsWith('the end')));
    }

    it('N1: a message arrives once at every other node that subscribes, and not where it came from', async () => {
      const arrived = await start(3);
      await Promise.all([want(0, 'topic'), want(1, 'topic'), want(1, 'topic')]);
      send(0, 'topic', 'x');
      await settle(arrived);
      expect(arrived).toEqual([[], others ? [line('topic', 'x')] : [], []]);
    });

    it('N1: a topic can be any text', async () => {
      const arrived = await start(2);
      const topics = ['a.b', 'a.*', '>', 'with space', '', 'ünïcödé', '\r\nPUB x 1\r\n', 'x'.repeat(4096)];
      await Promise.all(topics.map((topic) => want(1, topic)));
      for (const topic of topics) send(0, topic, 'x');
      await settle(arrived);
      expect(arrived[1]).toEqual(others ? topics.map((topic) => line(topic, 'x')) : []);
    });

    it('N2: messages arrive in order once the subscription is confirmed', async () => {
      const arrived = await start(2);
      const expected: string[] = [];
      for (let i = 0; i < 200; i++) {
        await want(1, `topic ${i}`);
        for (let n = 0; n < 5; n++) {
          send(0, `topic ${i}`, String(n));
          expected.push(line(`topic ${i}`, String(n)));
        }
      }
      await settle(arrived);
      expect(arrived[1]).toEqual(others ? expected : []);
    });

    it('N1: a node can subscribe to a topic again', async () => {
      const arrived = await start(2);
      await want(1, 'topic');
      nodes.backplanes[1].unsubscribe('topic');
      nodes.backplanes[1].unsubscribe('another');
      await want(1, 'topic');
      send(0, 'topic', 'x');
      await settle(arrived);
      expect(arrived[1]).toEqual(others ? [line('topic', 'x')] : []);
    });

    it('N1: a publisher can reuse its buffer afterwards', async () => {
      const arrived = await start(2);
      await want(1, 'topic');
      const message = relayMessage('topic', 'x');
      nodes.backplanes[0].publish('topic', message);
      message.fill(0);
      await settle(arrived);
      expect(arrived[1]).toEqual(others ? [line('topic', 'x')] : []);
    });

    it('N14: each node knows all others, which are about to stop, and which have stopped', async () => {
      await start(3);
      const [first, second, third] = nodes.backplanes;
      const gone: string[] = [];
      third.nodes.watch({ gone: (node) => gone.push(node) });
      const known = (of: Backplane): string[] => [...of.nodes.others.keys()].toSorted();
      const ids = (...all: readonly Backplane[]): string[] =>
        others ? all.map((one) => one.nodes.self).toSorted() : [];
      const welcome = (): boolean[] => nodes.backplanes.map(({ othersWelcome }) => othersWelcome);
      await until(() => nodes.backplanes.every((node) => known(node).length === (others ? 2 : 0)));
      expect(known(third)).toEqual(ids(first, second));
      expect(welcome()).toEqual([others, others, others]);
      first.leave();
      await until(() => !others || [...third.nodes.others.values()].some(({ leaving }) => leaving));
      expect(welcome()).toEqual([others, others, others]);
      second.leave();
      await until(() => !third.othersWelcome && first.othersWelcome === others);
      await nodes.stop(0);
      await until(() => gone.length === ids(first).length);
      expect(gone).toEqual(ids(first));
      expect(known(third)).toEqual(ids(second));
    });

    it('V7: a message is delivered with the member that it comes from, if its node names one', async () => {
      const arrived = await start(2);
      await want(1, 'topic');
      const message = relayMessage('topic', 'x');
      const from = 'member\x00\xff';
      for (const one of [undefined, from, undefined]) nodes.backplanes[0].publish('topic', message, one);
      await settle(arrived);
      const plain = line('topic', 'x');
      expect(arrived[1]).toEqual(others ? [plain, `${plain} from ${from}`, plain] : []);
    });

    const word = (node: number): Buffer => encodeWord({ kind: 'Seek', node: String(node).padStart(16, '0') });
    const wordLine = (topic: string, node: number): string => `${topic} word ${word(node).toString('hex')}`;

    it('N15: a word reaches every other node that subscribes, once, and in order with messages', async () => {
      const arrived = await start(3);
      await Promise.all([want(0, 'topic'), want(1, 'topic')]);
      send(0, 'topic', 'x');
      const reused = word(1);
      expect(nodes.backplanes[0].tell('topic', reused)).toBe(others);
      reused.fill(0);
      send(0, 'topic', 'y');
      expect(nodes.backplanes[0].tell('topic', word(2), () => undefined)).toBe(others);
      send(0, 'topic', 'z');
      await settle(arrived);
      const [x, y, z] = ['x', 'y', 'z'].map((payload) => line('topic', payload));
      expect(arrived).toEqual([[], others ? [x, wordLine('topic', 1), y, wordLine('topic', 2), z] : [], []]);
    });

    it('N15: a node that asks learns whether it is the only one that has the topic', async () => {
      const arrived = await start(2);
      await want(0, 'topic');
      const ask = (): Promise<boolean | 'not sent'> =>
        new Promise((heard) => {
          if (!nodes.backplanes[0].tell('topic', word(0), heard)) heard('not sent');
        });
      expect(await ask()).toBe(others ? true : 'not sent');
      await want(1, 'topic');
      expect(await ask()).toBe(others ? false : 'not sent');
      await settle(arrived);
      expect(arrived[1]).toEqual(others ? [wordLine('topic', 0)] : []);
    });

    it('O7: an order reaches every other node once, and what they answer comes back', async () => {
      await settle(await start(3));
      const obeyed: string[] = [];
      for (const [node, backplane] of nodes.backplanes.entries()) {
        backplane.obey((order) => {
          obeyed.push(`${node} ${Buffer.from(order).toString()}`);
          return node === 2 ? undefined : Buffer.from(`done by ${node}`);
        });
      }
      const answers = await nodes.backplanes[0].order(Buffer.from('an order'));
      expect(answers.map((answer) => Buffer.from(answer).toString())).toEqual(others ? ['done by 1'] : []);
      expect(obeyed.toSorted()).toEqual(others ? ['1 an order', '2 an order'] : []);
    });
  });
}
