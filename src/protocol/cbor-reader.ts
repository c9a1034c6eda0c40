import { LONG_BYTES, isText } from './utf8.js';

/**
 * Thrown for every frame that does not decode. Created once, so that a flood of garbage does not cost a stack trace per
 * frame.
 */
export const MALFORMED = new Error('the frame is not a message');

/** CBOR major types (RFC 8949, section 3.1). */
export const UNSIGNED = 0;
const NEGATIVE = 1;
export const BYTES = 2;
export const TEXT = 3;
export const ARRAY = 4;
export const MAP = 5;
export const TAG = 6;
/**
 * Floats and simple values. With the argument INDEFINITE, the break that ends an item of indefinite length (section
 * 3.2.1).
 */
const SIMPLE = 7;
/** The initial byte of a simple value in two bytes. */
const LONG_SIMPLE = 0xf8;
const [FALSE, TRUE, NULL, UNDEFINED] = [20, 21, 22, 23];

const TAG_BIGNUM = 2;
const TAG_NEGATIVE_BIGNUM = 3;
export const INDEFINITE = -1;
/** Marks a string in one chunk that has not been read yet. */
const DEFINITE = -1;

/** Longest byte string, in bytes, that the reference reads as an integer after a big-number tag: 128 bits. */
const MAX_INTEGER_BYTES = 16;

/**
 * Reads CBOR (RFC 8949) item by item, as the reference does. Owns the position in the frame. Does not know the
 * messages.
 * Invariant: throws nothing but MALFORMED, never reads past the frame, looks at each byte only a few times, and creates
 * no object per byte.
 */
export class CborReader {
  protected at = 0;
  /**
   * Argument of the last head: a length, a count, a tag number or a value. INDEFINITE for additional information 31.
   */
  protected argument = 0;
  /** Start of the last chunk, which ends at `at`. */
  protected from = 0;
  /** Number of open indefinite strings, or DEFINITE before the only chunk of a definite string. */
  #open = 0;

  constructor(protected readonly frame: Uint8Array) {}

  /** Skips a value of any kind. It may nest at most `depth` deep, and tags count as levels. */
  protected skipValue(depth: number): void {
    const initial = this.frame[this.at];
    // A small number or an empty string: what a frame can hold the most of.
    if (initial < 0x18 || initial === 0x40 || initial === 0x60) this.at += 1;
    else this.#skipValues(1, ARRAY, depth);
  }

