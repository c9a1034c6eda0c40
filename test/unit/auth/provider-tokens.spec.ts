import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { JwtVerifier } from '../../../src/auth/jwt/jwt-verifier.js';
import { Refusal } from '../../../src/connection/refusal.js';
import { parseSettings } from '../../../src/config/load-settings.js';
import { Logs } from '../../../src/logging/log.js';
import { makeKey, sign } from '../../support/issuer.js';
import type { SigningKey } from '../../support/issuer.js';
import { ManualClock } from '../../support/manual-clock.js';
import { PROVIDER_TOKENS } from '../../support/provider-tokens.js';
import type { Changes, ProviderToken } from '../../support/provider-tokens.js';

const folder = mkdtempSync(join(tmpdir(), 'cairn-signal-providers-'));
afterAll(() => rmSync(folder, { recursive: true }));
const clock = new ManualClock();
const now = Math.floor(clock.now() / 1000);

/** By issuer. Made one after another: how tokens are signed is no part of their shape. */
const keys = new Map<string, SigningKey>();
beforeAll(async () => {
  for (const [i, { issuer }] of PROVIDER_TOKENS.entries()) {
    const key = await makeKey(`key ${i}`);
    const use = issuer.startsWith('spiffe:') ? 'jwt-svid' : 'sig';
    writeFileSync(join(folder, `${i}.json`), JSON.stringify({ keys: [{ ...key.jwk, use }] }));
    keys.set(issuer, key);
  }
});

/** A verifier that knows these issuers, with each setting written for its issuer. */
function verifier(...known: readonly ProviderToken[]): JwtVerifier {
  const input: Record<string, string[]> = {};
  const add = (name: string, values: readonly string[]): void => void (input[name] ??= []).push(...values);
  for (const each of known) {
    const { issuer, settings } = each;
    add('jwtIssuer', [issuer]);
    add('jwtPublicKey', [`${issuer} ${join(folder, `${PROVIDER_TOKENS.indexOf(each)}.json`)}`]);
    for (const [name, values] of Object.entries(settings) as [string, string[]][]) {
      add(
        name,
        values.map((value) => `${issuer} ${value}`),
      );
    }
  }
  return new JwtVerifier(parseSettings(input), clock, new Logs({ format: 'json' }).for('auth'));
}

function token(
  { issuer, header, claims }: ProviderToken,
  changes: Changes = {},
  otherHeader?: { readonly typ: string },
): Promise<string> {
  return sign(keys.get(issuer)!, { iat: now, exp: now + 300, ...claims, ...changes }, { ...header, ...otherHeader });
}

const reasonOf = (judged: Promise<unknown>): Promise<string> =>
  judged.then(
    () => 'accepted',
    (error: unknown) => {
      if (error instanceof Refusal) return error.reason;
      throw error;
    },
  );

describe.each(PROVIDER_TOKENS)('A11: a token of $provider', (provider) => {
  it('opens the server, and names its bearer and its issuer', async () => {
    const { principal, proof } = await verifier(provider).verify(await token(provider));
    expect(principal).toBe(provider.principal);
    expect(proof).toMatchObject({ kind: 'jwt', claims: provider.claims });
    expect(provider.principal.startsWith(proof.issuer!)).toBe(true);
  });

  it.each(provider.refused.map((one) => [one[0], one] as const))('%s does not', async (_what, one) => {
    const [, changes, reason, header] = one;
    expect(await reasonOf(verifier(provider).verify(await token(provider, changes, header)))).toBe(reason);
  });

  it('for another service does not, nor one that a stranger signed', async () => {
    const [claim] = provider.settings.jwtAudienceClaim ?? ['aud'];
    const judge = verifier(provider);
    expect(await reasonOf(judge.verify(await token(provider, { [claim]: 'other' })))).toBe('token_audience');
    const stranger = await makeKey(keys.get(provider.issuer)!.kid);
    const forged = await sign(stranger, { exp: now + 300, ...provider.claims }, provider.header);
    expect(await reasonOf(judge.verify(forged))).toBe('token_signature');
  });
});

describe('A11: a server that knows all of these issuers', () => {
  it('lets in a token of each, by the settings of its own issuer', async () => {
    const judge = verifier(...PROVIDER_TOKENS);
    const principals = await Promise.all(
      PROVIDER_TOKENS.map(async (provider) => (await judge.verify(await token(provider))).principal),
    );
    expect(principals).toEqual(PROVIDER_TOKENS.map(({ principal }) => principal));
  });

  it('refuses a token of each with the audience of another', async () => {
    const judge = verifier(...PROVIDER_TOKENS);
    const audience = ({ settings }: ProviderToken): string => settings.jwtAudience[0];
    for (const provider of PROVIDER_TOKENS) {
      const [claim] = provider.settings.jwtAudienceClaim ?? ['aud'];
      const others = PROVIDER_TOKENS.map(audience).filter((each) => !provider.settings.jwtAudience.includes(each));
      const reasons = await Promise.all(
        others.map(async (other) => reasonOf(judge.verify(await token(provider, { [claim]: other })))),
      );
      expect(new Set(reasons)).toEqual(new Set(['token_audience']));
    }
  });

  it('refuses a token of each that the key of another signed', async () => {
    const judge = verifier(...PROVIDER_TOKENS);
    for (const [i, { claims, header }] of PROVIDER_TOKENS.entries()) {
      const other = PROVIDER_TOKENS[(i + 1) % PROVIDER_TOKENS.length];
      const forged = await sign(keys.get(other.issuer)!, { exp: now + 300, ...claims }, header);
      expect(await reasonOf(judge.verify(forged))).toBe('token_key');
    }
  });
});
