import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { HonestPair } from '../support/honest-pair.js';
import { Peer, relayMessage } from '../support/peer.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';

/**
 * Messages that say a thing twice, so that two readers could understand them differently, or with names that every
 * object inherits. Without the strict reader and the schema, one topic would be checked and another used, and a peer
 * could write into `Object.prototype`, and so into every object of the process.
 */
describe('duplicate and inherited keys', () => {
  /** What objects inherit, and its value. */
  const INHERITED = Object.getOwnPropertyDescriptors(Object.prototype);
  const NAMES = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf'];
  let running: RunningServer;
  let pair: HonestPair;

  beforeAll(async () => {
    running = await startServer({ maxMessagesPerSecond: 0 }, 'info');
    pair = await HonestPair.connect(running.url);
  });
  afterAll(async () => {
    expect(Object.getOwnPropertyDescriptors(Object.prototype)).toEqual(INHERITED);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    expect(running.log.filter(({ level }) => level === 'error')).toEqual([]);
    await stopServers();
  });

  const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex');
  const text = (value: string): Buffer => Buffer.concat([Buffer.from([0x60 | value.length]), Buffer.from(value)]);
  const [MINE, THEIRS, TOPIC, PAYLOAD] = ['mine', 'theirs', 'topic', 'payload'].map(text);

  it.each([
    ['a Subscribe with two topics', [bytes('a1'), text('Subscribe'), bytes('a2'), TOPIC, MINE, TOPIC, THEIRS]],
    ['a Subscribe with the same topic twice', [bytes('a1'), text('Subscribe'), bytes('a2'), TOPIC, MINE, TOPIC, MINE]],
    [
      'a Subscribe whose second topic has its key as bytes',
      [bytes('a1'), text('Subscribe'), bytes('a2'), TOPIC, MINE, bytes('45746f706963'), THEIRS],
    ],
    [
      'a Subscribe whose second topic has a tagged key',
      [bytes('a1'), text('Subscribe'), bytes('bf'), TOPIC, MINE, bytes('c1'), TOPIC, THEIRS, bytes('ff')],
    ],
    [
      'a Relay with two topics',
      [bytes('a1'), text('Relay'), bytes('a3'), TOPIC, MINE, TOPIC, THEIRS, PAYLOAD, bytes('4178')],
    ],
    [
      'a Relay with a second topic after its payload',
      [bytes('a1'), text('Relay'), bytes('a3'), TOPIC, MINE, PAYLOAD, bytes('4178'), TOPIC, THEIRS],
    ],
    [
      'a Relay with two payloads',
      [bytes('a1'), text('Relay'), bytes('a3'), TOPIC, MINE, PAYLOAD, bytes('4178'), PAYLOAD, bytes('4179')],
    ],
    [
      'a message of two kinds',
      [bytes('a2'), text('Subscribe'), bytes('a1'), TOPIC, MINE, text('Subscribe'), bytes('a1'), TOPIC, THEIRS],
    ],
  ])('R6: %s is dropped, and neither half of it is done', async (_what, parts) => {
    const [peer, mine, theirs] = await Promise.all([1, 2, 3].map(() => Peer.connect(running.url)));
    mine.subscribe('mine');
    theirs.subscribe('theirs');
    await Promise.all([mine.sync(), theirs.sync()]);
    peer.send(Buffer.concat(parts));
    await peer.sync();
    const { topics } = running;
    expect(['mine', 'theirs'].map((topic) => topics.subscribers(topic).size)).toEqual([1, 1]);
    await Promise.all([mine.sync(), theirs.sync()]);
    expect([...mine.received, ...theirs.received]).toEqual([]);
    await pair.isServed();
    await Promise.all([peer, mine, theirs].map((one) => one.close()));
  });

  it.each(NAMES)('over CBOR %s is an ordinary topic, an unknown field, and not a kind of message', async (name) => {
    const [peer, listener] = [await Peer.connect(running.url), await Peer.connect(running.url)];
    listener.subscribe(name);
    await listener.sync();
    // {"Subscribe": {"topic": "mine", NAME: {"polluted": true}}}, then {NAME: {"topic": "theirs"}}.
    peer.send(
      Buffer.concat([
        bytes('a1'),
        text('Subscribe'),
        bytes('a2'),
        TOPIC,
        MINE,
        text(name),
        bytes('a1'),
        text('polluted'),
        bytes('f5'),
      ]),
    );
    peer.send(Buffer.concat([bytes('a1'), text(name), bytes('a1'), TOPIC, THEIRS]));
    await peer.sync();
    const { topics } = running;
    expect(['mine', 'theirs'].map((topic) => topics.subscribers(topic).size)).toEqual([1, 0]);
    peer.relay(name, 'x');
    expect(await listener.next()).toEqual(relayMessage(name, 'x'));
    expect(Object.getOwnPropertyDescriptors(Object.prototype)).toEqual(INHERITED);
    await pair.isServed();
    await Promise.all([peer.close(), listener.close()]);
  });

  it.each(NAMES)('over JSON %s is an ordinary topic, an unknown field, and not a kind of message', async (name) => {
    const [one, other] = [await Peer.connect(running.url), await Peer.connect(running.url)];
    expect(await other.query(name)).toMatchObject({ payload: null, peers: [] });
    expect(
      await one.say(`{"type":"announce","topic":"${name}","addresses":["x"],"${name}":{"polluted":true}}`),
    ).toEqual([{ type: 'ack', topic: name }]);
    expect((await other.query(name)).peers).toEqual([{ peer_id: '', addresses: ['x'] }]);
    expect(await one.say(`{"type":"${name}","topic":"t"}`)).toEqual([]);
    expect(await one.say(`{"${name}":{"type":"query","topic":"t"}}`)).toEqual([]);
    expect(await one.say(`{"type":"query","${name}":{"topic":"t"}}`)).toEqual([
      { type: 'error', code: 'malformed', message: 'topic must be a string' },
    ]);
    expect(Object.getOwnPropertyDescriptors(Object.prototype)).toEqual(INHERITED);
    await pair.isServed();
    await Promise.all([one.close(), other.close()]);
  });

  it('J7: the last of two JSON fields with the same name counts, both for checks and for actions', async () => {
    const [one, other] = [await Peer.connect(running.url), await Peer.connect(running.url)];
    expect(
      await one.say(
        '{"type":"query","type":"announce","topic":"first","topic":"second","addresses":[1],"addresses":["x"]}',
      ),
    ).toEqual([{ type: 'ack', topic: 'second' }]);
    expect(await other.query('first')).toMatchObject({ peers: [] });
    expect((await other.query('second')).peers).toHaveLength(1);
    const tooLong = 'x'.repeat(257);
    expect(await one.say(`{"type":"query","topic":"short","topic":"${tooLong}"}`)).toMatchObject([
      { code: 'topic_too_long', topic: tooLong },
    ]);
    expect(await one.say(`{"type":"query","topic":"${tooLong}","topic":"short"}`)).toMatchObject([
      { type: 'result', topic: 'short' },
    ]);
    await pair.isServed();
  });
});
