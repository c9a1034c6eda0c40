import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { RecordStore } from '../../src/records/record-store.js';
import { HonestPair } from '../support/honest-pair.js';
import { Peer } from '../support/peer.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';

/**
 * JSON that is as deep, long, large or strange as `max-message-bytes` allows. Without that limit, the schema,
 * `record-max-bytes` and `records-max-bytes`, it would overflow the stack, end in an exception, or stay in memory as a
 * record.
 */
describe('JSON bombs', () => {
  const MOST = 65_536;
  let running: RunningServer;
  let pair: HonestPair;
  let peer: Peer;

  beforeAll(async () => {
    running = await startServer({ recordsMaxBytes: 65_536, maxMessagesPerSecond: 0 }, 'info');
    pair = await HonestPair.connect(running.url);
  });
  beforeEach(async () => {
    peer = await Peer.connect(running.url);
  });
  afterEach(async () => {
    await pair.isServed();
    expect(await peer.close()).toMatchObject({ code: 1000 });
    expect(running.log.filter(({ level }) => level === 'error')).toEqual([]);
  });
  afterAll(stopServers);

  const stored = (): number => running.server.app.get(RecordStore, { strict: false }).size;
  const malformed = (message: string): object[] => [{ type: 'error', topic: 't', code: 'malformed', message }];
  /** As many as fit into `most` bytes, with `rest`. */
  const filled = (rest: string, item: string): string => item.repeat(Math.floor((MOST - rest.length) / item.length));
  const nested = (open: string, close: string, inside = ''): string =>
    open.repeat(10_000) + inside + close.repeat(10_000);

  it.each([
    ['arrays', nested('[', ']')],
    ['objects', nested('{"a":', '}', '1')],
    ['arrays that never close', '['.repeat(MOST)],
    ['objects that never close', '{"a":'.repeat(13_000)],
    ['an open string', `{"type":"query","topic":"${'x'.repeat(60_000)}`],
    ['a number of 65,536 digits', '9'.repeat(MOST)],
    ['an exponent of 65,000 digits', `1e${'9'.repeat(65_000)}`],
    ['a deeply nested type', `{"topic":"t","type":${nested('[', ']')}}`],
    ['spaces', ' '.repeat(MOST)],
    ['NUL', '\0'.repeat(MOST)],
    ['a byte order mark before a query', '\ufeff{"type":"query","topic":"t"}'],
    ['two messages in one', '{"type":"query","topic":"t"}{"type":"query","topic":"t"}'],
  ])('J7: %s: ignored', async (_what, text) => {
    expect(await peer.say(text)).toEqual([]);
  });

  it.each([
    [
      'a deeply nested topic',
      `{"type":"query","topic":${nested('[', ']')}}`,
      [{ type: 'error', code: 'malformed', message: 'topic must be a string' }],
    ],
    [
      'a topic that is an infinite number',
      '{"type":"query","topic":1e400}',
      [{ type: 'error', code: 'malformed', message: 'topic must be a string' }],
    ],
    [
      'deeply nested addresses',
      `{"type":"announce","topic":"t","addresses":${nested('[', ']')}}`,
      malformed('addresses must be a list of strings'),
    ],
    [
      'addresses that are deeply nested objects',
      `{"type":"announce","topic":"t","addresses":${nested('{"a":', '}', '1')}}`,
      malformed('addresses must be a list of strings'),
    ],
    [
      'addresses that are an object with a length',
      '{"type":"announce","topic":"t","addresses":{"length":4294967295,"0":"x"}}',
      malformed('addresses must be a list of strings'),
    ],
    [
      '1000 addresses that are numbers',
      `{"type":"announce","topic":"t","addresses":[${Array(1000).fill('1e999').join(',')}]}`,
      malformed('addresses must be a list of strings'),
    ],
    [
      'half a surrogate pair as a topic',
      '{"type":"query","topic":"\\ud800"}',
      [{ type: 'error', code: 'malformed', message: 'topic is not Unicode text' }],
    ],
    [
      'half a surrogate pair as an address',
      '{"type":"announce","topic":"t","addresses":["\\udc00"]}',
      malformed('addresses must be a list of strings'),
    ],
    [
      'a peer_id of 60,001 digits',
      `{"type":"announce","topic":"t","addresses":[],"peer_id":"${'a'.repeat(60_001)}"}`,
      malformed('peer_id must be hex'),
    ],
    [
      'a payload that is base64 except at its end',
      `{"type":"publish","topic":"t","payload":"${'AAAA'.repeat(15_000)}A"}`,
      malformed('payload must be base64 with padding'),
    ],
    [
      'a payload of padding',
      `{"type":"publish","topic":"t","payload":"${'='.repeat(60_000)}"}`,
      malformed('payload must be base64 with padding'),
    ],
  ])('J7: %s: malformed, and the answer does not repeat it', async (_what, text, answers) => {
    expect(await peer.say(text)).toEqual(answers);
    expect(stored()).toBe(0);
  });

  it('J7: a query with deep, long and many unknown fields is answered', async () => {
    const found = [{ type: 'result', topic: 't', payload: null, peers: [] }];
    expect(await peer.say(`{"type":"query","topic":"t","x":${nested('[', ']')}}`)).toEqual(found);
    expect(await peer.say(`{"type":"query","topic":"t","x":${'9'.repeat(60_000)}}`)).toEqual(found);
    expect(
      await peer.say(`{"type":"query","topic":"t",${Array.from({ length: 6000 }, (_, i) => `"${i}":0`).join(',')}}`),
    ).toEqual(found);
  });

  it('J7: a record that is too large is refused and not kept', async () => {
    const say = (head: string, item: string, tail: string): Promise<unknown[]> =>
      peer.say(head + filled(head + tail, item) + tail);
    const tooLarge = [
      {
        type: 'error',
        topic: 't',
        code: 'record_too_large',
        message: 'record over 16384 bytes; the setting is record-max-bytes',
      },
    ];
    expect(await say('{"type":"publish","topic":"t","payload":"', 'AAAA', '"}')).toEqual(tooLarge);
    expect(await say('{"type":"announce","topic":"t","addresses":["', 'x', '"]}')).toEqual(tooLarge);
    expect(await say('{"type":"announce","topic":"t","addresses":["a"', ',"xy"', ']}')).toMatchObject([
      { code: 'record_too_large', message: 'record over 1024 addresses' },
    ]);
    expect(await say('{"type":"announce","topic":"t","addresses":[],"peer_id":"', 'ab', '"}')).toEqual(tooLarge);
    expect(await say('{"type":"query","topic":"', 'x', '"}')).toMatchObject([{ code: 'topic_too_long' }]);
    expect(stored()).toBe(0);
  });

  it('J7: 1024 addresses are accepted; one more is too many, however few bytes they have', async () => {
    expect(await peer.announce('t', Array<string>(1025).fill(''))).toMatchObject([
      { type: 'error', topic: 't', code: 'record_too_large' },
    ]);
    expect(stored()).toBe(0);
    const roomy = await Peer.connect((await startServer()).url);
    expect(await roomy.announce('t', Array<string>(1024).fill('a'))).toEqual([{ type: 'ack', topic: 't' }]);
  });
});
