import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect } from '@jest/globals';
import fc from 'fast-check';
import type { JWTPayload } from 'jose';
import { grantedDigest } from '../../src/auth/jwt/granted-topics.js';
import { JwtVerifier } from '../../src/auth/jwt/jwt-verifier.js';
import { Refusal } from '../../src/connection/refusal.js';
import { parseSettings } from '../../src/config/load-settings.js';
import { Logs } from '../../src/logging/log.js';
import { compact, makeKey, sign } from '../support/issuer.js';
import { ManualClock } from '../support/manual-clock.js';
import { mutated } from '../support/mutation.js';
import { property } from './property.js';

const folder = mkdtempSync(join(tmpdir(), 'cairn-signal-fuzz-jwt-'));
afterAll(() => rmSync(folder, { recursive: true }));

const key = await makeKey('key');
writeFileSync(join(folder, 'key.pem'), key.pem);
const clock = new ManualClock();
const settings = parseSettings({
  jwtIssuer: 'https://id.example',
  jwtAudience: 'cairn',
  jwtPublicKey: join(folder, 'key.pem'),
});
const verifier = new JwtVerifier(settings, clock, new Logs({ format: 'json' }).for('auth'));
const claims: JWTPayload = {
  iss: 'https://id.example',
  aud: 'cairn',
  sub: 'alice',
  exp: clock.now() / 1000 + 60,
  topics: ['a'],
};
const good = await sign(key, claims);
const gives = await verifier.verify(good);

/** Names of claims that the server reads. */
const names = fc.constantFrom(...Object.keys(claims), 'nbf', 'iat', 'topics_sha256', 'topics_url');

/** A valid JWT with changed characters, and JWTs that never were valid. */
const any = fc.oneof(
  mutated(fc.constant(Buffer.from(good))).map((bytes) => bytes.toString('latin1')),
  fc
    .tuple(
      fc.dictionary(fc.constantFrom('alg', 'kid', 'crit', 'b64', 'jwk', 'typ', 'cty', 'zip', 'enc'), fc.jsonValue()),
      fc.dictionary(names, fc.jsonValue()),
      fc.uint8Array({ maxLength: 80 }),
    )
    .map(([header, body, signature]) => compact({ alg: 'ES256', ...header }, { ...claims, ...body }, signature)),
  fc.string({ maxLength: 200 }),
);

property('a JWT with changed characters gives nothing that the valid one does not', any, async (token) => {
  try {
    // There is more than one way to write a signature.
    expect(await verifier.verify(token)).toEqual(gives);
  } catch (error) {
    if (!(error instanceof Refusal) || error.getStatus() !== 401) throw error;
  }
});

/** No sentence has it by chance. */
const MARK = 's3cret';

/** Values that claims may have, and nearly have. */
const values = fc.oneof(
  fc.jsonValue(),
  fc.array(fc.oneof(fc.string(), fc.constant(grantedDigest('t')), fc.jsonValue())),
  fc.double({ min: -1e16, max: 1e16 }),
);

property(
  'a signed JWT opens the server, or is told which claim is wrong',
  fc.dictionary(names, values),
  async (changes) => {
    const signed = JSON.parse(JSON.stringify({ ...claims, ...changes }), marked) as JWTPayload;
    try {
      const { principal, topics } = await verifier.verify(await sign(key, signed));
      expect(principal).toBe(`${claims.iss}|${signed.sub}`);
      expect(topics === undefined).toBe(signed.topics === undefined && signed.topics_sha256 === undefined);
      for (const topic of (signed.topics as string[] | undefined) ?? []) expect(topics!.has(topic)).toBe(true);
    } catch (error) {
      if (!(error instanceof Refusal) || error.getStatus() !== 401) throw error;
      expect(error.message).not.toContain(MARK);
      expect(error.message.length).toBeLessThanOrEqual(300);
      if (error.reason === 'token_malformed') expect(error.message).toMatch(/ the claims? [a-z\d_]+[ .]/);
    }
  },
);

/** Marks every text but those that the server compares, and digests. */
function marked(_name: string, value: unknown): unknown {
  const kept = value === claims.iss || value === claims.aud || value === grantedDigest('t');
  return typeof value === 'string' && !kept ? `${MARK}${value}` : value;
}
