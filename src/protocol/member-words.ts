import { Encoder } from '#cbor-x';
import { ARRAY, BYTES, CborReader, INDEFINITE, MALFORMED, MAP, TEXT, UNSIGNED } from './cbor-reader.js';
import { MEMBER_BYTES } from './member.js';
import type { MemberId } from './member.js';

/**
 * What nodes say to each other on a topic's subject about its members (docs/protocol.md, N15). This module knows the
 * encoding of these words, and nothing of what follows from them.
 */
export type MemberWord = Here | Came | Left | Seek | Want | Direct;

/** A member of a node, as other nodes are told it. */
export interface WordMember {
  readonly id: MemberId;
  readonly data: Buffer | undefined;
}

/** What the words about a node's own members have. */
interface Said {
  /** The node that says it. */
  readonly node: string;
  /** Number of the word, which grows with each word of the node. */
  readonly at: number;
}

/** All members of a node, or a part of them: the parts follow each other, and make up the list that they replace. */
export interface Here extends Said {
  readonly kind: 'Here';
  readonly members: readonly WordMember[];
  /** Whether the node wants to know the members of others, from now on. */
  readonly wants: boolean;
  /** Whether the others shall say the same of theirs now. */
  readonly ask: boolean;
  /** Number of the part, from 0; and whether there are more parts. */
  readonly part: number;
  readonly more: boolean;
}

/** Members that have come, or have new data. */
export interface Came extends Said {
  readonly kind: 'Came';
  readonly members: readonly WordMember[];
}

/** Members that have left. */
export interface Left extends Said {
  readonly kind: 'Left';
  readonly ids: readonly MemberId[];
}

/** The node does not want to know members of others, or no more, and asks who wants to know its own. */
export interface Seek {
  readonly kind: 'Seek';
  readonly node: string;
}

/** Answers Seek: the node wants to know the members of the others. */
export interface Want {
  readonly kind: 'Want';
  readonly node: string;
}

/** A Relay to one member of another node (V8), in its canonical form. */
export interface Direct {
  readonly kind: 'Direct';
  readonly to: MemberId;
  readonly from: MemberId | undefined;
  readonly relay: Uint8Array;
}

/** Largest word in bytes, except Direct. */
export const MOST_WORD_BYTES = 65_536;
/** Bytes of Direct besides what the peer sent; a little more than there are. */
const DIRECT_BYTES = 256;
/** Characters of a node's name. */
const NODE = /^[\w-]{16}$/;
/** How deep the value of an unknown field may nest. */
const MAX_DEPTH = 8;
/** Bytes of a word besides its members, and of a member besides its data; a little more than there are. */
const WORD_BYTES = 128;
const ROOM_FOR_MEMBER_BYTES = 24;
/** Bytes of a word of one member besides its data. */
export const ROOM_FOR_DATA_BYTES = WORD_BYTES + ROOM_FOR_MEMBER_BYTES;

/** The tag that says "this is CBOR" (RFC 8949, section 3.4.6). No Relay in canonical form begins with it. */
const MARK = Buffer.of(0xd9, 0xd9, 0xf7);

const encoder = new Encoder({ useRecords: false, variableMapSize: true, tagUint8Array: false });

/** Whether a message on a topic's subject is a word, and no Relay. Takes constant time. */
export function isWord(message: Uint8Array): boolean {
  return message[0] === MARK[0] && message[1] === MARK[1] && message[2] === MARK[2];
}

/** Largest word in bytes, where the messages of peers have `maxMessageBytes` at most. */
export function mostWordBytes({ maxMessageBytes }: { readonly maxMessageBytes: number }): number {
  return Math.max(MOST_WORD_BYTES, maxMessageBytes + DIRECT_BYTES);
}

/** Encodes a word: after the mark one CBOR item, as the messages of peers are. */
export function encodeWord(word: MemberWord): Buffer {
  return Buffer.concat([MARK, encoder.encode({ [word.kind]: fieldsOf(word) })]);
}

function fieldsOf(word: MemberWord): object {
  switch (word.kind) {
    case 'Here':
      return {
        node: word.node,
        at: integer(word.at),
        ...(word.wants && { wants: true }),
        ...(word.ask && { ask: true }),
        ...(word.part > 0 && { part: word.part }),
        ...(word.more && { more: true }),
        members: word.members.map(memberFields),
      };
    case 'Came':
      return { node: word.node, at: integer(word.at), members: word.members.map(memberFields) };
    case 'Left':
      return { node: word.node, at: integer(word.at), members: word.ids.map(bytesOf) };
    case 'Direct':
      return {
        to: bytesOf(word.to),
        ...(word.from !== undefined && { from: bytesOf(word.from) }),
        relay: word.relay,
      };
    default:
      return { node: word.node };
  }
}

/** cbor-x writes a number over 32 bits as a float. */
function integer(value: number): number | bigint {
  return value > 0xffff_ffff ? BigInt(value) : value;
}

function memberFields({ id, data }: WordMember): object {
  return { id: bytesOf(id), ...(data !== undefined && { data }) };
}

function bytesOf(id: MemberId): Buffer {
  return Buffer.from(id, 'latin1');
}

/** Divides members so that each part fits into a word of `most` bytes, where a single one does. There is one at least. */
export function partsOf(members: readonly WordMember[], most: number): WordMember[][] {
  let part: WordMember[] = [];
  const parts = [part];
  let left = most - WORD_BYTES;
  for (const member of members) {
    const bytes = ROOM_FOR_MEMBER_BYTES + (member.data?.length ?? 0);
    if (left < bytes && part.length > 0) {
      parts.push((part = []));
      left = most - WORD_BYTES;
    }
    part.push(member);
    left -= bytes;
  }
  return parts;
}

