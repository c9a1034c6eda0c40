import { isUtf8 } from 'node:buffer';
import type { SignalMessage } from './message.js';

/**
 * The strict path: reads any frame exactly as the reference does (docs/protocol.md, "What decodes"; RFC 8949).
 * Knows nothing of connections or of what the message is for.
 * Invariant: never throws, never reads past the frame, looks at each byte a few times and makes no object for any: 64 KiB in the
 * slowest form take less than a millisecond (bench/codec.mjs).
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
/** Floats, simple values and, with no argument (INDEFINITE), the break that ends what has no length (section 3.2.1). */
const SIMPLE = 7;

const TAG_BIGNUM = 2;
const TAG_NEGATIVE_BIGNUM = 3;
const INDEFINITE = -1;
/** Stands for a string that is all in one chunk, which was not read yet. */
const DEFINITE = -1;

/** Longest variant or field name, in bytes: the reference reads names through a buffer of this size. */
const MAX_NAME_BYTES = 4096;
/** How deep the value of an unknown field may nest, tags counting as levels: the reference's 256, less the two maps around it. */
const MAX_DEPTH = 254;
/** Longest byte string, in bytes, that the reference takes for an integer behind a big-number tag: 128 bits. */
const MAX_INTEGER_BYTES = 16;
/** From this length on, in bytes, a call into Node costs less than a loop. */
const LONG_BYTES = 128;

/** The names that mean something, by their length. */
const NAMES: { text: string; bytes: Uint8Array }[][] = [];
for (const text of ['Subscribe', 'Unsubscribe', 'Relay', 'topic', 'payload']) (NAMES[text.length] ??= []).push({ text, bytes: Buffer.from(text) });

const VARIANTS = new Map<string | undefined, SignalMessage['kind']>([
  ['Subscribe', 'Subscribe'],
  ['Unsubscribe', 'Unsubscribe'],
  ['Relay', 'Relay'],
]);

class Reader {
  #at = 0;
  /** Argument of the head read last: a length, a count, a tag number or a value; INDEFINITE for additional information 31. */
  #argument = 0;
  /** Where the chunk read last begins; it ends at `#at`. */
  #from = 0;
  /** Indefinite strings that are open, or DEFINITE before the only chunk of one that is not indefinite. */
  #open = 0;

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
    for (let left = count; left !== 0; left--) {
      const head = this.#head();
      if (count === INDEFINITE && this.#isBreak(head)) break;
      const name = this.#name(head === TAG ? this.#headBehindTags() : head);
      if (name === 'topic') {
        if (topic !== undefined) throw MALFORMED;
        topic = this.#topic();
      } else if (name === 'payload' && kind === 'Relay') {
        if (payload !== undefined) throw MALFORMED;
        payload = this.#payload();
      } else {
        this.#skipValues(1, ARRAY, MAX_DEPTH);
      }
    }
    return build(kind, topic, payload);
  }

  /** `[topic, payload, ...]`: what follows the last field is not read at all, as in the reference. */
  #fieldsByPosition(kind: SignalMessage['kind'], count: number): SignalMessage {
    if (count === 0) throw MALFORMED;
    const topic = this.#topic();
    if (kind !== 'Relay') return { kind, topic };
    if (count === 1) throw MALFORMED;
    return { kind, topic, payload: this.#payload() };
  }

  /** The variant or field name whose head was just read; undefined for one that means nothing, which need be UTF-8 only if it is text. */
  #name(major: number): string | undefined {
    if (major !== TEXT && major !== BYTES) throw MALFORMED;
    const length = this.#argument;
    if (length === INDEFINITE || length > MAX_NAME_BYTES) throw MALFORMED;
    this.#pass(length);
    const named = NAMES[length];
    if (named !== undefined) for (const { text, bytes } of named) if (this.#chunkIs(bytes)) return text;
    if (major === TEXT) this.#checkText();
    return undefined;
  }

