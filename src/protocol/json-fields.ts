/**
 * Reads chosen fields of a JSON object (RFC 8259) from its bytes, and skips the others without creating their values.
 * `JSON.parse` creates them all: 64 KiB of small objects, each with another field name, take it 10 ms
 * (bench/rendezvous.mjs). Accepts what `JSON.parse` accepts, and gives the same values. Reads each byte only a few
 * times, however deep the nesting.
 */

/** The place of a value: from its first byte up to, but not including, the byte after it. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

const TAB = 0x09;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const PLUS = 0x2b;
const COMMA = 0x2c;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const LETTER_E = 0x65;
const LETTER_F = 0x66;
const LETTER_N = 0x6e;
const LETTER_T = 0x74;
const LETTER_U = 0x75;

/** Result for bytes that do not begin a value of the grammar, or that break off. */
const FAULT = -1;

/** 1 for each byte that stands for itself in a string. */
const PLAIN = Uint8Array.from({ length: 256 }, (_, byte) =>
  Number(byte >= SPACE && byte !== QUOTE && byte !== BACKSLASH),
);
/** 1 for each byte that may follow a backslash, besides `u` with four digits. */
const ESCAPED = Uint8Array.from({ length: 256 }, (_, byte) => Number('"\\/bfnrt'.includes(String.fromCharCode(byte))));
const [TRUE, FALSE, NULL] = ['true', 'false', 'null'].map((literal) => Buffer.from(literal));

/**
 * Finds the fields in `names` that the object has. If several have one name, the last counts. Undefined for bytes that
 * are not a JSON object.
 */
export function fieldsOf<Name extends string>(json: Buffer, names: readonly Name[]): Map<Name, Span> | undefined {
  const fields = new Map<Name, Span>();
  let at = skipSpace(json, 0);
  if (json[at] !== OPEN_OBJECT) return undefined;
  at = skipSpace(json, at + 1);
  let more = json[at] !== CLOSE_OBJECT;
  while (more) {
    const key = at;
    const from = skipKey(json, key);
    if (from === FAULT) return undefined;
    const to = skipValue(json, from);
    if (to === FAULT) return undefined;
    for (const name of names) if (isSpelled(json, key, name)) fields.set(name, { from, to });
    at = skipSpace(json, to);
    more = json[at] === COMMA;
    if (more) at = skipSpace(json, at + 1);
  }
  return json[at] === CLOSE_OBJECT && skipSpace(json, at + 1) === json.length ? fields : undefined;
}

/** The value as a string; undefined if it is not a string. */
export function stringAt(json: Buffer, { from, to }: Span): string | undefined {
  if (json[from] !== QUOTE) return undefined;
  const written = json.toString('utf8', from + 1, to - 1);
  return written.includes('\\') ? (JSON.parse(`"${written}"`) as string) : written;
}

/** The first `most` strings of a list; undefined if the value is not a list of strings. */
export function stringsAt(json: Buffer, { from }: Span, most: number): string[] | undefined {
  if (json[from] !== OPEN_LIST) return undefined;
  let at = skipSpace(json, from + 1);
  if (json[at] === CLOSE_LIST) return [];
  let end = at;
  for (let count = 1; ; count++) {
    if (json[at] !== QUOTE) return undefined;
    at = skipString(json, at);
    if (count <= most) end = at;
    at = skipSpace(json, at);
    if (json[at] === CLOSE_LIST) break;
    at = skipSpace(json, at + 1);
  }
  return JSON.parse(`${json.toString('utf8', from, end)}]`) as string[];
}

// --- skipping; each function returns the offset after what it skips, or FAULT

function skipSpace(json: Buffer, from: number): number {
  let at = from;
  if (json[at] > SPACE) return at;
  while (
    at < json.length &&
    (json[at] === SPACE || json[at] === LINE_FEED || json[at] === CARRIAGE_RETURN || json[at] === TAB)
  ) {
    at += 1;
  }
  return at;
}

/** Skips a field's name, the colon, and the space around it. */
function skipKey(json: Buffer, from: number): number {
  if (json[from] !== QUOTE) return FAULT;
  const end = skipString(json, from);
  if (end === FAULT) return FAULT;
  const colon = skipSpace(json, end);
  return json[colon] === COLON ? skipSpace(json, colon + 1) : FAULT;
}

/** The closing byte of each open list and object. Reused, and at most as long as the deepest message so far. */
let open = Buffer.alloc(256);

