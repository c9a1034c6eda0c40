import { readFileSync } from 'node:fs';

/** A message of the vectors: hex with placeholders of one binary message, or one text message. */
export type VectorMessage = string | { readonly text: string };

/** What A sends, and what it and the two others then get; test/vectors/v2.json says how it is meant. */
export interface V2Vector {
  readonly name: string;
  readonly in: readonly VectorMessage[];
  readonly out: readonly VectorMessage[];
  readonly b?: readonly VectorMessage[];
  readonly c?: readonly VectorMessage[];
}

export const { welcome, vectors, responses } = JSON.parse(
  readFileSync(new URL('../vectors/v2.json', import.meta.url), 'utf8'),
) as {
  readonly welcome: string;
  readonly vectors: readonly V2Vector[];
  readonly responses: readonly { readonly name: string; readonly value: unknown; readonly hex: string }[];
};

/** The member ids that are known so far: 16 hex digits each, by the name of the peer. */
export type Ids = Map<string, string>;

/** The bytes of a binary message of the vectors, whose placeholders must all be known. */
export function filled(message: string, ids: Ids): Buffer {
  const hex = message.replaceAll(/<([ABC])>/g, (_all, peer: string) => {
    const id = ids.get(peer);
    if (id === undefined) throw new Error(`no id of ${peer} is known in ${message}`);
    return id;
  });
  return Buffer.from(hex, 'hex');
}

/**
 * What a binary message must look like: `received` in hex where it matches `expected`, and `ids` then has the ids that
 * it tells; else `expected`.
 */
export function matching(expected: string, received: Buffer, ids: Ids): string {
  const hex = received.toString('hex');
  let at = 0;
  for (const part of expected.split(/(<[^>]*>)/)) {
    const end = at + lengthOf(part, hex, at);
    const found = hex.slice(at, end);
    if (found.length !== end - at || (!part.startsWith('<') && found !== part)) return expected;
    const [, peer] = /^<([ABC])>$/.exec(part) ?? [];
    if (peer !== undefined && (ids.get(peer) ?? found) !== found) return expected;
    if (peer !== undefined) ids.set(peer, found);
    at = end;
  }
  return at === hex.length ? hex : expected;
}

/** The number of hex digits that a part of an expected message takes in `hex`; Infinity where it does not match. */
function lengthOf(part: string, hex: string, at: number): number {
  switch (part) {
    case '<A>':
    case '<B>':
    case '<C>':
      return 16;
    case '<text>':
      return textAt(hex, at);
    case '<uint>':
      return headAt(hex, at, 0).digits;
    case '<features>': {
      const { digits, argument } = headAt(hex, at, 4);
      let length = digits;
      for (let i = 0; i < argument && length < Infinity; i++) length += textAt(hex, at + length);
      return length;
    }
    default:
      return part.length;
  }
}

function textAt(hex: string, at: number): number {
  const { digits, argument } = headAt(hex, at, 3);
  return digits + 2 * argument;
}

/** A shortest head of this major type: its hex digits and its argument. */
function headAt(hex: string, at: number, major: number): { digits: number; argument: number } {
  const initial = Number.parseInt(hex.slice(at, at + 2), 16);
  const information = initial & 0x1f;
  if (initial >> 5 !== major || information > 27) return { digits: Infinity, argument: 0 };
  if (information < 24) return { digits: 2, argument: information };
  const digits = 2 << (information - 24);
  const argument = Number.parseInt(hex.slice(at + 2, at + 2 + digits), 16);
  const least = [24, 0x100, 0x1_0000, 0x1_0000_0000][information - 24];
  return { digits: argument < least ? Infinity : 2 + digits, argument };
}
