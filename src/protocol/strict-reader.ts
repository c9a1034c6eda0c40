import { ARRAY, BYTES, CborReader, INDEFINITE, MALFORMED, MAP, TAG, TEXT, UNSIGNED } from './cbor-reader.js';
import { idIn } from './id-in.js';
import { MEMBER_BYTES } from './member.js';
import type { MemberId } from './member.js';
import type { SignalMessage } from './message.js';
import { REQUESTS } from './request-fields.js';
import type { FieldName } from './request-fields.js';
import type { Request, Unreadable } from './request.js';

/**
 * The strict path: reads any frame exactly as the reference does (docs/protocol.md, "What decodes"; RFC 8949). Does not
 * know connections, or the purpose of a message.
 * Invariant: never throws, never reads past the frame, looks at each byte only a few times, and creates no object per
 * byte. 64 KiB in the slowest form take less than a millisecond (bench/codec.mjs).
 */
export function readMessage(frame: Uint8Array): SignalMessage | undefined {
  try {
    return new RequestReader(frame).message();
  } catch (fault) {
    if (fault === MALFORMED || fault === UNSUPPORTED) return undefined;
    throw fault;
  }
}

/**
 * Reads what a peer of cairn-signal.v2 sends (docs/protocol.md, section 12), in every spelling that the reference takes
 * for the messages it knows. The same invariant holds.
 */
export function readRequest(frame: Uint8Array): Request | Unreadable {
  const reader = new RequestReader(frame);
  try {
    return reader.request();
  } catch (fault) {
    if (fault !== MALFORMED && fault !== UNSUPPORTED) throw fault;
    const code = fault === UNSUPPORTED && reader.endsWell() ? 'unsupported' : 'malformed';
    return { kind: 'Unreadable', code, id: idIn(frame) };
  }
}

/** Thrown for a variant that nobody knows. Created once, as MALFORMED is. */
const UNSUPPORTED = new Error('the variant is not known');

/** Longest variant or field name, in bytes. The reference reads names through a buffer of this size. */
const MAX_NAME_BYTES = 4096;
/** How deep the value of an unknown field may nest: 256 in the reference, minus the two maps around it. */
const MAX_DEPTH = 254;

/** A known name, and what it names. */
interface Named<T> {
  readonly bytes: Uint8Array;
  readonly means: T;
}

/** The known names, by length. */
type Names<T> = readonly (readonly Named<T>[] | undefined)[];

interface Field {
  readonly name: FieldName;
  /** One bit for each field. */
  readonly bit: number;
}

/** What a message may hold, for the readers of one protocol. */
interface Variant {
  readonly kind: Request['kind'];
  /** In the order of the CDDL. */
  readonly fields: readonly Field[];
  /** The bits of the fields that it may hold, and of those that it must. */
  readonly known: number;
  readonly required: number;
}

function names<T>(meanings: readonly (readonly [text: string, means: T])[]): Names<T> {
  const byLength: Named<T>[][] = [];
  for (const [text, means] of meanings) (byLength[text.length] ??= []).push({ bytes: Buffer.from(text), means });
  return byLength;
}

const FIELDS = [...new Set(REQUESTS.flatMap(({ required, optional }) => [...required, ...optional]))].map(
  (name, i): Field => ({ name, bit: 1 << i }),
);
const FIELD_NAMES = names(FIELDS.map((field) => [field.name, field]));

function variant(kind: Request['kind'], required: readonly FieldName[], optional: readonly FieldName[]): Variant {
  const named = (name: FieldName): Field => FIELDS.find((field) => field.name === name)!;
  const bits = (all: readonly FieldName[]): number => all.reduce((sum, name) => sum | named(name).bit, 0);
  const fields = [...required, ...optional];
  return { kind, fields: fields.map(named), known: bits(fields), required: bits(required) };
}

/** The columns of the table that each of the two readers reads. */
const MESSAGES = names(
  REQUESTS.filter(({ v1 }) => v1).map(({ kind, required }) => [kind, variant(kind, required, [])]),
);
const ALL_REQUESTS = names(REQUESTS.map(({ kind, required, optional }) => [kind, variant(kind, required, optional)]));

class RequestReader extends CborReader {
  /** The bits of the fields that were there, also as null. */
  #seen = 0;
  #topic = '';
  #payload: Uint8Array | undefined;
  #id: number | undefined;
  #presence: boolean | undefined;
  #data: Uint8Array | undefined;
  #to: MemberId | undefined;

