import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect } from '@jest/globals';
import fc from 'fast-check';
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
const claims = { iss: 'https://id.example', aud: 'cairn', sub: 'alice', exp: clock.now() / 1000 + 60, topics: ['a'] };
const good = await sign(key, claims);
const gives = await verifier.verify(good);

/** A valid JWT with changed characters, and JWTs that never were valid. */
const any = fc.oneof(
  mutated(fc.constant(Buffer.from(good))).map((bytes) => bytes.toString('latin1')),
  fc
    .tuple(
      fc.dictionary(fc.constantFrom('alg', 'kid', 'crit', 'b64', 'jwk', 'typ', 'zip'), fc.jsonValue()),
      fc.dictionary(fc.constantFrom(...Object.keys(claims), 'nbf', 'iat'), fc.jsonValue()),
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
