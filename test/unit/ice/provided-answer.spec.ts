import { describe, expect, it } from '@jest/globals';
import { readProvided } from '../../../src/ice/provided-answer.js';

const TURN = { urls: 'turn:h', username: 'u', credential: 'c' };
const provided = (...iceServers: unknown[]): unknown => ({ iceServers });
/** So many of the same entry. */
const many = (length: number, server: object = TURN): unknown => provided(...Array.from({ length }, () => server));
const withUrl = (urls: unknown): unknown => provided({ ...TURN, urls });

describe('what an ICE provider answers', () => {
  it.each<[string, unknown, unknown]>([
    ['one URL', provided({ urls: 'stun:h' }), [{ urls: ['stun:h'] }]],
    ['capitals', withUrl(['TURN:H?transport=UDP']), [{ ...TURN, urls: ['turn:h?transport=udp'] }]],
    [
      'both kinds in one entry',
      withUrl(['stun:h', 'turns:h:443?transport=tcp']),
      [{ ...TURN, urls: ['stun:h', 'turns:h:443?transport=tcp'] }],
    ],
    ['credentials that nobody needs', provided({ ...TURN, urls: 'stun:h' }), [{ urls: ['stun:h'] }]],
    [
      "Twilio's fields",
      provided({ url: 'turn:h', ...TURN, credentialType: 'password', __proto__: { urls: 'turn:x' } }),
      [{ ...TURN, urls: ['turn:h'] }],
    ],
    ['text beyond ASCII', provided({ ...TURN, username: 'ä 名' }), [{ ...TURN, urls: ['turn:h'], username: 'ä 名' }]],
  ])('%s is taken', (_, answer, servers) => {
    expect(readProvided(answer, 600)).toEqual({ servers, ttl: 600 });
  });

  it.each<[unknown, number]>([
    [undefined, 600],
    [60, 60],
    [90.9, 90],
    [86_400, 86_400],
    [86_401, 86_400],
    [1e300, 86_400],
    [Infinity, 86_400],
  ])('a ttl of %p is one of %p', (ttl, read) => {
    expect(readProvided({ iceServers: [TURN], ttl }, 600)).toMatchObject({ ttl: read });
  });

  it('false is none', () => expect(readProvided(false, 600)).toBe(false));

  it.each<[string, unknown, string]>([
    ['undefined', undefined, 'undefined'],
    ['null', null, 'null'],
    ['true', true, 'boolean'],
    ['text', 'turn:h', 'string'],
    ['a function', () => provided(TURN), 'function'],
    ['an empty object', {}, '"iceServers" is not an array'],
    ['a list alone', [TURN], '"iceServers" is not an array'],
    ['an object for the list', { iceServers: TURN }, '"iceServers" is not an array'],
    ['something like a list', { iceServers: { 0: TURN, length: 1 } }, '"iceServers" is not an array'],
    ['an empty list', provided(), 'not 1 to 16'],
    ['17 servers', many(17), 'not 1 to 16'],
    ['10,000 servers', many(10_000), 'not 1 to 16'],
    ['a list with holes', { iceServers: Array(3) }, 'iceServers[0] that is no object'],
    ['null in the list', provided(TURN, null), 'iceServers[1] that is no object'],
    ['text in the list', provided('turn:h'), 'iceServers[0] that is no object'],
    ['no URLs', provided({ username: 'u', credential: 'c' }), 'URL of no STUN or TURN server'],
    ['an empty list of URLs', withUrl([]), 'without 1 to 32 "urls"'],
    ['33 URLs', withUrl(Array(33).fill('turn:h')), 'without 1 to 32 "urls"'],
    ['a URL that is a number', withUrl(7), 'URL of no STUN'],
    ['a URL object', withUrl(new URL('turn:h')), 'URL of no STUN'],
    ['a list in the list', withUrl([['turn:h']]), 'URL of no STUN'],
    ['javascript:', withUrl('javascript:alert(1)'), 'URL of no STUN'],
    ['https:', withUrl('https://h'), 'URL of no STUN'],
    ['data:', withUrl('data:text/html,x'), 'URL of no STUN'],
    ['slashes', withUrl('turn://h'), 'URL of no STUN'],
    ['a password in the URL', withUrl('turn:u:p@h'), 'URL of no STUN'],
    ['a space before the URL', withUrl(' turn:h'), 'URL of no STUN'],
    ['two lines', withUrl('turn:h\nturn:i'), 'URL of no STUN'],
    ['an unknown transport', withUrl('turn:h?transport=sctp'), 'URL of no STUN'],
    ['a port of 0', withUrl('turn:h:0'), 'URL of no STUN'],
    ['a query on STUN', withUrl('stun:h?transport=udp'), 'URL of no STUN'],
    ['a URL of a megabyte', withUrl(`turn:${'h'.repeat(1_000_000)}`), 'URL of no STUN'],
    ['one bad URL among good ones', withUrl(['turn:h', 'http:h']), 'URL of no STUN'],
    ['TURN without username', provided({ urls: 'turn:h', credential: 'c' }), '"username" is not text'],
    ['TURN without credential', provided({ urls: 'turn:h', username: 'u' }), '"credential" is not text'],
    ['an empty username', provided({ ...TURN, username: '' }), '"username" is not text'],
    ['a username that is a number', provided({ ...TURN, username: 7 }), '"username" is not text'],
    ['a username with a line end', provided({ ...TURN, username: 'a\r\nb' }), '"username" is not text'],
    ['half a character', provided({ ...TURN, username: '\ud800' }), '"username" is not text'],
    ['a credential that is an object', provided({ ...TURN, credential: {} }), '"credential" is not text'],
    [
      'a credential of a megabyte',
      provided({ ...TURN, credential: 'c'.repeat(1_000_000) }),
      '"credential" is not text',
    ],
    ['a credential of 513 bytes', provided({ ...TURN, credential: 'ä'.repeat(257) }), '"credential" is not text'],
    ['too much in all', many(9, { ...TURN, credential: 'c'.repeat(512) }), 'more than 4096 characters'],
    ['a ttl that is text', { iceServers: [TURN], ttl: '3600' }, '"ttl" is not a number from 60'],
    ['a ttl of null', { iceServers: [TURN], ttl: null }, '"ttl" is not a number from 60'],
    ['a negative ttl', { iceServers: [TURN], ttl: -1 }, '"ttl" is not a number from 60'],
    ['a ttl of 0', { iceServers: [TURN], ttl: 0 }, '"ttl" is not a number from 60'],
    ['a ttl that is no number', { iceServers: [TURN], ttl: NaN }, '"ttl" is not a number from 60'],
    ['a bigint', { iceServers: [TURN], ttl: 600n }, '"ttl" is not a number from 60'],
  ])('%s is none, and the reason repeats no value', (_, answer, why) => {
    const read = readProvided(answer, 600);
    expect(read).toContain(why);
    expect(read).not.toMatch(/alert|sctp|megabyte|hhh|ccc/);
  });

  it('reads each property once: a getter may change its mind', () => {
    let reads = 0;
    const server = {
      get urls(): string {
        return (reads += 1) === 1 ? 'turn:h' : 'javascript:alert(1)';
      },
      username: 'u',
      credential: 'c',
    };
    expect(readProvided(provided(server), 600)).toMatchObject({ servers: [{ urls: ['turn:h'] }] });
    expect(reads).toBe(1);
  });

  it('throws what a getter throws', () => {
    const answer = {
      get iceServers(): never {
        throw new Error('not now');
      },
    };
    expect(() => readProvided(answer, 600)).toThrow('not now');
  });
});
