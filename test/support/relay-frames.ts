import { readFileSync } from 'node:fs';
import { expect } from '@jest/globals';
import fc from 'fast-check';
import { canonicalRelayTopic } from '../../src/protocol/canonical-relay.js';
import { encodeMessage } from '../../src/protocol/message.js';
import { readMessage } from '../../src/protocol/strict-reader.js';

/** Frames that were observed on the reference. */
export const { vectors } = JSON.parse(
  readFileSync(new URL('../vectors/relay-frames.json', import.meta.url), 'utf8'),
) as {
  vectors: { name: string; in: string; out: string | null }[];
};
export const frames = vectors.map((vector) => Buffer.from(vector.in, 'hex'));

/** A frame of the vectors, or a canonical Relay. */
export const relayFrame: fc.Arbitrary<Buffer> = fc.oneof(
  fc.constantFrom(...frames),
  fc
    .record({ topic: fc.string({ unit: 'grapheme', maxLength: 300 }), payload: fc.uint8Array({ maxLength: 300 }) })
    .map(({ topic, payload }) => encodeMessage({ kind: 'Relay', topic, payload })),
);

/** The contract of the fast path and the strict reader: the same verdict, the same topic, and neither ever throws. */
export function agree(frame: Buffer): void {
  const fast = canonicalRelayTopic(frame);
  const strict = readMessage(frame);
  const canonical = strict?.kind === 'Relay' && encodeMessage(strict).equals(frame);
  expect(fast).toBe(canonical ? strict.topic : undefined);
}
