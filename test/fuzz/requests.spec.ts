import { expect } from '@jest/globals';
import fc from 'fast-check';
import { canonicalRelayRequest, canonicalRelayTopic, relayWithin } from '../../src/protocol/canonical-relay.js';
import { encodeMessage } from '../../src/protocol/message.js';
import type { Request, Unreadable } from '../../src/protocol/request.js';
import { readMessage, readRequest } from '../../src/protocol/strict-reader.js';
import { mutated } from '../support/mutation.js';
import { cbor } from '../support/peer.js';
import { relayFrame } from '../support/relay-frames.js';
import { filled, vectors } from '../support/v2-vectors.js';
import { plainRequest } from './plain-request.js';
import { property } from './property.js';
import { anyId, anyMember, spelled, spelledByName, spelledRequest } from './spelling.js';

const IDS = new Map(['A', 'B', 'C'].map((peer) => [peer, '0011223344556677']));
const vectorFrame = fc.constantFrom(
  ...vectors
    .flatMap(({ in: sent }) => sent)
    .filter((message) => typeof message === 'string')
    .map((message) => filled(message, IDS)),
);

/** A canonical Relay of cairn-signal.v2. */
const canonical = fc
  .record({
    topic: fc.string({ unit: 'grapheme', maxLength: 300 }),
    payload: fc.uint8Array({ maxLength: 300 }),
    id: fc.option(anyId),
    to: fc.option(anyMember),
  })
  .map(({ topic, payload, id, to }) => canonicalOf(topic, payload, id ?? undefined, to ?? undefined));

/** A value for a field: of the right type, or of any. */
const value = fc.oneof(
  fc.constantFrom('t', '', true, false, null, undefined, 0, 5, 2 ** 32, -1, 1.5, 2n ** 53n, 2n ** 53n - 1n, 2n ** 32n),
  anyId.map(BigInt),
  fc.uint8Array({ maxLength: 10 }).map((bytes) => Buffer.from(bytes)),
  anyMember.map((id) => Buffer.from(id, 'latin1')),
  fc.array(fc.constantFrom(0, 255, 256, -1, 'x'), { maxLength: 9 }),
  fc.jsonValue(),
);
const fields = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.dictionary(fc.constantFrom('topic', 'payload', 'id', 'presence', 'data', 'to', 'x'), value),
  },
  fc.array(value, { maxLength: 5 }),
  value,
);
const plainFrame = fc
  .tuple(fc.constantFrom('Subscribe', 'Unsubscribe', 'Relay', 'IceServers', 'Ping', 'Pong', 'Ack', 'ping', ''), fields)
  .map(([kind, content]) => cbor.encode({ [kind]: content }));

const anyFrame = fc.oneof(
  mutated(vectorFrame),
  mutated(relayFrame),
  mutated(canonical),
  mutated(plainFrame),
  mutated(spelled.map(({ frame }) => frame)),
  mutated(spelledRequest.map(({ frame }) => frame)),
);

property('a request of cairn-signal.v2 is read in every spelling', spelledRequest, ({ message, frame }) => {
  expect(comparable(readRequest(frame))).toEqual(comparable(message));
});

property(
  'a request of cairn-signal.v2 is read as a plain reader reads it',
  fc.oneof({ weight: 2, arbitrary: plainFrame }, canonical, anyFrame),
  (frame) => {
    const read = comparable(readRequest(frame));
    const expected = plainRequest(frame);
    expect(expected === undefined ? read : comparable(expected)).toEqual(read);
  },
);

property(
  'both readers read alike what peers without cairn-signal.v2 send',
  fc.tuple(spelledByName, anyFrame),
  ([{ message, frame }, other]) => {
    // Unless it has fields that mean nothing there, or by position more elements than are read there.
    expect(comparable(readRequest(frame))).toEqual(comparable(message));
    const request = readRequest(other);
    const there = readMessage(other);
    const { kind, topic, payload } = comparable(request) as Record<string, unknown>;
    const known = kind === 'Subscribe' || kind === 'Unsubscribe' || kind === 'Relay';
    // Fields of v2 mean nothing there, and may hold what a reader that skips them cannot read: a number beyond 128 bits.
    const more = Object.keys(request).some((name) => !['kind', 'topic', 'payload'].includes(name));
    if (more && there === undefined) return;
    expect(known ? there && comparable(there) : undefined).toEqual(known ? { kind, topic, payload } : undefined);
  },
);

property('the fast path for requests and the strict reader agree on any frame', anyFrame, (frame) => {
  const read = readRequest(frame);
  const fast = canonicalRelayRequest(frame);
  const found =
    fast && comparable({ kind: 'Relay', topic: fast.topic, payload: Buffer.alloc(0), id: fast.id, to: fast.to });
  if (read.kind !== 'Relay' || (read.id === undefined && read.to === undefined)) return expect(fast).toBeUndefined();
  const isCanonical = canonicalOf(read.topic, read.payload, read.id, read.to).equals(frame);
  expect(found).toEqual(isCanonical ? comparable({ ...read, payload: Buffer.alloc(0) }) : undefined);
  if (fast === undefined) return undefined;
  expect(canonicalRelayTopic(frame)).toBeUndefined();
  const relay = encodeMessage({ kind: 'Relay', topic: read.topic, payload: read.payload });
  return expect(relayWithin(Buffer.from(frame), fast.end).equals(relay)).toBe(true);
});

function canonicalOf(topic: string, payload: Uint8Array, id?: number, to?: string): Buffer {
  return cbor.encode({
    Relay: {
      topic,
      payload: Buffer.from(payload),
      ...(id !== undefined && { id: id < 2 ** 32 ? id : BigInt(id) }),
      ...(to !== undefined && { to: Buffer.from(to, 'latin1') }),
    },
  });
}

/** The same without what is absent, and bytes in hex. */
function comparable(read: Request | Unreadable): unknown {
  return Object.fromEntries(
    Object.entries(read)
      .filter(([, one]) => one !== undefined)
      .map(([name, one]) => [name, one instanceof Uint8Array ? Buffer.from(one).toString('hex') : (one as unknown)]),
  );
}
