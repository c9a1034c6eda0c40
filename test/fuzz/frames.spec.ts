import { expect } from '@jest/globals';
import fc from 'fast-check';
import { canonicalRelayTopic } from '../../src/protocol/canonical-relay.js';
import { encodeMessage } from '../../src/protocol/message.js';
import type { SignalMessage } from '../../src/protocol/message.js';
import { parseRendezvousMessage } from '../../src/protocol/rendezvous-message.js';
import { readMessage, readRequest } from '../../src/protocol/strict-reader.js';
import { metered } from '../support/metered-frame.js';
import { mutated } from '../support/mutation.js';
import { agree, relayFrame } from '../support/relay-frames.js';
import { property } from './property.js';
import { spelled } from './spelling.js';

const arbitraryBytes = fc.uint8Array({ maxLength: 64, size: 'max' }).map((bytes) => Buffer.from(bytes));
const anyFrame = fc.oneof(arbitraryBytes, mutated(relayFrame), mutated(spelled.map(({ frame }) => frame)));

property('the fast path and the strict reader agree on any frame', anyFrame, (frame) => {
  agree(frame);
  const message = readMessage(frame);
  if (message !== undefined) agreeOnCanonical(message);
});

property('a message is read in every spelling', spelled, ({ message, frame }) => {
  expect(plain(readMessage(frame))).toEqual(plain(message));
  agree(frame);
});

/** R4: the canonical encoding of what was read means the same, and both paths read it. */
function agreeOnCanonical(message: SignalMessage): void {
  const canonical = encodeMessage(message);
  expect(plain(readMessage(canonical))).toEqual(plain(message));
  expect(canonicalRelayTopic(canonical)).toBe(message.kind === 'Relay' ? message.topic : undefined);
}

function plain(message: SignalMessage | undefined): unknown {
  return message?.kind === 'Relay' ? { ...message, payload: Buffer.from(message.payload).toString('hex') } : message;
}

// --- work

/** Heads that open, nest or claim something, written again and again at a place where a reader may follow them. */
const tower = fc
  .record({
    // The start; the variant's name; a field's name; an unknown field's value; the topic; the payload; the fields by
    // position.
    // With cairn-signal.v2 also: the id; the receiver; the data; whether to tell members; an unknown variant.
    at: fc.constantFrom(
      'a16450696e67a1626964',
      'a16552656c6179a362746f',
      'a169537562736372696265bf6464617461',
      'a169537562736372696265bf6870726573656e6365',
      'a163466f6f',
      '',
      'a1',
      'a16552656c6179bf',
      'a16552656c6179a36178',
      'a16552656c6179a265746f706963',
      'a16552656c6179a265746f7069636174677061796c6f6164',
      'a16552656c617982',
    ),
    heads: fc.array(
      fc.oneof(
        fc.constantFrom(
          '81',
          '9f',
          'a1',
          'bf',
          '5f',
          '7f',
          'c0',
          'c2',
          'c3',
          'd9d9f7',
          '41',
          '61',
          '6178',
          '00',
          'ff',
          'f9',
          'f6',
        ),
        fc.constantFrom(
          '5a7fffffff',
          '5bffffffffffffffff',
          '7a7fffffff',
          '7bffffffffffffffff',
          '9a7fffffff',
          '9bffffffffffffffff',
          'ba7fffffff',
          'bbffffffffffffffff',
          'c25bffffffffffffffff',
        ),
      ),
      { minLength: 1, maxLength: 3 },
    ),
    times: fc.oneof(fc.nat(300), fc.nat(20_000)),
    tail: arbitraryBytes,
  })
  .map(({ at, heads, times, tail }) =>
    Buffer.concat([Buffer.from(at + heads.join('').repeat(times), 'hex').subarray(0, 65_536), tail]),
  );

/**
 * Work is what a reader looks at: bytes, one by one or as pieces. It may look at each a few times, however deep they
 * nest and whatever length they claim. A reader that allocated what is claimed would throw on the largest. Time and
 * memory say nothing reliable about one frame, so they are not measured.
 */
property('reading a frame takes work linear in its length', fc.oneof(tower, anyFrame), (frame) => {
  const most = 4 * frame.length + 64;
  canonicalRelayTopic(metered(frame, most));
  // What cannot be read is looked through once more, for its id.
  readRequest(metered(frame, 2 * most));
  const message = readMessage(metered(frame, most));
  if (message === undefined) return;
  expect(Buffer.byteLength(message.topic)).toBeLessThanOrEqual(frame.length);
  if (message.kind === 'Relay') expect(message.payload.length).toBeLessThanOrEqual(frame.length);
});

// --- JSON

