import { afterEach, describe, expect, it } from '@jest/globals';
import { RecordStore } from '../../src/records/record-store.js';
import { HonestPair } from '../support/honest-pair.js';
import { Peer } from '../support/peer.js';
import { startServer, stopServers } from '../support/server.js';
import { until } from '../support/until.js';

/**
 * Peers that name as many topics as they can, as long as they can. Without `max-topics-per-connection`,
 * `max-topic-bytes`, `max-subscriptions` and `records-per-source` the server would remember all of them until its
 * memory is used up.
 */
describe('topic bomb', () => {
  afterEach(stopServers);

  it('1008: ten peers with a hundred topics each reach one limit or the other, and leave nothing behind', async () => {
    const running = await startServer({ maxTopicsPerConnection: 60, maxSubscriptions: 302 });
    const { topics } = running;
    const pair = await HonestPair.connect(running.url);
    const bombers = await Promise.all(Array.from({ length: 10 }, () => Peer.connect(running.url)));
    for (const [i, bomber] of bombers.entries()) {
      for (let n = 0; n < 100; n++) bomber.subscribe(`${i}/${n}`.padEnd(256, '.'));
    }

    const { counts } = running;
    await until(
      () => counts.of('max-topics-per-connection') + counts.of('max-subscriptions') >= bombers.length,
      async () => {
        expect(topics.subscriptions).toBeLessThanOrEqual(302);
        await pair.isServed();
      },
    );
    const reasons = (await Promise.all(bombers.map(({ closed }) => closed))).map(
      ({ code, reason }) => `${code} ${reason}`,
    );
    const expected =
      /^1008 (?:more than 60 topics on one connection; the setting is max-topics-per-connection|server has 302 subscriptions already; the setting is max-subscriptions)$/;
    for (const reason of reasons) expect(reason).toMatch(expected);
    expect(counts.of('max-topics-per-connection') + counts.of('max-subscriptions')).toBe(bombers.length);
    await until(
      () => topics.size <= 1,
      () => pair.isServed(),
    );
    expect(topics.subscriptions).toBe(2);
  });

  it('1008: a topic of 60,000 bytes; the limit counts bytes of UTF-8', async () => {
    const running = await startServer();
    const pair = await HonestPair.connect(running.url);
    const longest = await Peer.connect(running.url);
    longest.subscribe('ü'.repeat(128));
    await longest.sync();
    expect(running.topics.size).toBe(2);
    for (const topic of ['x'.repeat(60_000), `x${'ü'.repeat(128)}`]) {
      const bomber = await Peer.connect(running.url);
      bomber.subscribe(topic);
      expect(await bomber.closed).toEqual({
        code: 1008,
        reason: 'topic over 256 bytes; the setting is max-topic-bytes',
      });
    }
    expect(running.topics.size).toBe(2);
    expect(running.counts.of('max-topic-bytes')).toBe(2);
    await pair.isServed();
  });

  it('topics that are only relayed to, or unsubscribed from, are not remembered', async () => {
    const running = await startServer({ maxMessagesPerSecond: 0 });
    const pair = await HonestPair.connect(running.url);
    const bomber = await Peer.connect(running.url);
    for (let i = 0; i < 2000; i++) {
      bomber.relay(`relayed ${i}`, 'x');
      bomber.unsubscribe(`unsubscribed ${i}`);
      bomber.subscribe(`left ${i}`);
      bomber.unsubscribe(`left ${i}`);
    }
    await bomber.sync();
    expect([running.topics.size, running.topics.subscriptions]).toEqual([1, 2]);
    await pair.isServed();
  });

  it('J8: records on more and more topics end at records-per-source; another source still finds room', async () => {
    const running = await startServer({ recordsPerSource: 10 });
    const pair = await HonestPair.connect(running.url);
    const bomber = await Peer.connect(running.url, { localAddress: '127.0.0.2' });
    const answers: unknown[] = [];
    for (let i = 0; i < 50; i++) answers.push(...(await bomber.announce(`${i}`, ['x'])));
    expect(answers.filter((answer) => (answer as { type: string }).type === 'ack')).toHaveLength(10);
    expect(answers.filter((answer) => (answer as { code?: string }).code === 'quota_exceeded')).toHaveLength(40);
    expect(running.server.app.get(RecordStore, { strict: false }).size).toBe(10);

    const honest = await Peer.connect(running.url);
    expect(await honest.announce('0', ['here'])).toEqual([{ type: 'ack', topic: '0' }]);
    await pair.isServed();
  });
});
