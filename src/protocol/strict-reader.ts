import { isUtf8 } from 'node:buffer';
import type { SignalMessage } from './message.js';

/**
 * The strict path: reads any frame exactly as the reference does (docs/protocol.md, "What decodes"; RFC 8949).
 * Knows nothing of connections or of what the message is for.
 * Invariant: never throws, never reads past the frame, costs time in the frame's length.
 */
export function readMessage(frame: Uint8Array): SignalMessage | undefined {
  try {
    return new Reader(frame).message();
  } catch (fault) {
    if (fault === MALFORMED) return undefined;
    throw fault;
  }
}

/** Thrown for every frame that does not decode: made once, since a flood of garbage must not cost a stack trace each. */
const MALFORMED = new Error('the frame is not one of the three messages');

/** CBOR major types (RFC 8949, section 3.1). */
const UNSIGNED = 0;
const NEGATIVE = 1;
const BYTES = 2;
const TEXT = 3;
const ARRAY = 4;
const MAP = 5;
const TAG = 6;

const TAG_BIGNUM = 2;
const TAG_NEGATIVE_BIGNUM = 3;
const BREAK = 0xff;
const INDEFINITE = -1;

/** Longest variant or field name, in bytes: the reference reads names through a buffer of this size. */
const MAX_NAME_BYTES = 4096;
/** How deep the value of an unknown field may nest, tags counting as levels: the reference's 256, less the two maps around it. */
const MAX_DEPTH = 254;
/** Longest byte string, in bytes, that the reference takes for an integer behind a big-number tag: 128 bits. */
const MAX_INTEGER_BYTES = 16;

const VARIANTS = new Map<string | undefined, SignalMessage['kind']>([
  ['Subscribe', 'Subscribe'],
  ['Unsubscribe', 'Unsubscribe'],
  ['Relay', 'Relay'],
]);

class Reader {
  #at = 0;
  /** Argument of the head read last: a length, a count, a tag number or a value; INDEFINITE for additional information 31. */
  #argument = 0;

  constructor(private readonly frame: Uint8Array) {}