  #chunkIs(bytes: Uint8Array): boolean {
    for (let i = 0; i < bytes.length; i++) if (this.frame[this.#from + i] !== bytes[i]) return false;
    return true;
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

  /** An array of integers 0..255. */
  #octets(count: number): Uint8Array {
    const octets = this.#room(count === INDEFINITE ? Infinity : count);
    let length = 0;
    for (let left = count; left !== 0; left--) {
      const major = this.#head();
      if (major === UNSIGNED && this.#argument <= 255) octets[length++] = this.#argument;
      else if (count === INDEFINITE && this.#isBreak(major)) break;
      else octets[length++] = this.#taggedOctet(major);
    }
    return octets.subarray(0, length);
  }

  /** An octet behind tags, or as a big number. */
  #taggedOctet(head: number): number {
    let major = head;
    while (major === TAG && this.#argument !== TAG_BIGNUM && this.#argument !== TAG_NEGATIVE_BIGNUM) major = this.#head();
    if (major === TAG && this.#argument === TAG_BIGNUM) return this.#bigOctet();
    if (major !== UNSIGNED || this.#argument > 255) throw MALFORMED;
    return this.#argument;
  }

  /** A big number, whose byte string follows, that is an octet behind any number of zeros. */
  #bigOctet(): number {
    if (this.#head() !== BYTES) throw MALFORMED;
    let value = 0;
    for (this.#openString(); this.#nextChunk(BYTES); ) {
      for (let at = this.#from; at < this.#at; at++) {
        if (value !== 0) throw MALFORMED;
        value = this.frame[at];
      }
    }
    return value;
  }

  // --- values of unknown fields

  /** Skips `count` values, or those up to a break, of a container of this major type. */
  #skipValues(count: number, container: typeof ARRAY | typeof MAP, depth: number): void {
    for (let left = count; left !== 0; left--) {
      const at = this.#at;
      const major = this.#head();
      switch (major) {
        case UNSIGNED:
        case NEGATIVE:
          break;
        case BYTES:
        case TEXT:
          for (this.#openString(); this.#nextChunk(major); );
          break;
        case ARRAY:
        case MAP:
          if (depth === 0) throw MALFORMED;
          this.#skipValues(major === MAP && this.#argument !== INDEFINITE ? 2 * this.#argument : this.#argument, major, depth - 1);
          break;
        case TAG:
          if (this.#skipBigNumber(this.#argument)) break;
          if (depth === 0) throw MALFORMED;
          this.#skipValues(1, ARRAY, depth - 1);
          break;
        default:
          if (!this.#isBreak(major)) {
            this.#checkSimple(at);
            break;
          }
          // A map does not end between key and value: then `left` is even.
          if (count !== INDEFINITE || (container === MAP && left % 2 === 0)) throw MALFORMED;
          return;
      }
    }
  }

  /**
   * Skips the big number behind a tag, if one follows that the reference reads as an integer: then the tag is no level.
   * Its integers have 128 bits with a sign, so a negative one of 16 bytes must leave the highest bit free.
   */
  #skipBigNumber(tag: number): boolean {
    if (tag !== TAG_BIGNUM && tag !== TAG_NEGATIVE_BIGNUM) return false;
    const at = this.#at;
    const length = this.#head() === BYTES ? this.#argument : INDEFINITE;
    if (length === INDEFINITE || length > MAX_INTEGER_BYTES) {
      this.#at = at;
      return false;
    }
    this.#pass(length);
    if (tag === TAG_NEGATIVE_BIGNUM && length === MAX_INTEGER_BYTES && this.frame[this.#from] >= 0x80) throw MALFORMED;
    return true;
  }

  /** Floats pass; of the simple values only false, true, null and undefined do, in one byte or in two. */
  #checkSimple(at: number): void {
    const information = this.frame[at] & 0x1f;
    if (information === 25 || information === 26 || information === 27) return;
    if (information > 24 || this.#argument < 20 || this.#argument > 23) throw MALFORMED;
  }

  // --- heads and strings

  #headBehindTags(): number {
    let major = this.#head();
    while (major === TAG) major = this.#head();
    return major;
  }

  /** Whether the head just read, of this major type, is a break. */
  #isBreak(major: number): boolean {
    return major === SIMPLE && this.#argument === INDEFINITE;
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
    } else if (information === 31 && major >= BYTES && major !== TAG) {
      this.#argument = INDEFINITE;
    } else {
      throw MALFORMED;
    }
    return major;
  }

  /** The content of a string whose head was just read; a copy where it is in chunks. */
  #string(major: typeof BYTES | typeof TEXT): Uint8Array {
    const definite = this.#argument !== INDEFINITE;
    this.#openString();
    if (definite) {
      this.#nextChunk(major);
      return this.frame.subarray(this.#from, this.#at);
    }
    const content = this.#room(Infinity);
    let length = 0;
    while (this.#nextChunk(major)) {
      if (this.#at - this.#from < LONG_BYTES) for (let at = this.#from; at < this.#at; at++) content[length++] = this.frame[at];
      else {
        content.set(this.frame.subarray(this.#from, this.#at), length);
        length += this.#at - this.#from;
      }
    }
    return content.subarray(0, length);
  }

  /** Begins with the chunks of the string whose head was just read. */
  #openString(): void {
    this.#open = this.#argument === INDEFINITE ? 1 : DEFINITE;
  }

  /** Reads the next chunk, if there is one. Chunks of an indefinite string may nest; each chunk of text is UTF-8 by itself. */
  #nextChunk(major: number): boolean {
    if (this.#open === DEFINITE) {
      this.#open = 0;
      return this.#chunk(major);
    }
    while (this.#open > 0) {
      const head = this.#head();
      if (head === major) {
        if (this.#argument !== INDEFINITE) return this.#chunk(major);
        this.#open += 1;
      } else if (this.#isBreak(head)) this.#open -= 1;
      else throw MALFORMED;
    }
    return false;
  }

  /** Always true. */
  #chunk(major: number): boolean {
    this.#pass(this.#argument);
    if (major === TEXT) this.#checkText();
    return true;
  }

  #checkText(): void {
    const { frame } = this;
    const from = this.#from;
    const to = this.#at;
    if (to - from < LONG_BYTES ? !isShortText(frame, from, to) : !isUtf8(frame.subarray(from, to))) throw MALFORMED;
  }

  /** Passes `length` bytes, which become the chunk read last. */
  #pass(length: number): void {
    this.#from = this.#at;
    if (length > this.frame.length - this.#from) throw MALFORMED;
    this.#at = this.#from + length;
  }

  /** Room for as many bytes as are wanted and the rest of the frame can bring, whatever count it claims. */
  #room(bytes: number): Uint8Array {
    return Buffer.allocUnsafe(Math.min(bytes, this.frame.length - this.#at));
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

/** Whether bytes are UTF-8 (The Unicode Standard, table 3-7), as `isUtf8` says it: that takes a view of its own for each text. */
function isShortText(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; ) {
    const first = bytes[at++];
    if (first < 0x80) continue;
    if (first < 0xc2 || first > 0xf4) return false;
    const next = at + (first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3);
    if (next > to) return false;
    const second = bytes[at++];
    // No overlong forms, no surrogates, nothing above U+10FFFF.
    const least = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
    const most = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
    if (second < least || second > most) return false;
    for (; at < next; at++) if ((bytes[at] & 0xc0) !== 0x80) return false;
  }
  return true;
}
