import { describe, expect, it } from '@jest/globals';
import { encodeWord, isWord, MOST_WORD_BYTES, partsOf, readWord } from '../../../src/protocol/member-words.js';
import type { MemberWord, WordMember } from '../../../src/protocol/member-words.js';
import { relayMessage } from '../../support/peer.js';

const NODE = 'abcdefgh-_012345';
const ID = '\x00\x7f\x80\xffabcd';
const MEMBER = { id: ID, data: undefined };
const LIST = { kind: 'Here', node: NODE, at: 1, members: [], wants: false, ask: false, part: 0, more: false } as const;
const MARK = 'd9d9f7';

const WORDS: Record<string, MemberWord> = {
  'an empty list': LIST,
  'a list with everything': {
    ...LIST,
    at: Number.MAX_SAFE_INTEGER,
    wants: true,
    ask: true,
    part: 3,
    more: true,
    members: [MEMBER, { id: 'abcdefgh', data: Buffer.alloc(0) }, { id: '12345678', data: Buffer.from('data') }],
  },
  'who came': { kind: 'Came', node: NODE, at: 7, members: [MEMBER] },
  'who left': { kind: 'Left', node: NODE, at: 8, ids: [ID, 'abcdefgh'] },
  'the question who wants': { kind: 'Seek', node: NODE },
  'the answer to it': { kind: 'Want', node: NODE },
  'a message to one member': { kind: 'Direct', to: ID, from: 'abcdefgh', relay: Buffer.from('payload') },
  'one from nobody': { kind: 'Direct', to: ID, from: undefined, relay: Buffer.alloc(0) },
};

/** Encodes `text` as a short text of CBOR, in hex. */
const text = (of: string): string => Buffer.concat([Buffer.of(0x60 + of.length), Buffer.from(of)]).toString('hex');
const id = `48${Buffer.from(ID, 'latin1').toString('hex')}`;
const node = `${text('node')}70${Buffer.from(NODE).toString('hex')}`;
const at = `${text('at')}01`;
const members = (...items: string[]): string =>
  `${text('members')}${(0x80 + items.length).toString(16)}${items.join('')}`;
/** A word of a name and fields, in hex. */
const word = (name: string, ...fields: string[]): string =>
  `${MARK}a1${text(name)}${(0xa0 + fields.length).toString(16)}${fields.join('')}`;
const read = (hex: string, mostData = 1024): MemberWord | undefined => readWord(Buffer.from(hex, 'hex'), mostData);

