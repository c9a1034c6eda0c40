import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { canonicalRelayTopic } from '../../src/protocol/canonical-relay.js';
import { encodeMessage } from '../../src/protocol/message.js';
import { readMessage } from '../../src/protocol/strict-reader.js';

const { vectors } = JSON.parse(readFileSync(new URL('../vectors/relay-frames.json', import.meta.url), 'utf8')) as {
  vectors: { name: string; in: string; out: string | null }[];
};
const frames = vectors.map((vector) => Buffer.from(vector.in, 'hex'));

/** The one contract of the fast path and the strict reader: the same verdict, the same topic, and neither ever throws. */
function agree(frame: Buffer): void {
  const fast = canonicalRelayTopic(frame);
  const strict = readMessage(frame);
  const canonical = strict?.kind === 'Relay' && encodeMessage(strict).equals(frame);
  expect(fast).toBe(canonical ? strict.topic : undefined);
}

/** A frame of the vectors, or a canonical one, with a few bytes changed, removed, added or cut off. */
const mutated = fc
  .tuple(
    fc.oneof(
      fc.constantFrom(...frames),
      fc.record({ topic: fc.string({ unit: 'grapheme', maxLength: 300 }), payload: fc.uint8Array({ maxLength: 300 }) }).map(({ topic, payload }) => encodeMessage({ kind: 'Relay', topic, payload })),
    ),
    fc.array(fc.record({ how: fc.constantFrom('change', 'remove', 'insert', 'cut'), at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }) }), { maxLength: 4 }),
  )
  .map(([frame, changes]) =>
    changes.reduce((bytes, { how, at, byte }) => {
      const index = at % (bytes.length + 1);
      switch (how) {
        case 'change':
          return Buffer.concat([bytes.subarray(0, index), Buffer.from([byte]), bytes.subarray(index + 1)]);
        case 'remove':
          return Buffer.concat([bytes.subarray(0, index), bytes.subarray(index + 1)]);
        case 'insert':
          return Buffer.concat([bytes.subarray(0, index), Buffer.from([byte]), bytes.subarray(index)]);
        default:
          return Buffer.from(bytes.subarray(0, index));
      }
    }, frame),
  );

describe('the fast path and the strict reader', () => {
  it.each(vectors.map(({ name }, i) => [name, i] as const))('agree on: %s', (_name, i) => {
    agree(frames[i]);
  });

  it('agree on canonical relays of any topic and payload', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), fc.uint8Array({ maxLength: 400 }), (text, payload) => {
        const topic = Buffer.from(text).toString();
        const frame = encodeMessage({ kind: 'Relay', topic, payload });
        expect(canonicalRelayTopic(frame)).toBe(topic);
        expect(readMessage(frame)).toEqual({ kind: 'Relay', topic, payload: Buffer.from(payload) });
      }),
      { numRuns: 500 },
    );
  });

  it.each([0, 1, 23, 24, 255, 256, 65_535, 65_536, 70_000])('agree at a payload of %d bytes', (size) => {
    const frame = encodeMessage({ kind: 'Relay', topic: 't', payload: Buffer.alloc(size) });
    expect(canonicalRelayTopic(frame)).toBe('t');
    agree(frame);
    agree(frame.subarray(0, -1));
    agree(Buffer.concat([frame, Buffer.from([0])]));
  });

  it.each([0, 1, 23, 24, 255, 256, 5000, 65_535, 65_536])('agree at a topic of %d bytes', (size) => {
    const topic = 'x'.repeat(size);
    const frame = encodeMessage({ kind: 'Relay', topic, payload: Buffer.from([1]) });
    expect(canonicalRelayTopic(frame)).toBe(topic);
    agree(frame);
  });

  it('agree that U+FFFD is a topic like any other, and that what only decodes to it is none', () => {
    agree(encodeMessage({ kind: 'Relay', topic: 'a\ufffdb', payload: Buffer.alloc(0) }));
    expect(canonicalRelayTopic(encodeMessage({ kind: 'Relay', topic: 'a\ufffdb', payload: Buffer.alloc(0) }))).toBe('a\ufffdb');
    agree(Buffer.from('a16552656c6179a265746f70696361ff677061796c6f616440', 'hex'));
  });

  it('agree on mutated frames', () => {
    fc.assert(fc.property(mutated, agree), { numRuns: 5000 });
  });

  it('agree on arbitrary bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => agree(Buffer.from(bytes))), { numRuns: 2000 });
  });
});
