import fc from 'fast-check';
import type { SignalMessage } from '../../src/protocol/message.js';
import type { Request } from '../../src/protocol/request.js';

/**
 * Every way to write a message (docs/protocol.md, "What decodes"), as a generator: what it makes must be read. Has its
 * own knowledge of CBOR (RFC 8949), and shares nothing with the readers.
 */
export interface Spelled<T = SignalMessage> {
  readonly message: T;
  readonly frame: Buffer;
}

type Bytes = fc.Arbitrary<Buffer>;
const [UNSIGNED, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG] = [0, 1, 2, 3, 4, 5, 6];
const BREAK = fc.constant(Buffer.from([0xff]));

const join = (...parts: Bytes[]): Bytes => fc.tuple(...parts).map((all) => Buffer.concat(all));
const constant = (hex: string): Bytes => fc.constant(Buffer.from(hex, 'hex'));

/** A head, as short as possible or longer. */
function head(major: number, argument: number): Bytes {
  const shortest = [24, 0x100, 0x1_0000, 2 ** 32, Infinity].findIndex((bound) => argument < bound);
  return fc
    .oneof({ weight: 4, arbitrary: fc.constant(shortest) }, fc.integer({ min: shortest, max: 4 }))
    .map((form) => {
      if (form === 0) return Buffer.from([(major << 5) | argument]);
      const bytes = Buffer.alloc(1 + 2 ** (form - 1));
      bytes[0] = (major << 5) | (23 + form);
      if (form === 4) bytes.writeBigUInt64BE(BigInt(argument), 1);
      else bytes.writeUIntBE(argument, 1, bytes.length - 1);
      return bytes;
    });
}

const opened = (major: number): Bytes => fc.constant(Buffer.from([(major << 5) | 31]));
const counted = (major: number, items: readonly Bytes[], count: number): Bytes => join(head(major, count), ...items);
const broken = (major: number, items: readonly Bytes[]): Bytes => join(opened(major), ...items, BREAK);

/** A value after a few tags; usually none. */
function tagged(item: Bytes, numbers: readonly number[] = [0, 2, 3, 64, 55_799]): Bytes {
  const tag = fc.constantFrom(...numbers).chain((number) => head(TAG, number));
  const tags = fc.array(tag, { maxLength: 3 }).map((all) => Buffer.concat(all));
  return fc.oneof({ weight: 3, arbitrary: item }, join(tags, item));
}

/** A string in one piece, or in chunks that may nest. `pieces` are what it may be cut into. */
function string(major: number, pieces: readonly Buffer[]): Bytes {
  const whole = Buffer.concat(pieces);
  const definite = join(head(major, whole.length), fc.constant(whole));
  const chunked = fc.tuple(fc.nat(pieces.length), fc.boolean()).chain(([cut, nested]) => {
    const [first, second] = [Buffer.concat(pieces.slice(0, cut)), Buffer.concat(pieces.slice(cut))].map((chunk) =>
      join(head(major, chunk.length), fc.constant(chunk)),
    );
    return broken(major, [first, nested ? broken(major, [second]) : second]);
  });
  return fc.oneof({ weight: 2, arbitrary: definite }, chunked);
}

const text = (value: string): Bytes =>
  string(
    TEXT,
    Array.from(value, (character) => Buffer.from(character)),
  );
const name = (value: string): Bytes =>
  tagged(
    fc.constantFrom(TEXT, BYTES).chain((major) => join(head(major, value.length), fc.constant(Buffer.from(value)))),
  );

/** An integer, tagged, or as a big number with zeros before it, or in chunks. */
function integer(value: number): Bytes {
  const plain = tagged(head(UNSIGNED, value), [0, 64]);
  const hex = value.toString(16);
  const digits = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
  const big = fc.nat(20).chain((zeros) =>
    join(
      tagged(constant('c2'), [0, 64]),
      string(
        BYTES,
        Array.from(Buffer.concat([Buffer.alloc(zeros), digits]), (byte) => Buffer.from([byte])),
      ),
    ),
  );
  return fc.oneof({ weight: 3, arbitrary: plain }, big);
}

