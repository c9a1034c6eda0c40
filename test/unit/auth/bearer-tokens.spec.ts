import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { BearerTokens } from '../../../src/auth/bearer-tokens.js';

describe('the tokens that open the server', () => {
  it('are not needed when there are none, and none is accepted', () => {
    const tokens = new BearerTokens([]);
    expect(tokens.required).toBe(false);
    expect(tokens.find('')).toBeUndefined();
    expect(tokens.find('s3cret')).toBeUndefined();
  });

  it('are needed when there is one', () => {
    expect(new BearerTokens(['s3cret']).required).toBe(true);
  });

  it.each(['first', 'second', 'third'])('are all accepted: %s', (token) => {
    expect(new BearerTokens(['first', 'second', 'third']).find(token)).toEqual({ digest: expect.any(Buffer), revoked: false });
  });

  it.each(['', 's3cre', 's3cret2', ' s3cret', 's3cret ', 'S3CRET', 's3cret\0', 's3cret,other', 's3cretother', 'x'.repeat(100_000)])('are not accepted when they differ: %j', (token) => {
    expect(new BearerTokens(['s3cret', 'other']).find(token)).toBeUndefined();
  });

  it('are not those that were added to the list afterwards', () => {
    const list = ['s3cret'];
    const tokens = new BearerTokens(list);
    list.push('other');
    expect(tokens.find('other')).toBeUndefined();
  });

  it('can be replaced: what stays keeps its credential, what goes is revoked, and comes back as another', () => {
    const tokens = new BearerTokens(['old', 'both']);
    const [old, both] = [tokens.find('old')!, tokens.find('both')!];
    expect(tokens.replace(['both', 'new', 'new'])).toEqual({ added: 1, revoked: 1 });
    expect([tokens.find('old'), tokens.find('both') === both, tokens.find('new')?.revoked]).toEqual([undefined, true, false]);
    expect([old.revoked, both.revoked]).toEqual([true, false]);
    tokens.replace(['old', 'both', 'new']);
    expect([old.revoked, tokens.find('old')?.revoked]).toEqual([true, false]);
  });

  it('are not kept in the clear', () => {
    const tokens = new BearerTokens(['s3cret']);
    expect(inspect(tokens, { depth: Number.POSITIVE_INFINITY, showHidden: true }) + JSON.stringify(tokens)).not.toContain('s3cret');
  });
});
