import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { CborCodec } from '../../src/transport/cbor-codec.js';
import { Peer } from '../support/peer.js';
import { startServer, stopServers } from '../support/server.js';

/**
 * Queries of 30 bytes for a topic full of large records. To know which of them fit into an answer of 4,092 bytes, every
 * query would write each as JSON again, and a published one in hex first: 16 records of 16 KB took 1 ms, and 1,024 of
 * them 45 ms. So each record knows its size in an answer.
 */
describe('work for queries', () => {
  afterEach(stopServers);
  afterEach(() => void jest.restoreAllMocks());

  const LARGE = 16_000;
  /** As payload it leaves room for a small entry, and its own entry is larger. */
  const JUST = 2900;

  it.each<[string, (i: number) => object]>([
    ['published', (i) => ({ type: 'publish', payload: Buffer.alloc(JUST, i).toString('base64') })],
    [
      'announced with a long peer_id',
      (i) => ({ type: 'announce', peer_id: i.toString(16).padStart(LARGE, '0'), addresses: [] }),
    ],
    [
      'announced with a long address',
      (i) => ({ type: 'announce', peer_id: i.toString(16).padStart(4, '0'), addresses: ['x'.repeat(JUST)] }),
    ],
    [
      'announced with addresses that JSON must escape',
      (i) => ({ type: 'announce', peer_id: i.toString(16).padStart(4, '0'), addresses: ['\u0001'.repeat(JUST)] }),
    ],
    [
      'announced with the maximum number of addresses',
      (i) => ({ type: 'announce', peer_id: i.toString(16).padStart(4, '0'), addresses: Array<string>(1024).fill('') }),
    ],
  ])('J4: records %s: what does not fit into an answer is not written', async (_what, left) => {
    const running = await startServer({ recordsPerTopic: 64, maxMessagesPerSecond: 0 }, 'off');
    const peers = await Promise.all(Array.from({ length: 64 }, () => Peer.connect(running.url)));
    for (const [i, peer] of peers.entries()) {
      expect(await peer.say({ topic: 't', ...left(i) })).toEqual([{ type: 'ack', topic: 't' }]);
    }

    const asker = [...running.connections][0];
    const answers: Buffer[] = [];
    jest.spyOn(asker, 'send').mockImplementation((frame) => answers.push(frame) > 0);
    const written = jest.spyOn(JSON, 'stringify');
    const made = jest.spyOn(Buffer, 'from');
    running.server.app
      .get(CborCodec, { strict: false })
      .deliver(asker, 'text', Buffer.concat([Buffer.from('{"type":"query","topic":"t"}')]));
    const bytes = (written.mock.results.map(({ value }) => value) as string[]).reduce(
      (sum, json) => sum + json.length,
      0,
    );
    const bytesMade = (made.mock.results.map(({ value }) => value) as Buffer[]).reduce(
      (sum, buffer) => sum + buffer.length,
      0,
    );
    written.mockRestore();
    made.mockRestore();

    const [answer] = answers;
    expect(answers).toHaveLength(1);
    // The payload, and the JSON around it.
    expect(bytes).toBeLessThanOrEqual(answer.length);
    expect(bytesMade).toBeLessThan(3 * answer.length);
    // The count includes what is made.
    expect(bytesMade).toBeGreaterThan(answer.length - 8);
  });
});
