import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { parseSettings } from '../../../src/config/load-settings.js';
import { entryBytes, plainEntryBytes, result } from '../../../src/protocol/rendezvous-answer.js';
import type { Entry, FoundPeer } from '../../../src/protocol/rendezvous-answer.js';

const page = readFileSync('docs/libraries.md', 'utf8');
/** As cairn derives them. */
const TOPIC = 'a'.repeat(64);

const peersOf = (text: string): FoundPeer[] => (JSON.parse(text) as { peers: FoundPeer[] }).peers;

/** Records of these many bytes each, newest first, as published or announced by Go; the peers that an answer has. */
function published(...sizes: number[]): number {
  const payloads = sizes.map((size) => Buffer.alloc(size));
  const entries = payloads.map((payload): Entry => ({
    bytes: plainEntryBytes(2 * payload.length),
    peer: () => ({ peer_id: '', addresses: [payload.toString('hex')] }),
  }));
  return peersOf(result(TOPIC, payloads[0].toString('base64'), entries)).length;
}

/** The same of one record that Python announced, of so many addresses of so many characters. */
function announced(addresses: number, characters: number): number {
  const peer = { peer_id: 'b'.repeat(64), addresses: Array<string>(addresses).fill('x'.repeat(characters)) };
  const payload = Buffer.from(peer.addresses.join('\n')).toString('base64');
  return peersOf(result(TOPIC, payload, [{ bytes: entryBytes(peer), peer: () => peer }])).length;
}

describe('the figures of docs/libraries.md (J4)', () => {
  it('say up to which size Go and Python find a record that was published, or announced by Go', () => {
    const figures = [...page.matchAll(/(?:up to|\|) ([\d,]+) bytes(?:, as hex)? \|/g)].map(([, figure]) => figure);
    expect(figures.filter((figure) => figure === '1,182').length).toBeGreaterThanOrEqual(8);
    expect([published(1182), published(1183)]).toEqual([1, 0]);
  });

  it('say up to which size Python finds what Python announced', () => {
    expect(page).toContain('1,500 bytes of addresses');
    for (const characters of [20, 25, 30, 50, 75, 100]) expect(announced(1500 / characters, characters)).toBe(1);
    expect(announced(1, 1700)).toBe(0);
  });

  it('say from which size on the payload leaves no room', () => {
    expect(page).toContain('has more than 2,982 bytes');
    const alone = (size: number): number => Buffer.byteLength(result(TOPIC, Buffer.alloc(size).toString('base64'), []));
    expect(alone(2982)).toBeLessThanOrEqual(4092);
    expect(alone(2983)).toBeGreaterThan(4092);
  });

  it('say how many records of one size are in an answer', () => {
    const [, sizes, , counts] = /\| bytes of each \| (.*) \|\n(.*)\n\| records \| (.*) \|/
      .exec(page)!
      .map((row) => row.split(' | ').map((cell) => Number(cell.replace(',', ''))));
    expect(sizes).toHaveLength(5);
    for (const [i, size] of sizes.entries()) {
      expect([size, published(...Array<number>(100).fill(size))]).toEqual([size, counts[i]]);
    }
  });

  it('quote settings at their defaults', () => {
    const { recordMaxBytes, recordsPerTopic, recordTtl } = parseSettings({});
    expect([recordMaxBytes, recordsPerTopic, recordTtl]).toEqual([16_384, 16, 3_600_000]);
    expect(page).toContain('16,384 bytes (`record-max-bytes`)');
    expect(page).toContain('for `record-ttl` (1 hour), 16 at most (`records-per-topic`)');
  });
});

describe('J4: records compete for the room that the payload leaves', () => {
  it.each([
    ['one that is payload and fits no more hides none of the others', [1500, 200, 200, 200], 3],
    ['one in the middle that does not fit hides none behind it', [500, 1400, 300, 300], 3],
    ['a small one behind many that do not fit is listed', [1900, 1000, 1000, 1000, 20], 1],
    ['where there is no room at all, nobody is', [3000, 10, 10], 0],
  ])('%s', (_title, sizes, listed) => {
    expect(published(...sizes)).toBe(listed);
  });
});
