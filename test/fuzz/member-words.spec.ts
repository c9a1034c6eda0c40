import { expect } from '@jest/globals';
import fc from 'fast-check';
import { encodeWord, MOST_WORD_BYTES, partsOf, readWord } from '../../src/protocol/member-words.js';
import type { MemberWord } from '../../src/protocol/member-words.js';
import { mutated } from '../support/mutation.js';
import { property } from './property.js';

const MOST_DATA = 64;
const characters = (of: string, length: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...of.split('')), minLength: length, maxLength: length });
const node = characters('abcXYZ019-_', 16);
const id = fc.uint8Array({ minLength: 8, maxLength: 8 }).map((bytes) => Buffer.from(bytes).toString('latin1'));
const bytes = (maxLength: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ maxLength }).map((content) => Buffer.from(content));
const at = fc.maxSafeNat();
const members = fc.array(fc.record({ id, data: fc.option(bytes(MOST_DATA), { nil: undefined }) }), { maxLength: 5 });

const anyWord: fc.Arbitrary<MemberWord> = fc.oneof(
  fc.record({
    kind: fc.constant('Here' as const),
    node,
    at,
    members,
    wants: fc.boolean(),
    ask: fc.boolean(),
    part: fc.nat(),
    more: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('Came' as const), node, at, members }),
  fc.record({ kind: fc.constant('Left' as const), node, at, ids: fc.array(id, { maxLength: 5 }) }),
  fc.record({ kind: fc.constantFrom('Seek' as const, 'Want' as const), node }),
  fc.record({
    kind: fc.constant('Direct' as const),
    to: id,
    from: fc.option(id, { nil: undefined }),
    relay: bytes(200),
  }),
);

const garbage = bytes(64).map((rest) => Buffer.concat([Buffer.of(0xd9, 0xd9, 0xf7), rest]));

property(
  'a word of a node is read as it was encoded, or not at all',
  fc.record({
    word: anyWord,
    frame: fc.oneof(garbage, mutated(anyWord.map(encodeWord))),
    most: fc.integer({ min: 200, max: 1000 }),
  }),
  ({ word, frame, most }) => {
    expect(readWord(encodeWord(word), MOST_DATA)).toEqual(word);
    const read = readWord(frame, MOST_DATA);
    // What was read holds no more than came, and means the same when it is encoded again.
    if (read !== undefined) expect(readWord(encodeWord(read), MOST_DATA)).toEqual(read);
    if (word.kind !== 'Came') return;
    for (const part of partsOf(word.members, most)) {
      expect(encodeWord({ ...word, members: part }).length).toBeLessThanOrEqual(Math.min(most, MOST_WORD_BYTES));
    }
  },
);