const anyString = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('t', '', 'eA==', 'eA=', '***', 'aabb', 'AbC', '\ud800'),
);
const anyField = fc.oneof({ weight: 4, arbitrary: anyString }, fc.array(anyString, { maxLength: 3 }), fc.jsonValue());
const number = fc.stringMatching(/^-?(?:0|[1-9]\d{0,3})(?:\.\d{0,2})?(?:[eE][+-]?\d{0,3})?$/);
const message = fc.record(
  {
    type: fc.oneof({ weight: 9, arbitrary: fc.constantFrom('publish', 'announce', 'query') }, anyField),
    topic: anyField,
    payload: anyField,
    peer_id: anyField,
    addresses: anyField,
    __proto__: anyField,
  },
  { requiredKeys: ['type'], noNullPrototype: true },
);
const nested = fc
  .tuple(fc.constantFrom('[', '{"a":', '{"type":"announce","topic":"t","addresses":['), fc.nat(10_000))
  .map(([open, times]) => open.repeat(times).slice(0, 65_536));
const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.json(),
  nested,
  message.map((value) => JSON.stringify(value)),
  respelled(message.map((value) => JSON.stringify(value))),
  mutated(message.map((value) => Buffer.from(JSON.stringify(value)))).map((bytes) => bytes.toString()),
  mutated(respelled(message.map((value) => JSON.stringify(value))).map((text) => Buffer.from(text))).map((bytes) =>
    bytes.toString(),
  ),
);

/**
 * The same JSON with spaces around some of its tokens, some characters escaped, and an additional field before or
 * after, whose name may be one of the dialect.
 */
function respelled(json: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const field = fc.tuple(
    fc.constantFrom('type', 'topic', 'payload', 'peer_id', 'addresses', 'x', 'toString', ''),
    fc.oneof(
      anyField.map((value) => JSON.stringify(value)),
      number,
    ),
  );
  return fc
    .tuple(json, fc.option(field), fc.option(field), fc.infiniteStream(fc.nat(40)))
    .map(([text, before, behind, chance]) => {
      const next = (): number => chance.next().value;
      const [first, last] = [before, behind].map((one) => (one === null ? '' : `${JSON.stringify(one[0])}:${one[1]}`));
      const whole = `{${[first, text.slice(1, -1), last].filter((part) => part !== '').join(',')}}`;
      return whole.replaceAll(/"(?:[^"\\]|\\.)*"|[{}[\],:]/g, (token) => {
        const space = [' ', '\t', '\r\n', '\u00a0'][next()] ?? '';
        return token.startsWith('"')
          ? token.replaceAll(/(?<=[^\\])[a-z/](?!")/g, (character) =>
              next() > 3 ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
            )
          : space + token + space;
      });
    });
}

/** Allowed fault texts: our own sentences, which repeat nothing of the message. */
const FAULT =
  /^(?:topic (?:must be a string|is not Unicode text)|payload must be base64 with padding|peer_id must be (?:a string|hex)|addresses must be a list of strings)$/;

property(
  'any text is read as the JSON dialect defines it, or ignored',
  anyText.map((text) => Buffer.from(text)),
  (bytes) => {
    const text = bytes.toString();
    const read = parseRendezvousMessage(bytes);
    const given = objectIn(text);
    if (!['publish', 'announce', 'query'].includes(given.type as string)) return expect(read).toBeUndefined();
    if (read?.type === 'malformed') {
      expect(conforms(given)).toBe(false);
      expect(read.fault).toMatch(FAULT);
      return expect(read.topic).toBe(isText(given.topic) ? given.topic : undefined);
    }
    expect(conforms(given)).toBe(true);
    const { type, topic, payload, peer_id: peerId = '', addresses } = given;
    return expect(read).toEqual({
      type,
      topic,
      ...(type === 'publish' && { payload }),
      ...(type === 'announce' && { peer_id: peerId, addresses }),
    });
  },
);

function objectIn(text: string): Record<string, unknown> {
  try {
    return (JSON.parse(text) ?? {}) as Record<string, unknown>;
  } catch {
    return {};
  }
}

const isText = (value: unknown): value is string => typeof value === 'string' && value.isWellFormed();
const matches = (value: unknown, pattern: RegExp): boolean => typeof value === 'string' && pattern.test(value);

/** Returns whether it is one of the messages in docs/protocol.md, section 2. */
function conforms({ type, topic, payload, peer_id: peerId = '', addresses }: Record<string, unknown>): boolean {
  if (!isText(topic)) return false;
  if (type === 'publish') {
    return matches(payload, /^(?:[\w+/]{4})*(?:[\w+/]{2}==|[\w+/]{3}=)?$/) && !matches(payload, /_/);
  }
  return (
    type === 'query' || (matches(peerId, /^(?:[0-9a-f]{2})*$/i) && Array.isArray(addresses) && addresses.every(isText))
  );
}