/** Skips a value without the space around it. Does not recurse, because a value may nest as deep as it is long. */
function skipValue(json: Buffer, from: number): number {
  let at = from;
  let depth = 0;
  for (;;) {
    const first = json[at];
    if (first === OPEN_LIST || first === OPEN_OBJECT) {
      // In both pairs, the closing code is two after the opening one.
      const close = first + 2;
      at = skipSpace(json, at + 1);
      if (json[at] === close) {
        at += 1;
      } else {
        if (depth === open.length) open = Buffer.concat([open, open]);
        open[depth++] = close;
        if (first === OPEN_OBJECT) at = skipKey(json, at);
        if (at === FAULT) return FAULT;
        continue;
      }
    } else {
      at = first === QUOTE ? skipString(json, at) : skipWord(json, at);
      if (at === FAULT) return FAULT;
    }

    // A value has ended. Skip what closes after it, then go to the next value.
    for (;;) {
      if (depth === 0) return at;
      at = skipSpace(json, at);
      if (json[at] !== open[depth - 1]) break;
      depth -= 1;
      at += 1;
    }
    if (json[at] !== COMMA) return FAULT;
    at = skipSpace(json, at + 1);
    if (open[depth - 1] === CLOSE_OBJECT) at = skipKey(json, at);
    if (at === FAULT) return FAULT;
  }
}

function skipString(json: Buffer, from: number): number {
  for (let at = from + 1; at < json.length; at++) {
    const byte = json[at];
    if (PLAIN[byte] === 1) continue;
    if (byte === QUOTE) return at + 1;
    if (byte !== BACKSLASH) return FAULT;
    at += 1;
    if (json[at] === LETTER_U) {
      if (codeAt(json, at + 1) === FAULT) return FAULT;
      at += 4;
    } else if (ESCAPED[json[at]] !== 1) {
      return FAULT;
    }
  }
  return FAULT;
}

/** Skips a number, true, false or null. */
function skipWord(json: Buffer, from: number): number {
  switch (json[from]) {
    case LETTER_T:
      return skipLiteral(json, from, TRUE);
    case LETTER_F:
      return skipLiteral(json, from, FALSE);
    case LETTER_N:
      return skipLiteral(json, from, NULL);
    default:
      return skipNumber(json, from);
  }
}

function skipNumber(json: Buffer, from: number): number {
  const whole = json[from] === MINUS ? from + 1 : from;
  let at = json[whole] === ZERO ? whole + 1 : skipDigits(json, whole);
  if (at !== FAULT && json[at] === POINT) at = skipDigits(json, at + 1);
  // E or e.
  if (at === FAULT || (json[at] | 0x20) !== LETTER_E) return at;
  const signed = json[at + 1] === PLUS || json[at + 1] === MINUS;
  return skipDigits(json, signed ? at + 2 : at + 1);
}

function skipLiteral(json: Buffer, from: number, literal: Uint8Array): number {
  for (let i = 1; i < literal.length; i++) if (json[from + i] !== literal[i]) return FAULT;
  return from + literal.length;
}

/** Skips digits; there must be at least one. */
function skipDigits(json: Buffer, from: number): number {
  let at = from;
  while (at < json.length && json[at] >= ZERO && json[at] <= NINE) at += 1;
  return at > from ? at : FAULT;
}

// --- names

/**
 * Whether the string that begins at `from` is `name`, also if it is spelled with escapes. `name` has only ASCII
 * letters.
 */
function isSpelled(json: Buffer, from: number, name: string): boolean {
  let at = from + 1;
  for (let i = 0; i < name.length; i++) {
    const escaped = json[at] === BACKSLASH && json[at + 1] === LETTER_U;
    if ((escaped ? codeAt(json, at + 2) : json[at]) !== name.charCodeAt(i)) return false;
    at += escaped ? 6 : 1;
  }
  return json[at] === QUOTE;
}

/** The code in four hexadecimal digits, or FAULT. */
function codeAt(json: Buffer, from: number): number {
  let code = 0;
  for (let at = from; at < from + 4; at++) {
    const digit = at < json.length ? DIGITS[json[at]] : FAULT;
    if (digit === FAULT) return FAULT;
    code = code * 16 + digit;
  }
  return code;
}

/** Value of each byte as a hexadecimal digit, or -1. */
const DIGITS = Int8Array.from({ length: 256 }, (_, byte) =>
  '0123456789abcdef'.indexOf(String.fromCharCode(byte).toLowerCase()),
);
