import { describe, expect, it } from '@jest/globals';
import { isTooDeep, jwtProof, MOST_DEEP } from '../../../src/auth/jwt/jwt-proof.js';
import type { Proof } from '../../../src/connection/connection.js';
import { compact } from '../../support/issuer.js';
import { heapUsed } from '../../support/heap.js';

const nested = (depth: number): unknown => Array.from({ length: depth }).reduce((inner) => ({ a: inner }), 'end');

describe('A11: the proof of a JWT', () => {
  const claims = { iss: 'https://id.example', roles: ['peer'], realm: { owner: { name: 'ü' } } };
  const proof = jwtProof('https://id.example', compact({}, claims));

  it('names the issuer, and holds the claims, frozen to their depth', () => {
    expect(proof).toEqual({ kind: 'jwt', issuer: 'https://id.example', claims });
    expect([proof, proof.claims, proof.claims!.roles, proof.claims!.realm].every(Object.isFrozen)).toBe(true);
    const { owner } = proof.claims!.realm as { owner: { name: string } };
    expect(() => (owner.name = 'mallory')).toThrow(TypeError);
  });

  it('gives the same claims while somebody holds them', () => {
    const { claims: held } = proof;
    expect(proof.claims).toBe(held);
  });

  it('holds no more than two bytes for each character of a token, whatever its claims are', async () => {
    // Two characters of JSON each, which are an object of more than fifty bytes.
    const bomb = compact({}, `{"a":[${Array(2000).fill('{}').join()}]}`);
    const before = heapUsed();
    const proofs: Proof[] = Array.from({ length: 500 }, () => jwtProof('https://id.example', bomb));
    for (const each of proofs) expect(each.claims?.a).toHaveLength(2000);
    // What a WeakRef gave is kept until the turn ends.
    await new Promise(setImmediate);
    const held = heapUsed() - before;
    expect(held / proofs.length).toBeLessThan(2 * bomb.length);
  });
});

describe('A11: claims are nested too deep', () => {
  it.each([
    [0, false],
    [MOST_DEEP, false],
    [MOST_DEEP + 1, true],
    [100_000, true],
  ])('at %d levels: %s', (depth, deep) => {
    expect(isTooDeep(nested(depth))).toBe(deep);
    expect(isTooDeep({ list: [1, nested(depth - 2)] })).toBe(deep);
  });
});
