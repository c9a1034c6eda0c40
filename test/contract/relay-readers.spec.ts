import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { canonicalRelayTopic } from '../../src/protocol/canonical-relay.js';
import { encodeMessage } from '../../src/protocol/message.js';
import { readMessage } from '../../src/protocol/strict-reader.js';
import { mutated } from '../support/mutation.js';
import { agree, frames, relayFrame, vectors } from '../support/relay-frames.js';

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

  it('agree that U+FFFD is a topic like any other, and that bytes which merely decode to it are not', () => {
    agree(encodeMessage({ kind: 'Relay', topic: 'a\ufffdb', payload: Buffer.alloc(0) }));
    expect(canonicalRelayTopic(encodeMessage({ kind: 'Relay', topic: 'a\ufffdb', payload: Buffer.alloc(0) }))).toBe(
      'a\ufffdb',
    );
    agree(Buffer.from('a16552656c6179a265746f70696361ff677061796c6f616440', 'hex'));
  });

  it('agree on mutated frames', () => {
    fc.assert(fc.property(mutated(relayFrame), agree), { numRuns: 5000 });
  });

  it('agree on arbitrary bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => agree(Buffer.from(bytes))),
      { numRuns: 2000 },
    );
  });
});
