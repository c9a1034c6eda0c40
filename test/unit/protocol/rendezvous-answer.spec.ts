import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  ack,
  entryBytes,
  MOST_READ_BYTES,
  plainEntryBytes,
  errorAnswer,
  result as resultOf,
} from '../../../src/protocol/rendezvous-answer.js';
import type { Entry, FoundPeer } from '../../../src/protocol/rendezvous-answer.js';

interface Result {
  payload: string | null;
  peers: FoundPeer[];
}

const peer = (length: number, peerId = ''): FoundPeer => ({ peer_id: peerId, addresses: ['a'.repeat(length)] });
const entry = (found: FoundPeer): Entry => ({ bytes: entryBytes(found), peer: () => found });
const result = (topic: string, payload: string | null, peers: readonly FoundPeer[]): string =>
  resultOf(topic, payload, peers.map(entry));
const read = (text: string): Result => JSON.parse(text) as Result;

/** Bytes of an answer besides the address of its only peer. */
const AROUND = Buffer.byteLength(result('t', 'eA==', [peer(0)]));

describe('J4: the answer to a query', () => {
  it('is 4,092 bytes at most, and a peer that makes it one byte longer is left out', () => {
    const fits = result('t', 'eA==', [peer(MOST_READ_BYTES - AROUND)]);
    expect(Buffer.byteLength(fits)).toBe(4092);
    expect(read(fits).peers).toHaveLength(1);
    const tooLong = result('t', 'eA==', [peer(MOST_READ_BYTES - AROUND + 1)]);
    expect(read(tooLong)).toMatchObject({ payload: 'eA==', peers: [] });
  });

  it('lists the newest that fit, the comma between them included', () => {
    const two = AROUND + 1 + JSON.stringify(peer(0)).length;
    const half = Math.floor((MOST_READ_BYTES - two) / 2);
    const fits = result('t', 'eA==', [peer(half), peer(MOST_READ_BYTES - two - half)]);
    expect(Buffer.byteLength(fits)).toBe(4092);
    expect(read(fits).peers).toHaveLength(2);
    expect(read(result('t', 'eA==', [peer(half), peer(MOST_READ_BYTES - two - half + 1)])).peers).toEqual([peer(half)]);
  });

  it('is not emptied by one that is too large', () => {
    expect(read(result('t', null, [peer(5000), peer(10), peer(20)])).peers).toEqual([peer(10), peer(20)]);
  });

  it('never cuts the payload, and then lists nobody', () => {
    const payload = 'x'.repeat(8000);
    expect(read(result('t', payload, [peer(1)]))).toEqual({ type: 'result', topic: 't', payload, peers: [] });
  });

  it('counts bytes, not characters', () => {
    const text = result('é'.repeat(100), null, [
      { peer_id: '', addresses: ['€'.repeat(1260)] },
      { peer_id: '', addresses: ['€'.repeat(100)] },
    ]);
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(4092);
    expect(read(text).peers).toHaveLength(1);
  });

  it('needs no more peers than fit', () => {
    let asked = 0;
    const endless = function* (): Generator<Entry> {
      for (; asked < 100_000; asked++) yield entry(peer(100));
    };
    expect(read(resultOf('t', 'x'.repeat(5000), endless())).peers).toEqual([]);
    expect(asked).toBe(0);
  });

  it('knows what an entry takes, or that it fits into no answer', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('', '"', '\u0001', '\ud83d\ude00'),
      fc.nat(5000).map((length) => 'é'.repeat(length)),
    );
    fc.assert(
      fc.property(fc.constantFrom('', 'aabb'), fc.array(text), (peerId, addresses) => {
        const found = { peer_id: peerId, addresses };
        const bytes = Buffer.byteLength(JSON.stringify(found));
        expect(bytes > MOST_READ_BYTES ? [bytes, Infinity] : [bytes]).toContain(entryBytes(found));
      }),
    );
    expect(entryBytes(peer(1_000_000))).toBe(Infinity);
    expect(plainEntryBytes(7)).toBe(entryBytes(peer(7)));
  });
});

describe('the other answers', () => {
  it('J3: an ack names the topic', () => {
    expect(ack('t"')).toBe('{"type":"ack","topic":"t\\""}');
  });

  it('J7: an error has a topic only if the message had one', () => {
    expect(JSON.parse(errorAnswer('t', 'quota_exceeded', 'why'))).toEqual({
      type: 'error',
      topic: 't',
      code: 'quota_exceeded',
      message: 'why',
    });
    expect(errorAnswer(undefined, 'malformed', 'why')).toBe('{"type":"error","code":"malformed","message":"why"}');
  });
});