describe('N15: words about members', () => {
  it.each(Object.entries(WORDS))('%s is read as it was encoded, and is no Relay', (_what, one) => {
    const encoded = encodeWord(one);
    expect(isWord(encoded)).toBe(true);
    expect(readWord(encoded, 4)).toEqual(one);
    for (let length = 0; length < encoded.length; length++) {
      expect(readWord(encoded.subarray(0, length), 1024)).toBeUndefined();
    }
    expect(readWord(Buffer.concat([encoded, Buffer.of(0)]), 1024)).toBeUndefined();
  });

  it('no Relay is taken for a word', () => {
    expect(isWord(relayMessage('topic', 'x'))).toBe(false);
    expect(isWord(Buffer.alloc(0))).toBe(false);
    expect(isWord(Buffer.of(0xd9, 0xd9))).toBe(false);
  });

  it('the fields of a later version are ignored', () => {
    const unknown = `${text('later')}82f5a161780a`;
    expect(read(word('Left', unknown, node, at, members(id)))).toEqual({ kind: 'Left', node: NODE, at: 1, ids: [ID] });
    expect(read(word('Came', node, at, members(`a2${text('x')}f6${text('id')}${id}`)))).toMatchObject({
      members: [MEMBER],
    });
    expect(read(word('Left', node, at, `${text('x')}${'81'.repeat(7)}00`, members(id)))).toBeDefined();
  });

  it.each<[string, string]>([
    ['nothing', ''],
    ['no mark', word('Want', node).slice(6)],
    ['no name', `${MARK}a1`],
    ['two names', `${MARK}a2${text('Want')}a1${node}${text('Seek')}a1${node}`],
    ['another name', word('Later', node)],
    ['no node', word('Want')],
    ['a node of another length', word('Want', `${text('node')}${text('abc')}`)],
    ['a node of other characters', word('Want', `${text('node')}70${'20'.repeat(16)}`)],
    ['a node in bytes', word('Want', `${text('node')}50${'61'.repeat(16)}`)],
    ['a node twice', word('Want', node, node)],
    ['no number', word('Left', node, members(id))],
    ['a negative number', word('Left', node, `${text('at')}20`, members(id))],
    ['a number over 2^53-1', word('Left', node, `${text('at')}1b0020000000000000`, members(id))],
    ['a number as a float', word('Left', node, `${text('at')}f93c00`, members(id))],
    ['no members', word('Came', node, at)],
    ['members that are no list', word('Came', node, at, `${text('members')}a0`)],
    ['a list of unknown length', word('Left', node, at, `${text('members')}9f${id}ff`)],
    ['a list that claims more than there is', word('Left', node, at, `${text('members')}9affffffff`)],
    ['an id of 7 bytes', word('Left', node, at, members('4761626364656667'))],
    ['an id of 9 bytes', word('Left', node, at, members('49616263646566676869'))],
    ['an id in pieces', word('Left', node, at, members('5f44616263644461626364ff'))],
    ['an id as text', word('Left', node, at, members('686162636465666768'))],
    ['a member without id', word('Came', node, at, members('a0'))],
    ['a member with two ids', word('Came', node, at, members(`a2${text('id')}${id}${text('id')}${id}`))],
    ['data as text', word('Came', node, at, members(`a2${text('id')}${id}${text('data')}${text('x')}`))],
    [
      'data over the limit',
      word('Came', node, at, members(`a2${text('id')}${id}${text('data')}59040101${'00'.repeat(1024)}`)),
    ],
    ['ids where members belong', word('Came', node, at, members(id))],
    ['members where ids belong', word('Left', node, at, members(`a1${text('id')}${id}`))],
    ['false', word('Here', node, at, members(), `${text('wants')}f4`)],
    ['a number for true', word('Here', node, at, members(), `${text('ask')}01`)],
    ['a message to nobody', word('Direct', `${text('relay')}4178`)],
    ['a message of nothing', word('Direct', `${text('to')}${id}`)],
    ['a message from something', word('Direct', `${text('to')}${id}`, `${text('from')}01`, `${text('relay')}4178`)],
    ['an unknown field that nests deep', word('Want', `${text('x')}${'81'.repeat(9)}00`, node)],
    ['an unknown field that never ends', word('Want', node, `${text('x')}9f`)],
  ])('%s is no word', (_what, hex) => {
    expect(read(hex)).toBeUndefined();
  });

  it('data of the limit is read, one byte more is not', () => {
    const came = (bytes: number): Buffer =>
      encodeWord({ kind: 'Came', node: NODE, at: 1, members: [{ id: ID, data: Buffer.alloc(bytes) }] });
    expect(readWord(came(1024), 1024)).toBeDefined();
    expect(readWord(came(1025), 1024)).toBeUndefined();
  });

  it('only a message to a member may be larger than 64 KiB', () => {
    const direct = encodeWord({ kind: 'Direct', to: ID, from: undefined, relay: Buffer.alloc(MOST_WORD_BYTES) });
    expect(readWord(direct, 0)).toMatchObject({ kind: 'Direct' });
    const ids = Array.from({ length: 8000 }, () => ID);
    expect(readWord(encodeWord({ kind: 'Left', node: NODE, at: 1, ids }), 0)).toBeUndefined();
  });

  it('data is a copy', () => {
    const encoded = encodeWord({ kind: 'Came', node: NODE, at: 1, members: [{ id: ID, data: Buffer.from('data') }] });
    const copied = readWord(encoded, 4);
    encoded.fill(0);
    expect(copied).toMatchObject({ members: [{ data: Buffer.from('data') }] });
  });

  it.each([
    [0, 0],
    [1, 0],
    [100, 1024],
    [300, 1000],
    [40, 4096],
    [3000, undefined],
  ])('%d members with %p bytes of data each are divided into words that are read', (count, bytes) => {
    const all: WordMember[] = Array.from({ length: count }, (_, i) => ({
      id: String(i).padStart(8, '0'),
      data: bytes === undefined ? undefined : Buffer.alloc(bytes),
    }));
    const parts = partsOf(all, MOST_WORD_BYTES);
    expect(parts.flat().map((member) => all.indexOf(member))).toEqual([...all.keys()]);
    expect(parts.length).toBeLessThan(2 + (count * ((bytes ?? 0) + 24)) / 60_000);
    for (const part of parts) {
      const encoded = encodeWord({
        ...LIST,
        at: Number.MAX_SAFE_INTEGER,
        wants: true,
        ask: true,
        part: 100,
        more: true,
        members: part,
      });
      expect(encoded.length).toBeLessThanOrEqual(MOST_WORD_BYTES);
      expect(readWord(encoded, 4096)).toMatchObject({ members: part });
    }
  });
});