/**
 * Reads a word. Returns undefined for anything that no node says: what is not encoded as `encodeWord` does, a field of
 * another type or twice, a member's data over `mostData` bytes, a word over MOST_WORD_BYTES. Fields that it does not
 * know are ignored. Copies data; a Relay is only lent. Never throws.
 */
export function readWord(message: Uint8Array, mostData: number): MemberWord | undefined {
  try {
    return new WordReader(message, mostData).word();
  } catch (fault) {
    if (fault === MALFORMED) return undefined;
    throw fault;
  }
}

/** The fields of all words, as far as they were read. */
interface Fields {
  node?: string;
  at?: number;
  wants?: boolean;
  ask?: boolean;
  more?: boolean;
  part?: number;
  members?: WordMember[];
  ids?: MemberId[];
  to?: MemberId;
  from?: MemberId;
  relay?: Uint8Array;
}

class WordReader extends CborReader {
  constructor(
    frame: Uint8Array,
    private readonly mostData: number,
  ) {
    super(frame);
  }

  word(): MemberWord {
    if (!isWord(this.frame)) throw MALFORMED;
    this.at = MARK.length;
    if (this.#definite(MAP) !== 1) throw MALFORMED;
    const kind = this.#text();
    if (kind !== 'Direct' && this.frame.length > MOST_WORD_BYTES) throw MALFORMED;
    const fields = this.#fields(kind);
    if (this.at !== this.frame.length) throw MALFORMED;
    return build(kind, fields);
  }

  #fields(kind: string): Fields {
    const fields: Fields = {};
    for (let left = this.#definite(MAP); left > 0; left--) {
      const name = this.#text();
      switch (name) {
        case 'node':
          fields.node = this.#once(fields.node, this.#text());
          break;
        case 'at':
        case 'part':
          fields[name] = this.#once(fields[name], this.#number());
          break;
        case 'wants':
        case 'ask':
        case 'more':
          fields[name] = this.#once(fields[name], this.#true());
          break;
        case 'members':
          if (kind === 'Left') fields.ids = this.#once(fields.ids, this.#list(this.#id));
          else fields.members = this.#once(fields.members, this.#list(this.#member));
          break;
        case 'to':
        case 'from':
          fields[name] = this.#once(fields[name], this.#id());
          break;
        case 'relay':
          fields.relay = this.#once(fields.relay, this.#bytes());
          break;
        default:
          this.skipValue(MAX_DEPTH);
      }
    }
    return fields;
  }

  readonly #member = (): WordMember => {
    let id: MemberId | undefined;
    let data: Buffer | undefined;
    for (let left = this.#definite(MAP); left > 0; left--) {
      const name = this.#text();
      if (name === 'id') {
        id = this.#once(id, this.#id());
      } else if (name === 'data') {
        const bytes = this.#bytes();
        if (bytes.length > this.mostData) throw MALFORMED;
        data = this.#once(data, Buffer.from(bytes));
      } else {
        this.skipValue(MAX_DEPTH);
      }
    }
    if (id === undefined) throw MALFORMED;
    return { id, data };
  };

  #list<T>(item: () => T): T[] {
    const items: T[] = [];
    for (let left = this.#definite(ARRAY); left > 0; left--) items.push(item());
    return items;
  }

  readonly #id = (): MemberId => {
    const bytes = this.#bytes();
    if (bytes.length !== MEMBER_BYTES) throw MALFORMED;
    return Buffer.from(bytes).toString('latin1');
  };

  #once<T>(known: T | undefined, value: T): T {
    if (known !== undefined) throw MALFORMED;
    return value;
  }

  #number(): number {
    const value = this.#definite(UNSIGNED);
    if (!Number.isSafeInteger(value)) throw MALFORMED;
    return value;
  }

  #true(): true {
    const head = this.frame[this.at];
    if (head !== 0xf5) throw MALFORMED;
    this.at += 1;
    return true;
  }

  #bytes(): Uint8Array {
    this.#definite(BYTES);
    return this.string(BYTES);
  }

  #text(): string {
    this.#definite(TEXT);
    const bytes = this.string(TEXT);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
  }

  /** Reads a head of this major type. Returns its argument. */
  #definite(major: number): number {
    if (this.head() !== major || this.argument === INDEFINITE) throw MALFORMED;
    return this.argument;
  }
}

/** Makes the word of the fields. Fields of other words are ignored. */
function build(kind: string, { node, at, ...more }: Fields): MemberWord {
  if (kind === 'Direct') {
    const { to, from, relay } = more;
    if (to === undefined || relay === undefined) throw MALFORMED;
    return { kind, to, from, relay };
  }
  if (node === undefined || !NODE.test(node)) throw MALFORMED;
  if (kind === 'Seek' || kind === 'Want') return { kind, node };
  if (at === undefined) throw MALFORMED;
  const { members, ids, wants = false, ask = false, part = 0 } = more;
  if (kind === 'Left' && ids !== undefined) return { kind, node, at, ids };
  if (members === undefined) throw MALFORMED;
  if (kind === 'Here') return { kind, node, at, members, wants, ask, part, more: more.more ?? false };
  if (kind === 'Came') return { kind, node, at, members };
  throw MALFORMED;
}