function payloadOf(value: Uint8Array): Bytes {
  const octets = Array.from(value, integer);
  return tagged(
    fc.oneof(
      {
        weight: 3,
        arbitrary: string(
          BYTES,
          Array.from(value, (byte) => Buffer.from([byte])),
        ),
      },
      counted(ARRAY, octets, octets.length),
      broken(ARRAY, octets),
    ),
  );
}

/** Any value that an unknown field may have. */
const { value: anyValue } = fc.letrec<{ value: Buffer }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc
      .tuple(fc.constantFrom(UNSIGNED, NEGATIVE), fc.nat(0xffff_ffff))
      .chain(([major, argument]) => head(major, argument)),
    fc.uint8Array({ maxLength: 20 }).chain((value) => string(BYTES, [Buffer.from(value)])),
    fc.string({ unit: 'grapheme', maxLength: 20 }).chain(text),
    fc
      .constantFrom(
        'f4',
        'f5',
        'f6',
        'f7',
        'f814',
        'f817',
        'f97e00',
        'fa7f800000',
        'fb3ff0000000000000',
        'c249010000000000000000',
        'c340',
      )
      .chain(constant),
    tagged(tie('value'), [0, 64, 55_799]),
    fc.array(tie('value'), { maxLength: 3 }).chain((items) => container(ARRAY, items)),
    fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 2 }).chain((items) =>
      container(
        MAP,
        items.map((pair) => Buffer.concat(pair)),
      ),
    ),
  ),
}));

function container(major: number, items: readonly Buffer[]): Bytes {
  const given = items.map((item) => fc.constant(item));
  return fc.oneof(counted(major, given, items.length), broken(major, given));
}

const unknownField: Bytes = join(fc.constantFrom('', 'x', 'Topic', 'payloads', 'relay').chain(name), anyValue);

/** `{ topic, payload, ... }`, in any order. */
function fieldsByName(known: readonly Bytes[]): Bytes {
  return fc
    .array(unknownField, { maxLength: 2 })
    .chain((unknown) =>
      fc.shuffledSubarray([...known, ...unknown.map((field) => fc.constant(field))], {
        minLength: known.length + unknown.length,
      }),
    )
    .chain((fields) => fc.oneof(counted(MAP, fields, fields.length), broken(MAP, fields)));
}

/** `[topic, payload, ...]`: what follows is not read, so neither it nor the break need be there. */
function fieldsByPosition(known: readonly Bytes[]): Bytes {
  return fc.oneof(
    fc.nat(300).chain((more) => counted(ARRAY, known, known.length + more)),
    join(opened(ARRAY), ...known),
  );
}

/** A message of this kind around its fields, and what may follow. */
function itemOf(kind: string, fields: Bytes): Bytes {
  const bareName = tagged(join(head(TEXT, kind.length), fc.constant(Buffer.from(kind))));
  const item = fc.oneof(
    { weight: 4, arbitrary: join(tagged(head(MAP, 1)), name(kind), fields) },
    join(bareName, fields),
  );
  return join(
    item,
    fc.uint8Array({ maxLength: 3 }).map((rest) => Buffer.from(rest)),
  );
}

function spellingOf(message: SignalMessage, positional = true): Bytes {
  const topic = tagged(text(message.topic));
  const values = message.kind === 'Relay' ? [topic, payloadOf(message.payload)] : [topic];
  const named = values.map((value, i) => join(name(['topic', 'payload'][i]), value));
  const byName = fieldsByName(named);
  return itemOf(
    message.kind,
    positional ? fc.oneof({ weight: 3, arbitrary: byName }, fieldsByPosition(values)) : byName,
  );
}

/** What stands for an optional field that is not there. */
const absent = fc.constantFrom('f6', 'f7', 'f816', 'f817').chain(constant);
const boolean = (value: boolean): Bytes =>
  tagged(fc.constantFrom(...(value ? ['f5', 'f815'] : ['f4', 'f814'])).chain(constant));

