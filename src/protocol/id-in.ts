import { ARRAY, BYTES, CborReader, INDEFINITE, MALFORMED, MAP, TAG, TEXT } from './cbor-reader.js';
import { REQUESTS } from './request-fields.js';
import type { FieldName } from './request-fields.js';

/**
 * The id of a frame that cannot be read, so that its sender learns which of its requests failed (V2); undefined where
 * the frame has no good one, or several. Never throws, never reads past the frame. Much faster than the strict reader,
 * since it looks neither at text nor at what fields mean.
 */
export function idIn(frame: Uint8Array): number | undefined {
  const finder = new IdFinder(frame);
  try {
    finder.find();
  } catch (fault) {
    if (fault !== MALFORMED) throw fault;
  }
  return finder.id;
}

const NAME: FieldName = 'id';
const ID = Buffer.from(NAME);
/** Where the id is in each message's fields by position. */
const PLACES = REQUESTS.map(({ kind, required, optional }) => ({
  kind: Buffer.from(kind),
  place: [...required, ...optional].indexOf(NAME),
}));

/**
 * Owns the id that it has found so far. Forgives whatever does not keep it from knowing where each field begins.
 * Invariant: throws nothing but MALFORMED, and `id` then still is what was found before.
 */
class IdFinder extends CborReader {
  id: number | undefined;

  find(): void {
    let head = this.headBehindTags();
    if (head === MAP && (this.argument === 1 || this.argument === INDEFINITE)) head = this.headBehindTags();
    if (!this.#isName(head)) return;
    const variant = PLACES.find(({ kind }) => kind.length === this.argument && this.#comes(kind));
    this.pass(this.argument);
    const fields = this.headBehindTags();
    if (fields === MAP) this.#byName(this.argument);
    else if (fields === ARRAY && variant !== undefined) this.#byPosition(this.argument, variant.place);
  }

  #byName(count: number): void {
    let found = false;
    for (let left = count; left !== 0; left--) {
      if (count === INDEFINITE && this.passBreak()) return;
      if (!this.#isId()) {
        this.at = skipped(this.frame, this.at, 2);
        continue;
      }
      this.at = skipped(this.frame, this.at, 1);
      this.id = undefined;
      if (found) return;
      found = true;
      this.#value();
    }
  }

  #byPosition(count: number, place: number): void {
    if (count !== INDEFINITE && count <= place) return;
    this.at = skipped(this.frame, this.at, place);
    this.#value();
  }

  /** Reads the value of the id, or passes it if it is not a good one. */
  #value(): void {
    const start = this.at;
    try {
      this.id = this.integer(this.head(), Number.MAX_SAFE_INTEGER);
    } catch (fault) {
      if (fault !== MALFORMED) throw fault;
      this.at = skipped(this.frame, start, 1);
    }
  }

  #isName(major: number): boolean {
    return (major === TEXT || major === BYTES) && this.argument !== INDEFINITE;
  }

  /** Whether the name of the id comes next, in any spelling. */
  #isId(): boolean {
    // Most names are told apart by their first byte.
    const initial = this.frame[this.at];
    if (initial < 0x80 && (initial & 0x1f) < 24 && (initial & 0x1f) !== ID.length) return false;
    const start = this.at;
    const isId = this.#isName(this.headBehindTags()) && this.argument === ID.length && this.#comes(ID);
    this.at = start;
    return isId;
  }

  /** Whether these bytes come next. */
  #comes(bytes: Uint8Array): boolean {
    this.from = this.at;
    return this.chunkIs(bytes);
  }
}

/** Stands for the number of items in one of indefinite length: more than any frame holds. */
const NO_END = 2 ** 30;

/**
 * Where the `count` items that begin at `start` end. Does without recursion, since nothing bounds here how deep they
 * nest, and keeps everything in local variables: this runs over frames that the strict reader has read before.
 */
function skipped(frame: Uint8Array, start: number, count: number): number {
  let at = start;
  /** Items still to pass in the innermost one of indefinite length, and in those around it. */
  let left = count;
  let around: number[] | undefined;
  while (left > 0) {
    if (at >= frame.length) throw MALFORMED;
    const initial = frame[at++];
    const major = initial >> 5;
    let argument = initial & 0x1f;
    if (argument === 31) {
      if (initial === 0xff) {
        if (around === undefined || around.length === 0) throw MALFORMED;
        left = around.pop()! - 1;
      } else {
        if (major < BYTES || major === TAG) throw MALFORMED;
        (around ??= []).push(left);
        left = NO_END;
      }
      continue;
    }
    if (argument >= 24) {
      if (argument > 27) throw MALFORMED;
      const end = at + (1 << (argument - 24));
      if (end > frame.length) throw MALFORMED;
      argument = 0;
      while (at < end) argument = argument * 256 + frame[at++];
    }
    switch (major) {
      case BYTES:
      case TEXT:
        if (argument > frame.length - at) throw MALFORMED;
        at += argument;
        left -= 1;
        break;
      case ARRAY:
        left += argument - 1;
        break;
      case MAP:
        left += 2 * argument - 1;
        break;
      case TAG:
        break;
      default:
        left -= 1;
    }
  }
  return at;
}