  /** Skips `count` values of a container of this major type. Skips up to the break if `count` is INDEFINITE. */
  #skipValues(count: number, container: typeof ARRAY | typeof MAP, depth: number): void {
    /** The same for what the tags that were read last belong to: tags count as levels, too. */
    let deep = depth;
    for (let left = count; left !== 0; left--) {
      const at = this.at;
      const major = this.head();
      switch (major) {
        case UNSIGNED:
        case NEGATIVE:
          break;
        case BYTES:
        case TEXT:
          if (this.argument === INDEFINITE) for (this.openString(); this.nextChunk(major););
          else this.#chunk(major);
          break;
        case ARRAY:
        case MAP:
          if (deep === 0) throw MALFORMED;
          this.#skipValues(
            major === MAP && this.argument !== INDEFINITE ? 2 * this.argument : this.argument,
            major,
            deep - 1,
          );
          break;
        case TAG:
          if (this.#skipBigNumber(this.argument)) break;
          if (deep === 0) throw MALFORMED;
          deep -= 1;
          left += 1;
          continue;
        default:
          if (!this.isBreak(major)) {
            this.#checkSimple(at);
            break;
          }
          // Nothing ends behind a tag, and a map not between key and value, where `left` is even.
          if (count !== INDEFINITE || deep !== depth || (container === MAP && left % 2 === 0)) throw MALFORMED;
          return;
      }
      deep = depth;
    }
  }

  /**
   * Skips the big number after a tag, if the reference reads it as an integer. The tag then does not count as a level.
   * The reference's integers are signed with 128 bits, so a negative number of 16 bytes must not use the highest bit.
   */
  #skipBigNumber(tag: number): boolean {
    if (tag !== TAG_BIGNUM && tag !== TAG_NEGATIVE_BIGNUM) return false;
    const at = this.at;
    const length = this.head() === BYTES ? this.argument : INDEFINITE;
    if (length === INDEFINITE || length > MAX_INTEGER_BYTES) {
      this.at = at;
      return false;
    }
    this.pass(length);
    if (tag === TAG_NEGATIVE_BIGNUM && length === MAX_INTEGER_BYTES && this.frame[this.from] >= 0x80) throw MALFORMED;
    return true;
  }

  /** Accepts floats, and the simple values false, true, null and undefined in one byte or two. */
  #checkSimple(at: number): void {
    const information = this.frame[at] & 0x1f;
    if (information === 25 || information === 26 || information === 27) return;
    if (information > 24 || this.argument < FALSE || this.argument > UNDEFINED) throw MALFORMED;
  }

  // --- integers and booleans

  /**
   * Reads an integer from 0 to `most` whose first head, of this major type, was read last. It may follow tags, and be a
   * big number.
   */
  protected integer(head: number, most: number): number {
    let major = head;
    while (major === TAG && this.argument !== TAG_BIGNUM && this.argument !== TAG_NEGATIVE_BIGNUM) major = this.head();
    if (major === TAG && this.argument === TAG_BIGNUM) return this.#bigNumber(most);
    if (major !== UNSIGNED || this.argument > most) throw MALFORMED;
    return this.argument;
  }

  /** Reads the byte string of a big number of at most `most`, which may begin with any number of zeros. */
  #bigNumber(most: number): number {
    if (this.head() !== BYTES) throw MALFORMED;
    let value = 0;
    for (this.openString(); this.nextChunk(BYTES);) {
      for (let at = this.from; at < this.at; at++) {
        value = value * 256 + this.frame[at];
        if (value > most) throw MALFORMED;
      }
    }
    return value;
  }

  /** Reads a boolean in one byte or two, behind any tags. */
  protected boolean(): boolean {
    let at = this.at;
    while (this.head() === TAG) at = this.at;
    // The initial byte tells a simple value from a float, whose argument may be the same.
    const initial = this.frame[at];
    if (initial >> 5 !== SIMPLE || initial > LONG_SIMPLE) throw MALFORMED;
    if (this.argument !== FALSE && this.argument !== TRUE) throw MALFORMED;
    return this.argument === TRUE;
  }

  /** Whether the next item is null or undefined, in one byte or two, which is then passed. */
  protected passNull(): boolean {
    const initial = this.frame[this.at];
    const long = initial === LONG_SIMPLE;
    const value = long ? this.frame[this.at + 1] : initial - (SIMPLE << 5);
    if (value !== NULL && value !== UNDEFINED) return false;
    this.at += long ? 2 : 1;
    return true;
  }

  // --- heads and strings

  protected headBehindTags(): number {
    // Tags of one byte, which are most of them.
    for (let initial = this.frame[this.at]; initial >= 0xc0 && initial < 0xd8; initial = this.frame[this.at]) {
      this.at += 1;
    }
    let major = this.head();
    while (major === TAG) major = this.head();
    return major;
  }

  /** Whether the last head, of this major type, is a break. */
  protected isBreak(major: number): boolean {
    return major === SIMPLE && this.argument === INDEFINITE;
  }

  /** Whether the next byte is a break, which is then passed. */
  protected passBreak(): boolean {
    if (this.frame[this.at] !== 0xff) return false;
    this.at += 1;
    return true;
  }

  /**
   * Reads one head. Returns its major type and stores its argument. A length beyond the frame need not be exact, so a
   * double is enough.
   */
  protected head(): number {
    const frame = this.frame;
    if (this.at >= frame.length) throw MALFORMED;
    const initial = frame[this.at++];
    const major = initial >> 5;
    const information = initial & 0x1f;
    if (information < 24) {
      this.argument = information;
    } else if (information <= 27) {
      const size = 1 << (information - 24);
      if (this.at + size > frame.length) throw MALFORMED;
      let argument = 0;
      for (let i = 0; i < size; i++) argument = argument * 256 + frame[this.at++];
      this.argument = argument;
    } else if (information === 31 && major >= BYTES && major !== TAG) {
      this.argument = INDEFINITE;
    } else {
      throw MALFORMED;
    }
    return major;
  }

  /** Reads the content of the string whose head was read last. Copies it if it comes in chunks. */
  protected string(major: typeof BYTES | typeof TEXT): Uint8Array {
    const definite = this.argument !== INDEFINITE;
    this.openString();
    if (definite) {
      this.nextChunk(major);
      return this.frame.subarray(this.from, this.at);
    }
    const content = this.room(Infinity);
    let length = 0;
    while (this.nextChunk(major)) {
      if (this.at - this.from < LONG_BYTES) {
        for (let at = this.from; at < this.at; at++) content[length++] = this.frame[at];
      } else {
        content.set(this.frame.subarray(this.from, this.at), length);
        length += this.at - this.from;
      }
    }
    return content.subarray(0, length);
  }

  /** Starts reading the chunks of the string whose head was read last. */
  protected openString(): void {
    this.#open = this.argument === INDEFINITE ? 1 : DEFINITE;
  }

  /**
   * Reads the next chunk, and returns whether there is one. Indefinite strings may nest. Each chunk of text must be
   * UTF-8 on its own.
   */
  protected nextChunk(major: number): boolean {
    if (this.#open === DEFINITE) {
      this.#open = 0;
      return this.#chunk(major);
    }
    while (this.#open > 0) {
      const head = this.head();
      if (head === major) {
        if (this.argument !== INDEFINITE) return this.#chunk(major);
        this.#open += 1;
      } else if (this.isBreak(head)) this.#open -= 1;
      else throw MALFORMED;
    }
    return false;
  }

  /** Reads one chunk. Always returns true. */
  #chunk(major: number): boolean {
    const length = this.argument;
    this.pass(length);
    if (major === TEXT && length > 0) this.checkText();
    return true;
  }

  protected checkText(): void {
    if (!isText(this.frame, this.from, this.at)) throw MALFORMED;
  }

  /** Skips `length` bytes, which become the last chunk. */
  protected pass(length: number): void {
    this.from = this.at;
    if (length > this.frame.length - this.from) throw MALFORMED;
    this.at = this.from + length;
  }

  protected chunkIs(bytes: Uint8Array): boolean {
    for (let i = 0; i < bytes.length; i++) if (this.frame[this.from + i] !== bytes[i]) return false;
    return true;
  }

  /** Allocates `bytes` bytes, but no more than the rest of the frame can fill, whatever count it claims. */
  protected room(bytes: number): Uint8Array {
    return Buffer.allocUnsafe(Math.min(bytes, this.frame.length - this.at));
  }
}
