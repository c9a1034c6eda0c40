import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { MemoryRecordStore } from '../../../src/records/memory-record-store.js';
import type { RecordContent } from '../../../src/records/record-store.js';
import { announcement } from '../../contract/record-store.contract.js';
import { heapUsed } from '../../support/heap.js';
import { ManualClock } from '../../support/manual-clock.js';

// Globals of Jest's are looked up slowly, and these are needed millions of times.
const { floor, random } = Math;
const parse = JSON.parse as (text: string) => string;

const DIGITS = randomBytes(65_536).toString('hex');

/** Returns that many of the digits, from a random place. */
function digits(length: number): string {
  const from = floor(random() * (DIGITS.length - length));
  return DIGITS.slice(from, from + length);
}

/** Makes a string with memory of its own, as JSON.parse does. */
const text = (length: number): string => parse(`"${digits(length / 2)}${digits(length / 2)}"`);

const MAX_BYTES = 67_108_864;

describe('memory of records', () => {
  it.each<[string, number, () => RecordContent]>([
    ['announced by as many sources', 1_000_000, () => announcement(text(64), [text(40)])],
    ['announced by one source each, without a peer id', 200_000, () => announcement('', [text(2)])],
    ['published', 200_000, () => ({ kind: 'published', payload: text(8) })],
    ['published, large', 20_000, () => ({ kind: 'published', payload: text(16_384) })],
    [
      'announced with many addresses',
      50_000,
      () =>
        announcement(
          '',
          Array.from({ length: 50 }, () => text(4)),
        ),
    ],
  ])(
    'J8: %s, %d to random topics: heap and external grow by no more than records-max-bytes plus half',
    (_what, howMany, content) => {
      const store = new MemoryRecordStore(
        { ttl: 3_600_000, perTopic: 16, perSource: 1024, maxBytes: MAX_BYTES, maxBytesPerSource: MAX_BYTES / 4 },
        new ManualClock(),
      );
      const before = heapUsed();
      let taken = 0;
      for (let i = 0; i < howMany; i++) {
        const refused = store.put({
          topic: text(64),
          connection: i,
          source: `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`,
          content: content(),
        });
        if (refused === undefined) taken += 1;
        // Once the store is full, records are refused. A few thousand more refusals show that they cost nothing.
        else if (i > taken + 5000) break;
      }
      const grown = heapUsed() - before;
      expect(store.size).toBe(taken);
      expect(store.bytes).toBeGreaterThan(0.95 * MAX_BYTES);
      expect(grown).toBeLessThan(1.5 * MAX_BYTES);
      // The accounting is honest: not far above what the records take, and not below.
      expect(grown).toBeGreaterThan(0.4 * MAX_BYTES);
      expect(grown).toBeLessThan(1.1 * MAX_BYTES);
    },
  );
});
