import { describe, expect, it } from '@jest/globals';
import { claimAt, holdsOneOf } from '../../../src/auth/jwt/claim-values.js';

const CLAIMS = {
  sub: 'alice',
  empty: '',
  nothing: null,
  yes: true,
  seven: 7,
  groups: ['peers', 7, true, null, ['inner'], { name: 'object' }],
  scope: 'openid signal',
  scp: ['openid', 'signal read'],
  words: 'openid signal',
  realm_access: { roles: ['peer'], 'a.b': { c: 'deep' }, scope: 'read write' },
  'https://example.com/roles': ['peer'],
  'https://example.com/': { roles: ['other'] },
  'kubernetes.io': { namespace: 'peers' },
  'a.b': 'by its name',
  a: { b: 'by the path', c: 'by the path' },
  'x.y': 'no object',
  x: { y: { z: 'behind' } },
  list: [{ name: 'first' }],
};

describe('A11: the claim of a name', () => {
  it.each([
    ['sub', 'alice'],
    ['realm_access.roles', ['peer']],
    ['realm_access.a.b.c', 'deep'],
    ['https://example.com/roles', ['peer']],
    ['https://example.com/.roles', ['other']],
    ['kubernetes.io.namespace', 'peers'],
    ['a.b', 'by its name'],
    ['a.c', 'by the path'],
    ['x.y.z', 'behind'],
    ['nothing', null],
    ['none', undefined],
    ['sub.length', undefined],
    ['list.0', undefined],
    ['list.0.name', undefined],
    ['list.length', undefined],
    ['realm_access.', undefined],
    ['.roles', undefined],
    ['.', undefined],
    ['constructor', undefined],
    ['constructor.name', undefined],
    ['__proto__', undefined],
    ['realm_access.__proto__.roles', undefined],
    ['realm_access.toString', undefined],
  ])('%s is what is there', (name, value) => {
    expect(claimAt(CLAIMS, name)).toEqual(value);
  });

  it('is found in time that the length of the name bounds, however the claims are nested', () => {
    const path = Array(64).fill('a').join('.');
    // Every beginning of the path is the name of a claim, at every depth.
    let claims: Record<string, unknown> = {};
    for (let depth = 0; depth < 6; depth++) {
      const inner = claims;
      claims = Object.fromEntries(
        Array.from({ length: 4 }, (_, i) => [
          Array(i + 1)
            .fill('a')
            .join('.'),
          inner,
        ]),
      );
    }
    const before = process.cpuUsage();
    expect(claimAt(claims, path)).toBeUndefined();
    expect(process.cpuUsage(before).user).toBeLessThan(1_000_000);
  });
});

describe('A11: a claim holds a value', () => {
  it.each([
    ['sub', 'alice', true],
    ['sub', 'Alice', false],
    ['sub', 'ali', false],
    ['sub', 'mallory', false],
    ['yes', 'true', true],
    ['yes', 'on', false],
    ['seven', '7', true],
    ['seven', '7.0', false],
    ['nothing', 'null', false],
    ['none', 'undefined', false],
    ['empty', 'x', false],
    ['groups', 'peers', true],
    ['groups', '7', true],
    ['groups', 'true', true],
    ['groups', 'null', false],
    ['groups', 'inner', false],
    ['groups', 'object', false],
    ['groups', 'peers,7,true,,inner,[object Object]', false],
    ['groups', '[object Object]', false],
    ['realm_access', 'roles', false],
    ['realm_access.roles', 'peer', true],
    ['realm_access.scope', 'write', true],
    ['scope', 'signal', true],
    ['scope', 'openid signal', true],
    ['scope', 'sign', false],
    ['scp', 'openid', true],
    ['scp', 'signal read', true],
    ['scp', 'read', false],
    ['words', 'signal', false],
  ])('%s %s: %s', (name, value, holds) => {
    expect(holdsOneOf(CLAIMS, name, ['something else', value])).toBe(holds);
  });
});