/** The fields of each message of cairn-signal.v2 (docs/protocol.md, section 12), in order, and how each is written. */
export const FIELDS: Readonly<Record<Request['kind'], readonly string[]>> = {
  Subscribe: ['topic', 'id', 'presence', 'data'],
  Unsubscribe: ['topic', 'id'],
  Relay: ['topic', 'payload', 'id', 'to'],
  IceServers: ['id'],
  Ping: ['id'],
  Pong: ['id'],
};
const WRITTEN: Readonly<Record<string, (value: never) => Bytes>> = {
  topic: (value: string) => tagged(text(value)),
  payload: payloadOf,
  id: integer,
  presence: boolean,
  data: payloadOf,
  to: (value: string) => payloadOf(Buffer.from(value, 'latin1')),
};

function spellingOfRequest(request: Request): Bytes {
  const given = new Map(Object.entries(request));
  const fields = FIELDS[request.kind].map((field) => {
    const value = given.get(field) as never;
    return { field, value: value === undefined ? undefined : WRITTEN[field](value) };
  });
  const last = fields.findLastIndex(({ value }) => value !== undefined);
  // What is absent may be written as null.
  const named = fc
    .array(fc.boolean(), { minLength: fields.length, maxLength: fields.length })
    .chain((nulls) =>
      fieldsByName(
        fields.flatMap(({ field, value }, i) =>
          value === undefined && !nulls[i] ? [] : [join(name(field), value ?? absent)],
        ),
      ),
    );
  const positional = fc.integer({ min: last + 1, max: fields.length }).chain((count) => {
    const items = fields.slice(0, count).map(({ value }) => value ?? absent);
    return count === fields.length
      ? fieldsByPosition(items)
      : fc.oneof(counted(ARRAY, items, count), broken(ARRAY, items));
  });
  return itemOf(request.kind, fc.oneof({ weight: 3, arbitrary: named }, positional));
}

const topic = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 30, size: 'max' }),
  fc.constantFrom('x'.repeat(24), 'é'.repeat(200)),
);
const payload = fc.oneof(
  fc.uint8Array({ maxLength: 30, size: 'max' }),
  fc.constantFrom(new Uint8Array(24), new Uint8Array(300)),
);
const message = fc.oneof(
  fc.record({ kind: fc.constant('Relay' as const), topic, payload }),
  fc.record({ kind: fc.constantFrom('Subscribe' as const, 'Unsubscribe' as const), topic }),
);

export const spelled: fc.Arbitrary<Spelled> = message.chain((value) =>
  spellingOf(value).map((frame) => ({ message: value, frame })),
);

/** The same without those that name no field. */
export const spelledByName: fc.Arbitrary<Spelled> = message.chain((value) =>
  spellingOf(value, false).map((frame) => ({ message: value, frame })),
);

export const anyId: fc.Arbitrary<number> = fc.oneof(
  fc.nat(300),
  fc.constantFrom(0, 23, 24, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1),
  fc.maxSafeNat(),
);
export const anyMember: fc.Arbitrary<string> = fc
  .uint8Array({ minLength: 8, maxLength: 8 })
  .map((bytes) => Buffer.from(bytes).toString('latin1'));

const optional = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined });
const id = optional(anyId);

const anyRequest: fc.Arbitrary<Request> = fc.oneof(
  fc.record({
    kind: fc.constant('Subscribe' as const),
    topic,
    id,
    presence: optional(fc.boolean()),
    data: optional(payload),
  }),
  fc.record({ kind: fc.constant('Unsubscribe' as const), topic, id }),
  fc.record({ kind: fc.constant('Relay' as const), topic, payload, id, to: optional(anyMember) }),
  fc.record({ kind: fc.constant('IceServers' as const), id: anyId }),
  fc.record({ kind: fc.constantFrom('Ping' as const, 'Pong' as const), id }),
);

/** What peers of cairn-signal.v2 may send, in every way to write it. */
export const spelledRequest: fc.Arbitrary<Spelled<Request>> = anyRequest.chain((value) =>
  spellingOfRequest(value).map((frame) => ({ message: value, frame })),
);
