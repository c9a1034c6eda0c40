import {
  ARRAY,
  BYTES,
  CborReader,
  INDEFINITE,
  MALFORMED,
  MAP,
  TAG,
  TAG_BIGNUM,
  TAG_NEGATIVE_BIGNUM,
  TEXT,
  UNSIGNED,
} from './cbor-reader.js';
import type { SignalMessage } from './message.js';

/**
 * The strict path: reads any frame exactly as the reference does (docs/protocol.md, "What decodes"; RFC 8949). Does not
 * know connections, or the purpose of a message.
 * Invariant: never throws, never reads past the frame, looks at each byte only a few times, and creates no object per
 * byte. 64 KiB in the slowest form take less than a millisecond (bench/codec.mjs).
 */
export function readMessage(frame: Uint8Array): SignalMessage | undefined {
  try {
    return new MessageReader(frame).message();
  } catch (fault) {
    if (fault === MALFORMED) return undefined;
    throw fault;
  }
}

/** Longest variant or field name, in bytes. The reference reads names through a buffer of this size. */
const MAX_NAME_BYTES = 4096;
/** How deep the value of an unknown field may nest: 256 in the reference, minus the two maps around it. */
const MAX_DEPTH = 254;
/** The known names, by length. */
const NAMES: { text: string; bytes: Uint8Array }[][] = [];
for (const text of ['Subscribe', 'Unsubscribe', 'Relay', 'topic', 'payload']) {
  (NAMES[text.length] ??= []).push({ text, bytes: Buffer.from(text) });
}

const VARIANTS = new Map<string | undefined, SignalMessage['kind']>([
  ['Subscribe', 'Subscribe'],
  ['Unsubscribe', 'Unsubscribe'],
  ['Relay', 'Relay'],
]);

class MessageReader extends CborReader {
  message(): SignalMessage {
    let head = this.headBehindTags();
    if (head === MAP && this.argument === 1) head = this.headBehindTags();
    // Without the map, the variant name may stand alone, with its fields as the next item: an enum of serde in a
    // sequence.
    else if (head !== TEXT) throw MALFORMED;

    const kind = VARIANTS.get(this.#name(head));
    if (kind === undefined) throw MALFORMED;

    switch (this.head()) {
      case MAP:
        return this.#fieldsByName(kind, this.argument);
      case ARRAY:
        return this.#fieldsByPosition(kind, this.argument);
      default:
        throw MALFORMED;
    }
  }

  #fieldsByName(kind: SignalMessage['kind'], count: number): SignalMessage {
    let topic: string | undefined;
    let payload: Uint8Array | undefined;
    for (let left = count; left !== 0; left--) {
      const head = this.head();
      if (count === INDEFINITE && this.isBreak(head)) break;
      const name = this.#name(head === TAG ? this.headBehindTags() : head);
      if (name === 'topic') {
        if (topic !== undefined) throw MALFORMED;
        topic = this.#topic();
      } else if (name === 'payload' && kind === 'Relay') {
        if (payload !== undefined) throw MALFORMED;
        payload = this.#payload();
      } else {
        this.skipValue(MAX_DEPTH);
      }
    }
    return build(kind, topic, payload);
  }

  /** Reads `[topic, payload, ...]`. Like the reference, does not read anything after the last field. */
  #fieldsByPosition(kind: SignalMessage['kind'], count: number): SignalMessage {
    if (count === 0) throw MALFORMED;
    const topic = this.#topic();
    if (kind !== 'Relay') return { kind, topic };
    if (count === 1) throw MALFORMED;
    return { kind, topic, payload: this.#payload() };
  }

  /**
   * The variant or field name whose head was read last; undefined for an unknown name. An unknown name must be UTF-8
   * only if its type is text.
   */
  #name(major: number): string | undefined {
    if (major !== TEXT && major !== BYTES) throw MALFORMED;
    const length = this.argument;
    if (length === INDEFINITE || length > MAX_NAME_BYTES) throw MALFORMED;
    this.pass(length);
    const named = NAMES[length];
    if (named !== undefined) for (const { text, bytes } of named) if (this.#chunkIs(bytes)) return text;
    if (major === TEXT) this.checkText();
    return undefined;
  }

  #chunkIs(bytes: Uint8Array): boolean {
    for (let i = 0; i < bytes.length; i++) if (this.frame[this.from + i] !== bytes[i]) return false;
    return true;
  }

  // --- the two fields

  #topic(): string {
    if (this.headBehindTags() !== TEXT) throw MALFORMED;
    return utf8(this.string(TEXT));
  }

  #payload(): Uint8Array {
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
      else octets[length++] = this.#taggedOctet(major);
    }
    return octets.subarray(0, length);
  }

  /** Reads an octet that follows tags, or that is a big number. */
  #taggedOctet(head: number): number {
    let major = head;
    while (major === TAG && this.argument !== TAG_BIGNUM && this.argument !== TAG_NEGATIVE_BIGNUM) major = this.head();
    if (major === TAG && this.argument === TAG_BIGNUM) return this.#bigOctet();
    if (major !== UNSIGNED || this.argument > 255) throw MALFORMED;
    return this.argument;
  }

  /** Reads the byte string of a big number that is an octet, after any number of zeros. */
  #bigOctet(): number {
    if (this.head() !== BYTES) throw MALFORMED;
    let value = 0;
    for (this.openString(); this.nextChunk(BYTES);) {
      for (let at = this.from; at < this.at; at++) {
        if (value !== 0) throw MALFORMED;
        value = this.frame[at];
      }
    }
    return value;
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