  message(): SignalMessage {
    let head = this.#headBehindTags();
    if (head === MAP && this.#argument === 1) head = this.#headBehindTags();
    // Without the map, a variant name may stand bare with its fields as the next item: serde's enum in a sequence.
    else if (head !== TEXT) throw MALFORMED;

    const kind = VARIANTS.get(this.#name(head));
    if (kind === undefined) throw MALFORMED;

    switch (this.#head()) {
      case MAP:
        return this.#fieldsByName(kind, this.#argument);
      case ARRAY:
        return this.#fieldsByPosition(kind, this.#argument);
      default:
        throw MALFORMED;
    }
  }

  #fieldsByName(kind: SignalMessage['kind'], count: number): SignalMessage {
    let topic: string | undefined;
    let payload: Uint8Array | undefined;
    for (let left = count; !this.#atEndOf(left); left--) {
      const name = this.#name(this.#headBehindTags());
      if (name === 'topic') {
        if (topic !== undefined) throw MALFORMED;
        topic = this.#topic();
      } else if (name === 'payload' && kind === 'Relay') {
        if (payload !== undefined) throw MALFORMED;
        payload = this.#payload();
      } else {
        this.#skipValue(MAX_DEPTH);
      }
    }
    return build(kind, topic, payload);
  }

  /** `[topic, payload, ...]`: what follows the last field is not read at all, as in the reference. */
  #fieldsByPosition(kind: SignalMessage['kind'], count: number): SignalMessage {
    if (this.#atEndOf(count)) throw MALFORMED;
    const topic = this.#topic();
    if (kind !== 'Relay') return { kind, topic };
    if (this.#atEndOf(count === INDEFINITE ? count : count - 1)) throw MALFORMED;
    return { kind, topic, payload: this.#payload() };
  }

  /** The variant or field name whose head was just read; undefined for a byte string that is not UTF-8, which is nobody's name. */
  #name(major: number): string | undefined {
    if (major !== TEXT && major !== BYTES) throw MALFORMED;
    if (this.#argument === INDEFINITE || this.#argument > MAX_NAME_BYTES) throw MALFORMED;
    const bytes = this.#take(this.#argument);
    if (isUtf8(bytes)) return utf8(bytes);
    if (major === TEXT) throw MALFORMED;
    return undefined;
  }

  // --- the two fields

  #topic(): string {
    if (this.#headBehindTags() !== TEXT) throw MALFORMED;
    return utf8(this.#string(TEXT));
  }

  #payload(): Uint8Array {
    switch (this.#headBehindTags()) {
      case BYTES:
        return this.#string(BYTES);
      case ARRAY:
        return this.#octets(this.#argument);
      default:
        throw MALFORMED;
    }
  }

  /** An array of integers 0..255. Its buffer grows with what is really there, never with the count that is claimed. */
  #octets(count: number): Uint8Array {
    const octets: number[] = [];
    for (let left = count; !this.#atEndOf(left); left--) octets.push(this.#octet());
    return Uint8Array.from(octets);
  }

  #octet(): number {
    let major = this.#head();
    while (major === TAG && this.#argument !== TAG_BIGNUM && this.#argument !== TAG_NEGATIVE_BIGNUM) major = this.#head();
    if (major === TAG && this.#argument === TAG_BIGNUM) {
      const value = this.#bigNumber();
      if (value.length > 1) throw MALFORMED;
      return value.length === 0 ? 0 : value[0];
    }
    if (major !== UNSIGNED || this.#argument > 255) throw MALFORMED;
    return this.#argument;
  }

  /** The magnitude of a big number, leading zeros stripped; the head of its byte string is not read yet. */
  #bigNumber(): Uint8Array {
    if (this.#head() !== BYTES) throw MALFORMED;
    const bytes = this.#string(BYTES);
    const first = bytes.findIndex((byte) => byte !== 0);
    return first < 0 ? bytes.subarray(bytes.length) : bytes.subarray(first);
  }

  // --- values of unknown fields

  #skipValue(depth: number): void {
    const at = this.#at;
    const major = this.#head();
    switch (major) {
      case UNSIGNED:
      case NEGATIVE:
        return;
      case BYTES:
      case TEXT:
        this.#string(major);
        return;
      case ARRAY:
      case MAP: {
        if (depth === 0) throw MALFORMED;
        for (let left = this.#argument; !this.#atEndOf(left); left--) {
          this.#skipValue(depth - 1);
          if (major === MAP) this.#skipValue(depth - 1);
        }
        return;
      }
      case TAG:
        if (this.#skipBigNumber(this.#argument)) return;
        if (depth === 0) throw MALFORMED;
        this.#skipValue(depth - 1);
        return;
      default:
        this.#checkSimple(at);
    }
  }

  /**
   * Skips the big number behind a tag, if one follows that the reference reads as an integer: then the tag is no level.
   * Its integers have 128 bits with a sign, so a negative one of 16 bytes must leave the highest bit free.
   */
  #skipBigNumber(tag: number): boolean {
    if (tag !== TAG_BIGNUM && tag !== TAG_NEGATIVE_BIGNUM) return false;
    const at = this.#at;
    if (this.#head() !== BYTES || this.#argument === INDEFINITE || this.#argument > MAX_INTEGER_BYTES) {
      this.#at = at;
      return false;
    }
    const magnitude = this.#take(this.#argument);
    if (tag === TAG_NEGATIVE_BIGNUM && magnitude.length === MAX_INTEGER_BYTES && magnitude[0] >= 0x80) throw MALFORMED;
    return true;
  }

  /** Floats pass; of the simple values only false, true, null and undefined do, in one byte or in two. */
  #checkSimple(at: number): void {
    const information = this.frame[at] & 0x1f;
    if (information === 25 || information === 26 || information === 27) return;
    if (information > 24 || this.#argument < 20 || this.#argument > 23) throw MALFORMED;
  }

  // --- heads and strings

  /** Whether a container with `left` items to come has ended; takes the break of an indefinite one, whose `left` stays below zero. */
  #atEndOf(left: number): boolean {
    if (left >= 0) return left === 0;
    if (this.frame[this.#at] !== BREAK) return false;
    this.#at += 1;
    return true;
  }

  #headBehindTags(): number {
    let major = this.#head();
    while (major === TAG) major = this.#head();
    return major;
  }

  /** Reads one head: returns its major type and leaves its argument. Lengths beyond the frame need no exact value, so doubles do. */
  #head(): number {
    const frame = this.frame;
    if (this.#at >= frame.length) throw MALFORMED;
    const initial = frame[this.#at++];
    const major = initial >> 5;
    const information = initial & 0x1f;
    if (information < 24) {
      this.#argument = information;
    } else if (information <= 27) {
      const size = 1 << (information - 24);
      if (this.#at + size > frame.length) throw MALFORMED;
      let argument = 0;
      for (let i = 0; i < size; i++) argument = argument * 256 + frame[this.#at++];
      this.#argument = argument;
    } else if (information === 31 && major >= BYTES && major <= MAP) {
      this.#argument = INDEFINITE;
    } else {
      throw MALFORMED;
    }
    return major;
  }

  /** The content of a string whose head was just read. Chunks of an indefinite one may nest; each chunk of text is UTF-8 by itself. */
  #string(major: typeof BYTES | typeof TEXT): Uint8Array {
    if (this.#argument !== INDEFINITE) return this.#chunk(major);
    const chunks: Uint8Array[] = [];
    for (let open = 1; open > 0; ) {
      if (this.frame[this.#at] === BREAK) {
        this.#at += 1;
        open -= 1;
      } else if (this.#head() !== major) {
        throw MALFORMED;
      } else if (this.#argument === INDEFINITE) {
        open += 1;
      } else {
        chunks.push(this.#chunk(major));
      }
    }
    return Buffer.concat(chunks);
  }

  #chunk(major: typeof BYTES | typeof TEXT): Uint8Array {
    const bytes = this.#take(this.#argument);
    if (major === TEXT && !isUtf8(bytes)) throw MALFORMED;
    return bytes;
  }

  #take(length: number): Uint8Array {
    const from = this.#at;
    if (length > this.frame.length - from) throw MALFORMED;
    this.#at = from + length;
    return this.frame.subarray(from, this.#at);
  }
}

function build(kind: SignalMessage['kind'], topic: string | undefined, payload: Uint8Array | undefined): SignalMessage {
  if (topic === undefined) throw MALFORMED;
  if (kind !== 'Relay') return { kind, topic };
  if (payload === undefined) throw MALFORMED;
  return { kind, topic, payload };
}

function utf8(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}
