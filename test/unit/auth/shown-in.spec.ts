import { describe, expect, it } from '@jest/globals';
import type { Credential } from '../../../src/auth/bearer-tokens.js';
import { TokenAndCertificate } from '../../../src/auth/certificates/certificate-credential.js';
import { shownIn } from '../../../src/auth/shown-in.js';

const credential = (kind: 'token' | 'jwt' | 'certificate', principal?: string): Credential => ({
  proof: { kind, issuer: kind === 'token' ? undefined : `issuer of a ${kind}` },
  principal,
  revoked: false,
});
const token = credential('token');
const jwt = credential('jwt', 'alice');
const certificate = credential('certificate', 'lamp');

describe('who a peer proved to be', () => {
  it.each([
    ['nobody', undefined, undefined, undefined],
    ['a token without a name', token, undefined, 'token'],
    ['a token with a name', credential('token', 'alice'), 'alice', 'token'],
    ['a certificate', certificate, 'lamp', 'certificate'],
    [
      'a certificate, beside a token without a name',
      new TokenAndCertificate(token, certificate),
      'lamp',
      'certificate',
    ],
    ['a JWT, beside a certificate', new TokenAndCertificate(jwt, certificate), 'alice', 'jwt'],
    ['a guard', undefined, 'bob', 'guard'],
    ['a guard, in place of a JWT', jwt, 'bob', 'guard'],
    ['a guard, in place of a certificate', certificate, 'bob', 'guard'],
  ])('O8: %s says so', (_who, shown, principal, proof) => {
    expect(shownIn({ credential: shown, ...(principal !== undefined && { principal }) }).proof).toBe(proof);
  });

  it('A9: the issuer of a refused JWT comes before that of the certificate beside it', () => {
    const named = { issuer: 'https://id.example.com', proved: false };
    expect(shownIn({ credential: certificate, principal: 'lamp', named })).toEqual({
      principal: 'lamp',
      proof: 'certificate',
      issuer: 'https://id.example.com',
      claimed: true,
    });
  });
});
