import { fileURLToPath } from 'node:url';
import { Injectable, Scope } from '@nestjs/common';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { SystemClock } from '../../../src/clock/clock.js';
import type { Clock } from '../../../src/clock/clock.js';
import { TrafficCounts } from '../../../src/metrics/traffic-counts.js';
import { tokenRevoked } from '../../../src/protocol/close-codes.js';
import { RecordStore } from '../../../src/records/record-store.js';
import type { TopicAction } from '../../../src/signaling/topic-policy.js';
import { ManualClock } from '../../support/manual-clock.js';
import { Peer, relayMessage, settle } from '../../support/peer.js';
import { startServer, stopServers } from '../../support/server.js';
import type { RunningServer } from '../../support/server.js';

afterEach(stopServers);

type Decide = (principal: string | undefined, action: TopicAction, topic: string) => boolean | Promise<boolean>;

/** A server whose policy decides like this. */
function ruled(allows: Decide, clock?: Clock): Promise<RunningServer> {
  class Policy {
    readonly allows = allows;
  }
  return startServer({}, 'trace', clock, { topicPolicy: Policy });
}

const forbiddenOf = (running: RunningServer): number =>
  running.server.app.get(TrafficCounts, { strict: false }).dropped.forbidden;

/** A question that a test answers when it likes. */
class Question {
  answer!: (allowed: boolean) => void;
  readonly answered = new Promise<boolean>((resolve) => (this.answer = resolve));
  arrive!: () => void;
  readonly asked = new Promise<void>((resolve) => (this.arrive = resolve));
}

/** A server whose policy is asked this question about relays to the topic "slow", and allows everything else. */
function slowRelays(question: Question): Promise<RunningServer> {
  return ruled((_principal, action, topic) => {
    if (action !== 'relay' || topic !== 'slow') return true;
    question.arrive();
    return question.answered;
  });
}

