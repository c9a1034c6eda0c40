import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { BearerTokens } from '../../../src/auth/bearer-tokens.js';

describe('the tokens that open the server', () => {
  it('are not needed when there are none, and none is accepted', () => {
    const tokens = new BearerTokens([]);
    expect(tokens.required).toBe(false);
    expect(tokens.accepts('')).toBe(false);
    expect(tokens.accepts('s3cret')).toBe(false);
  });

  it('are needed when there is one', () => {
    expect(new BearerTokens(['s3cret']).required).toBe(true);
  });

  it.each(['first', 'second', 'third'])('are all accepted: %s', (token) => {
    expect(new BearerTokens(['first', 'second', 'third']).accepts(token)).toBe(true);
  });

  it.each(['', 's3cre', 's3cret2', ' s3cret', 's3cret ', 'S3CRET', 's3cret\0', 's3cret,other', 's3cretother', 'x'.repeat(100_000)])('are not accepted when they differ: %j', (token) => {
    expect(new BearerTokens(['s3cret', 'other']).accepts(token)).toBe(false);
  });

  it('are not those that were added to the list afterwards', () => {
    const list = ['s3cret'];
    const tokens = new BearerTokens(list);
    list.push('other');
    expect(tokens.accepts('other')).toBe(false);
  });

  it('are not kept in the clear', () => {
    const tokens = new BearerTokens(['s3cret']);
    expect(inspect(tokens, { depth: Number.POSITIVE_INFINITY, showHidden: true }) + JSON.stringify(tokens)).not.toContain('s3cret');
  });
});