  message(): SignalMessage {
    const kind = this.#read(MESSAGES) as SignalMessage['kind'];
    const topic = this.#topic;
    return kind === 'Relay' ? { kind, topic, payload: this.#payload! } : { kind, topic };
  }

  request(): Request {
    const kind = this.#read(ALL_REQUESTS);
    const id = this.#id;
    switch (kind) {
      case 'Subscribe':
        return { kind, topic: this.#topic, id, presence: this.#presence, data: this.#data };
      case 'Unsubscribe':
        return { kind, topic: this.#topic, id };
      case 'Relay':
        return { kind, topic: this.#topic, payload: this.#payload!, id, to: this.#to };
      case 'IceServers':
        return { kind, id: id! };
      case 'Ping':
      case 'Pong':
        return { kind, id };
    }
  }

  /** Whether the fields of an unknown variant, which come next, are CBOR. */
  endsWell(): boolean {
    try {
      this.skipValue(MAX_DEPTH + 1);
      return true;
    } catch (fault) {
      if (fault === MALFORMED) return false;
      throw fault;
    }
  }

  #read(variants: Names<Variant>): Request['kind'] {
    let head = this.headBehindTags();
    if (head === MAP && this.argument === 1) head = this.headBehindTags();
    // Without the map, the variant name may stand alone, with its fields as the next item: an enum of serde in a
    // sequence.
    else if (head !== TEXT) throw MALFORMED;

    const known = this.#name(head, variants);
    if (known === undefined) throw UNSUPPORTED;

    switch (this.head()) {
      case MAP:
        this.#fieldsByName(known, this.argument);
        break;
      case ARRAY:
        this.#fieldsByPosition(known, this.argument);
        break;
      default:
        throw MALFORMED;
    }
    if ((this.#seen & known.required) !== known.required) throw MALFORMED;
    return known.kind;
  }

  #fieldsByName(known: Variant, count: number): void {
    for (let left = count; left !== 0; left--) {
      const head = this.head();
      if (count === INDEFINITE && this.isBreak(head)) break;
      const field = this.#name(head === TAG ? this.headBehindTags() : head, FIELD_NAMES);
      if (field === undefined || (field.bit & known.known) === 0) this.skipValue(MAX_DEPTH);
      else this.#field(field, known);
    }
  }

  /** Reads `[topic, payload, ...]`. Like the reference, does not read anything after the last field. */
  #fieldsByPosition(known: Variant, count: number): void {
    let left = count;
    for (const field of known.fields) {
      if (count === INDEFINITE ? this.passBreak() : left-- === 0) return;
      this.#field(field, known);
    }
  }

  /**
   * What the name whose head was read last stands for; undefined for an unknown name. An unknown name must be UTF-8
   * only if its type is text.
   */
  #name<T>(major: number, known: Names<T>): T | undefined {
    if (major !== TEXT && major !== BYTES) throw MALFORMED;
    const length = this.argument;
    if (length === INDEFINITE || length > MAX_NAME_BYTES) throw MALFORMED;
    this.pass(length);
    const named = known[length];
    if (named !== undefined) for (const { bytes, means } of named) if (this.chunkIs(bytes)) return means;
    if (major === TEXT) this.checkText();
    return undefined;
  }

  // --- the fields

  /** Reads the value of a field. An optional one may be null, which is as if it were not there. */
  #field({ name, bit }: Field, { required }: Variant): void {
    if ((this.#seen & bit) !== 0) throw MALFORMED;
    this.#seen |= bit;
    if ((required & bit) === 0 && this.passNull()) return;
    switch (name) {
      case 'topic':
        this.#topic = this.#text();
        break;
      case 'payload':
        this.#payload = this.#bytes();
        break;
      case 'id':
        this.#id = this.integer(this.head(), Number.MAX_SAFE_INTEGER);
        break;
      case 'presence':
        this.#presence = this.boolean();
        break;
      case 'data':
        this.#data = this.#bytes();
        break;
      case 'to':
        this.#to = this.#member();
        break;
    }
  }

  #text(): string {
    if (this.headBehindTags() !== TEXT) throw MALFORMED;
    return lent(this.string(TEXT)).toString('utf8');
  }

  #member(): MemberId {
    const bytes = this.#bytes();
    if (bytes.length !== MEMBER_BYTES) throw MALFORMED;
    return lent(bytes).toString('latin1');
  }

  #bytes(): Uint8Array {
    switch (this.headBehindTags()) {
      case BYTES:
        return this.string(BYTES);
      case ARRAY:
        return this.#octets(this.argument);
      default:
        throw MALFORMED;
    }
  }

  /** Reads an array of integers 0..255. */
  #octets(count: number): Uint8Array {
    const octets = this.room(count === INDEFINITE ? Infinity : count);
    let length = 0;
    for (let left = count; left !== 0; left--) {
      const major = this.head();
      if (major === UNSIGNED && this.argument <= 255) octets[length++] = this.argument;
      else if (count === INDEFINITE && this.isBreak(major)) break;
      else octets[length++] = this.integer(major, 255);
    }
    return octets.subarray(0, length);
  }
}

function lent(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