describe('a topic policy', () => {
  it('P1: drops and counts what it refuses over CBOR, and the connection stays open', async () => {
    const running = await ruled(
      (_principal, action, topic) => topic === 'yes' || (topic === 'deaf' && action === 'relay'),
    );
    const [a, b] = [await Peer.connect(running.url), await Peer.connect(running.url)];
    for (const topic of ['yes', 'deaf', 'no']) a.subscribe(topic);
    await a.sync();
    for (const topic of ['no', 'deaf', 'yes']) b.relay(topic, topic);
    await settle([b], [a]);
    expect(a.received.map((message) => message.toString('latin1').slice(-3))).toEqual(['yes']);
    expect([a, b].map(({ socket }) => socket.readyState)).toEqual([1, 1]);
    expect(forbiddenOf(running)).toBe(3);
  });

  it('P1: is also asked for a Relay that is not canonical', async () => {
    const running = await ruled((_principal, action) => action === 'subscribe');
    const [a, b] = [await Peer.connect(running.url), await Peer.connect(running.url)];
    a.subscribe('topic');
    await a.sync();
    b.send(Buffer.from('a16552656c6179a265746f70696365746f706963677061796c6f616481187b', 'hex'));
    await settle([b], [a]);
    expect([a.received.length, forbiddenOf(running)]).toEqual([0, 1]);
  });

  it('P1: answers what it refuses over JSON with an error, and no record is kept', async () => {
    const running = await ruled((_principal, action, topic) => topic === 'yes' && action !== 'query');
    const peer = await Peer.connect(running.url);
    expect(await peer.say({ type: 'publish', topic: 'yes', payload: 'eA==' })).toEqual([{ type: 'ack', topic: 'yes' }]);
    for (const message of [
      { type: 'publish', topic: 'no', payload: 'eA==' },
      { type: 'announce', topic: 'no', addresses: ['x'] },
      { type: 'query', topic: 'yes' },
    ]) {
      expect(await peer.say(message)).toEqual([
        { type: 'error', topic: message.topic, code: 'forbidden', message: 'you may not do that with this topic' },
      ]);
    }
    expect(running.server.app.get(RecordStore, { strict: false }).size).toBe(1);
  });

  it('P1: is asked once for a connection, an action and a topic', async () => {
    const asked: string[] = [];
    const running = await ruled((principal, action, topic) => asked.push(`${principal} ${action} ${topic}`) > 0);
    const [a, b] = [await Peer.connect(running.url), await Peer.connect(running.url)];
    for (const peer of [a, b]) {
      for (let i = 0; i < 3; i++) {
        peer.subscribe('t');
        peer.relay('t', 'x');
        peer.unsubscribe('t');
      }
      await peer.sync();
    }
    expect(asked).toEqual(['undefined subscribe t', 'undefined relay t', 'undefined subscribe t', 'undefined relay t']);
  });

  it('P1: has 256 of its answers remembered for a connection, and older ones forgotten', async () => {
    let asked = 0;
    const running = await ruled(() => (asked += 1) > 0);
    const peer = await Peer.connect(running.url);
    for (let i = 0; i <= 256; i++) peer.relay(`topic ${i}`, 'x');
    peer.relay('topic 256', 'x');
    await peer.sync();
    expect(asked).toBe(257);
    peer.relay('topic 0', 'x');
    await peer.sync();
    expect(asked).toBe(258);
  });

  it('P1: is told the principal', async () => {
    const seen: unknown[] = [];
    class Named {
      canActivate(context: { switchToHttp(): { getRequest(): { principal?: string } } }): boolean {
        context.switchToHttp().getRequest().principal = 'alice';
        return true;
      }
    }
    class Policy {
      allows(principal: string | undefined): boolean {
        seen.push(principal);
        return true;
      }
    }
    const running = await startServer({}, 'trace', undefined, { guards: [Named], topicPolicy: Policy });
    const peer = await Peer.connect(running.url);
    peer.subscribe('t');
    await peer.sync();
    expect(seen).toEqual(['alice']);
  });

  it('P1: is not asked about a topic that is too long to subscribe to: relaying to it is refused', async () => {
    let asked = 0;
    const running = await ruled(() => (asked += 1) > 0);
    const peer = await Peer.connect(running.url);
    peer.relay('x'.repeat(257), 'x');
    peer.subscribe('x'.repeat(257));
    expect((await peer.closed).code).toBe(1008);
    expect([asked, forbiddenOf(running)]).toEqual([0, 1]);
  });

  it("P2: that takes its time keeps the order of its connection's messages, and makes nobody else wait", async () => {
    const question = new Question();
    const running = await slowRelays(question);
    const [a, b, c] = [
      await Peer.connect(running.url),
      await Peer.connect(running.url),
      await Peer.connect(running.url),
    ];
    for (const topic of ['slow', 'fast']) a.subscribe(topic);
    await a.sync();
    b.relay('slow', '1');
    b.relay('fast', '2');
    b.relay('slow', '3');
    await question.asked;
    c.relay('fast', '0');
    await settle([c], [a]);
    const payloads = (): string => a.received.map((message) => message.toString('latin1').at(-1)).join('');
    expect(payloads()).toBe('0');
    question.answer(true);
    await settle([b], [a]);
    expect(payloads()).toBe('0123');
  });

  it('P2, R9: a relay that is not canonical keeps its own payload until the answer, whatever others send meanwhile', async () => {
    const question = new Question();
    const running = await slowRelays(question);
    const [a, b, c] = [
      await Peer.connect(running.url),
      await Peer.connect(running.url),
      await Peer.connect(running.url),
    ];
    a.subscribe('slow');
    await a.sync();
    const canonical = relayMessage('slow', 'x'.repeat(1000));
    // A tag before the map, which is stripped (R4).
    b.send(Buffer.concat([Buffer.from([0xc1]), canonical]));
    await question.asked;
    c.relay('other', 's3cret'.repeat(10_000));
    await c.sync();
    question.answer(true);
    expect(await a.next()).toEqual(canonical);
  });

  it('P2: may answer with anything that can be awaited', async () => {
    const running = await ruled(
      (_principal, _action, topic) =>
        // oxlint-disable-next-line unicorn/no-thenable -- as the queries of some database libraries are
        ({ then: (resolve: (allowed: boolean) => void) => resolve(topic === 'yes') }) as unknown as Promise<boolean>,
    );
    const peer = await Peer.connect(running.url);
    for (const topic of ['yes', 'no']) peer.subscribe(topic);
    await peer.sync();
    expect([running.topics.size, forbiddenOf(running)]).toEqual([1, 1]);
  });

  it('P2: keeps the answers of JSON peers in order', async () => {
    const question = new Question();
    const running = await ruled((_principal, _action, topic) => topic !== 'slow' || question.answered);
    const peer = await Peer.connect(running.url);
    peer.send(JSON.stringify({ type: 'publish', topic: 'slow', payload: 'eA==' }));
    peer.send(JSON.stringify({ type: 'publish', topic: 'fast', payload: 'eA==' }));
    question.answer(false);
    await peer.sync();
    expect(peer.texts.map((text) => [JSON.parse(text).topic, JSON.parse(text).type])).toEqual([
      ['slow', 'error'],
      ['fast', 'ack'],
    ]);
  });

  it('P2: a relay whose sender leaves before the answer is still delivered (R5)', async () => {
    const question = new Question();
    const running = await ruled((_principal, action) => {
      if (action === 'subscribe') return true;
      question.arrive();
      return question.answered;
    });
    const [a, b] = [await Peer.connect(running.url), await Peer.connect(running.url)];
    a.subscribe('t');
    await a.sync();
    b.relay('t', 'x');
    await question.asked;
    b.socket.terminate();
    question.answer(true);
    expect((await a.next()).toString('latin1')).toContain('payload');
    await b.closed;
  });

  it('P2: a connection that is cut before the answer leaves no subscription and no record behind', async () => {
    const question = new Question();
    const running = await ruled(() => {
      question.arrive();
      return question.answered;
    });
    const [a, b] = [await Peer.connect(running.url), await Peer.connect(running.url)];
    a.subscribe('t');
    b.send(JSON.stringify({ type: 'publish', topic: 't', payload: 'eA==' }));
    await question.asked;
    for (const connection of running.connections) connection.terminate();
    await Promise.all([a.closed, b.closed]);
    await running.connections.empty();
    question.answer(true);
    await question.answered;
    const peer = await Peer.connect(running.url);
    expect([running.topics.size, running.server.app.get(RecordStore, { strict: false }).size]).toEqual([0, 0]);
    await peer.close();
  });

  it('P2, A8: a request of a connection that was closed for a fault meanwhile is not done after the answer', async () => {
    const question = new Question();
    const running = await slowRelays(question);
    const [a, b] = [await Peer.connect(running.url), await Peer.connect(running.url)];
    a.subscribe('slow');
    await a.sync();
    const [, connection] = running.connections;
    b.relay('slow', 'x');
    await question.asked;
    connection.close(tokenRevoked);
    question.answer(true);
    expect((await b.closed).code).toBe(4001);
    expect((await a.sync()).received).toEqual([]);
  });

  it.each([
    [
      'throws',
      (): boolean => {
        throw new Error('the t0pic');
      },
    ],
    ['rejects', (): Promise<boolean> => Promise.reject(new Error('the t0pic'))],
  ])(
    'P3: refuses if it %s, is asked again the next time, and is logged once and without the text',
    async (_what, fail) => {
      let asked = 0;
      const running = await ruled(() => {
        asked += 1;
        return asked > 2 || fail();
      });
      const peer = await Peer.connect(running.url);
      peer.subscribe('t0pic');
      peer.subscribe('t0pic');
      await peer.sync();
      expect([asked, running.topics.size, forbiddenOf(running)]).toEqual([2, 0, 2]);
      peer.subscribe('t0pic');
      await peer.sync();
      expect([asked, running.topics.size]).toEqual([3, 1]);
      expect(running.log.filter(({ level }) => level === 'error')).toHaveLength(1);
      expect(JSON.stringify(running.log)).not.toContain('t0pic');
    },
  );

  it('P3: refuses if it does not answer in time', async () => {
    class HastyClock extends SystemClock {
      override sleep(): Promise<void> {
        return Promise.resolve();
      }
    }
    const running = await ruled(() => new Promise<boolean>(() => undefined), new HastyClock());
    const peer = await Peer.connect(running.url);
    peer.subscribe('t');
    await peer.sync();
    expect([running.topics.size, forbiddenOf(running)]).toEqual([0, 1]);
  });

  it('P3: never gets the text of an error logged, whatever lines it has', async () => {
    const running = await ruled((_principal, _action, topic) => {
      throw new Error(`no rule for ${topic}`);
    });
    const peer = await Peer.connect(running.url);
    peer.subscribe('t0pic\n    at t0pic');
    await peer.sync();
    expect(running.log.filter(({ msg }) => msg === 'the topic policy failed')).toHaveLength(1);
    expect(JSON.stringify(running.log)).not.toContain('t0pic');
  });

  it.each([
    ['no text', [{}]],
    ['none', undefined],
  ])('P3: refuses if it rejects with an error whose stack is %s, and the server goes on', async (_what, stack) => {
    const running = await ruled(() => Promise.reject(Object.assign(new Error('x'), { stack })));
    const peer = await Peer.connect(running.url);
    peer.subscribe('t');
    await peer.sync();
    expect([running.topics.size, forbiddenOf(running)]).toEqual([0, 1]);
  });

  it('P2: a fault of the server after the answer closes the connection concerned, with 1011', async () => {
    const running = await ruled(() => Promise.resolve(true));
    jest.spyOn(running.server.app.get(RecordStore, { strict: false }), 'put').mockImplementation(() => {
      throw new Error('a fault');
    });
    const [peer, other] = [await Peer.connect(running.url), await Peer.connect(running.url)];
    peer.send(JSON.stringify({ type: 'publish', topic: 't', payload: 'eA==' }));
    expect((await peer.closed).code).toBe(1011);
    await other.sync();
  });

  it('P3: is not asked again about what a connection sent after a question that timed out: that is refused', async () => {
    /** Sleepers wake immediately, and no time passes. */
    class StillClock extends ManualClock {
      override sleep(): Promise<void> {
        return Promise.resolve();
      }
    }
    const clock = new StillClock();
    let asked = 0;
    const running = await ruled((_principal, _action, topic) => {
      asked += 1;
      return topic === 'answered' || new Promise<boolean>(() => undefined);
    }, clock);
    const peer = await Peer.connect(running.url);
    for (let i = 0; i < 300; i++) peer.relay(`topic ${i}`, 'x');
    await peer.sync();
    expect([asked, forbiddenOf(running), running.counts.of('max-messages-per-second')]).toEqual([1, 300, 0]);
    clock.pass(1000);
    peer.subscribe('answered');
    await peer.sync();
    expect([asked, running.topics.size]).toEqual([2, 1]);
  });

  it.each([[1], ['true'], [{}], [undefined]])('P3: refuses if it answers %p instead of true', async (answer) => {
    const running = await ruled(() => answer as boolean);
    const peer = await Peer.connect(running.url);
    peer.subscribe('t');
    await peer.sync();
    expect(running.topics.size).toBe(0);
  });

  it('P1: may inject what the server provides, and may come from a file', async () => {
    @Injectable()
    class Full {
      constructor(private readonly records: RecordStore) {}

      allows(): boolean {
        return this.records.size === 0;
      }
    }
    const injected = await startServer({}, 'trace', undefined, { topicPolicy: Full });
    const peer = await Peer.connect(injected.url);
    expect(await peer.say({ type: 'publish', topic: 't', payload: 'eA==' })).toMatchObject([{ type: 'ack' }]);
    expect(await peer.say({ type: 'publish', topic: 'u', payload: 'eA==' })).toMatchObject([
      { type: 'error', code: 'forbidden' },
    ]);

    const running = await startServer({
      topicPolicy: fileURLToPath(new URL('../../support/extensions/topic-policy.js', import.meta.url)),
    });
    const [reader, writer] = [await Peer.connect(running.url), await Peer.connect(running.url)];
    for (const topic of ['open 1', 'read 1', 'closed']) reader.subscribe(topic);
    for (const topic of ['open 1', 'read 1', 'closed']) writer.relay(topic, 'x');
    await settle([reader, writer], []);
    expect([running.topics.size, forbiddenOf(running)]).toEqual([2, 3]);
  });

  it('P1: with request scope stops the start', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class Scoped {
      allows(): boolean {
        return false;
      }
    }
    await expect(startServer({}, 'off', undefined, { topicPolicy: Scoped })).rejects.toThrow(
      'the topic policy, or something it injects, has request scope',
    );
  });
});
