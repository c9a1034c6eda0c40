import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { inOneGo } from '../../../src/clock/in-turns.js';
import { BearerTokens } from '../../../src/auth/bearer-tokens.js';
import { digestOf } from '../../../src/auth/named-token.js';
import type { NamedToken } from '../../../src/auth/named-token.js';

const named = (name: string, token: string): NamedToken => ({ name, digest: digestOf(token) });

describe('the tokens that open the server', () => {
  it('without any, none is required and none is accepted', () => {
    const tokens = new BearerTokens([]);
    expect(tokens.required).toBe(false);
    expect(tokens.find('')).toBeUndefined();
    expect(tokens.find('s3cret')).toBeUndefined();
  });

  it('with one, a token is required', () => {
    expect(new BearerTokens(['s3cret']).required).toBe(true);
  });

  it.each(['first', 'second', 'third'])('are all accepted: %s', (token) => {
    expect(new BearerTokens(['first', 'second', 'third']).find(token)).toEqual({
      proof: { kind: 'token' },
      revoked: false,
    });
  });

  it.each([
    '',
    's3cre',
    's3cret2',
    ' s3cret',
    's3cret ',
    'S3CRET',
    's3cret\0',
    's3cret,other',
    's3cretother',
    'x'.repeat(100_000),
  ])('are not accepted when they differ: %j', (token) => {
    expect(new BearerTokens(['s3cret', 'other']).find(token)).toBeUndefined();
  });

  it('do not include tokens that the caller adds to its list later', () => {
    const list = ['s3cret'];
    const tokens = new BearerTokens(list);
    list.push('other');
    expect(tokens.find('other')).toBeUndefined();
  });

  it('can be replaced: a kept token keeps its credential; a removed one is revoked for good', () => {
    const tokens = new BearerTokens(['old', 'both']);
    const [old, both] = [tokens.find('old')!, tokens.find('both')!];
    expect(tokens.replace(['both', 'new', 'new'])).toEqual({ added: 1, revoked: 1 });
    expect([tokens.find('old'), tokens.find('both') === both, tokens.find('new')?.revoked]).toEqual([
      undefined,
      true,
      false,
    ]);
    expect([old.revoked, both.revoked]).toEqual([true, false]);
    tokens.replace(['old', 'both', 'new']);
    expect([old.revoked, tokens.find('old')?.revoked]).toEqual([true, false]);
  });

  it('can be known by name and digest only; the name is the principal of the bearer', () => {
    const tokens = new BearerTokens(['shared', named('alice', 'one'), named('alice', 'two'), named('bob', 'three')]);
    expect(['shared', 'one', 'two', 'three'].map((token) => tokens.find(token)?.principal)).toEqual([
      undefined,
      'alice',
      'alice',
      'bob',
    ]);
    expect(tokens.find(named('alice', 'one').digest.toString('hex'))).toBeUndefined();
  });

  it('with a new name are new tokens: a peer that connected under the old name is another principal', () => {
    const tokens = new BearerTokens([named('alice', 'one'), 'two']);
    const [one, two] = [tokens.find('one')!, tokens.find('two')!];
    expect(tokens.replace([named('bob', 'one'), named('carol', 'two')])).toEqual({ added: 2, revoked: 2 });
    expect([one.revoked, two.revoked]).toEqual([true, true]);
    expect([tokens.find('one')?.principal, tokens.find('two')?.principal]).toEqual(['bob', 'carol']);
  });

  it('change only when those that were prepared are taken into use', () => {
    const tokens = new BearerTokens(['old', 'both']);
    const prepared = inOneGo(tokens.prepare(['both', 'new']));
    expect(['old', 'both', 'new'].map((token) => tokens.find(token)?.revoked)).toEqual([false, false, undefined]);
    expect(tokens.use(prepared)).toEqual({ added: 1, revoked: 1 });
    expect(['old', 'both', 'new'].map((token) => tokens.find(token)?.revoked)).toEqual([undefined, false, false]);
  });

  it('may be many: each is found by its digest, without a look at the others', () => {
    const many = Array.from({ length: 20_000 }, (_, i) => `token-${i}`);
    const tokens = new BearerTokens(many);
    expect(many.every((token) => tokens.find(token) !== undefined)).toBe(true);
    expect(tokens.find('token-20000')).toBeUndefined();
  });

  it('are not kept in plain text', () => {
    const tokens = new BearerTokens(['s3cret']);
    expect(
      inspect(tokens, { depth: Number.POSITIVE_INFINITY, showHidden: true }) + JSON.stringify(tokens),
    ).not.toContain('s3cret');
  });
});
