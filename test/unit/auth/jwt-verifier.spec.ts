import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createHmac, createPublicKey } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { JWTPayload } from 'jose';
import type { Credential } from '../../../src/auth/bearer-tokens.js';
import { JwtVerifier } from '../../../src/auth/jwt/jwt-verifier.js';
import { Refusal } from '../../../src/connection/refusal.js';
import { parseSettings } from '../../../src/config/load-settings.js';
import type { SettingsInput } from '../../../src/config/settings.js';
import { Logs } from '../../../src/logging/log.js';
import { compact, makeKey, sign, stopIssuers, TestIssuer } from '../../support/issuer.js';
import type { SigningKey } from '../../support/issuer.js';
import { ManualClock } from '../../support/manual-clock.js';

const ISSUER = 'https://id.example/';
const folder = mkdtempSync(join(tmpdir(), 'cairn-signal-jwt-'));
afterAll(() => rmSync(folder, { recursive: true }));

const clock = new ManualClock();
const now = Math.floor(clock.now() / 1000);
const CLAIMS = { iss: ISSUER, aud: 'cairn', sub: 'alice', exp: now + 60 };
const LINES: string[] = [];

let ec: SigningKey;
let rsa: SigningKey;
let stranger: SigningKey;

/** A verifier with both keys in its file. */
function verifier(input: SettingsInput = {}, time = clock): JwtVerifier {
  const path = join(folder, 'keys.pem');
  writeFileSync(path, ec.pem + rsa.pem);
  const settings = parseSettings({ jwtIssuer: ISSUER, jwtAudience: 'cairn', jwtPublicKey: path, ...input });
  const logs = new Logs({ format: 'json', destination: { write: (line) => void LINES.push(line) } });
  return new JwtVerifier(settings, time, logs.for('auth'));
}

async function refusal(token: string, input?: SettingsInput): Promise<Refusal> {
  const verified = verifier(input).verify(token);
  return verified.then(
    () => {
      throw new Error('it was accepted');
    },
    (error: unknown) => {
      if (error instanceof Refusal) return error;
      throw error;
    },
  );
}

/** Returns the reason for refusing a correctly signed token with these claims. */
async function reason(claims: JWTPayload, input?: SettingsInput): Promise<string> {
  return (await refusal(await sign(ec, claims), input)).reason;
}

const accepted = (claims: JWTPayload, input?: SettingsInput): Promise<Credential> =>
  sign(ec, claims).then((token) => verifier(input).verify(token));

beforeAll(async () => {
  [ec, rsa, stranger] = await Promise.all([makeKey('ec'), makeKey('rsa', 'RS256'), makeKey('ec')]);
});

describe('A7: an issuer that changes its key', () => {
  afterEach(stopIssuers);

  it.each([
    ['without a name', undefined],
    ['under the name of the old key', 'ec'],
  ])(
    '%s: the new key works immediately, the old one no longer, and forgeries cause one fetch per 30 s at most',
    async (_what, kid) => {
      const issuer = await TestIssuer.start();
      const time = new ManualClock();
      const named = ({ jwk }: SigningKey): object => (kid === undefined ? { ...jwk, kid: undefined } : { ...jwk, kid });
      const signed = (key: SigningKey): Promise<string> =>
        sign({ ...key, kid: kid as string }, { ...CLAIMS, iss: issuer.name });
      issuer.keys = [named(ec)];
      const judge = verifier({ jwtIssuer: issuer.name, jwtJwksUrl: issuer.keysUrl, jwtPublicKey: undefined }, time);
      expect(await judge.verify(await signed(ec))).toMatchObject({ principal: `${issuer.name}|alice` });
      issuer.keys = [named(stranger)];
      // A key that is there under the token's name for it has judged the token. Without a name, it may be a new one.
      await expect(judge.verify(await signed(stranger))).rejects.toMatchObject(
        kid === undefined ? { reason: 'token_key_unknown' } : { reason: 'token_signature' },
      );
      expect(issuer.asked).toHaveLength(1);
      time.pass(30_000);
      expect(await judge.verify(await signed(stranger))).toMatchObject({ principal: `${issuer.name}|alice` });
      for (let i = 0; i < 3; i++) {
        await expect(judge.verify(await signed(ec))).rejects.toMatchObject(
          kid === undefined ? { reason: 'token_key_unknown' } : { reason: 'token_signature' },
        );
      }
      expect(issuer.asked).toHaveLength(2);
    },
  );
});

describe('a JWT that is accepted', () => {
  it('A4: gives its bearer a principal, an expiry and topics', async () => {
    expect(await accepted({ ...CLAIMS, topics: ['a', 'b', 'a'] })).toEqual({
      proof: { kind: 'jwt', issuer: ISSUER, claims: expect.objectContaining({ iss: ISSUER }) },
      revoked: false,
      principal: 'https://id.example/|alice',
      topics: new Set(['a', 'b']),
      expiresAt: (now + 65) * 1000,
    });
  });

  it('A6: without the claim topics allows all topics; with an empty one, none', async () => {
    expect((await accepted(CLAIMS)).topics).toBeUndefined();
    expect((await accepted({ ...CLAIMS, topics: [] })).topics).toEqual(new Set());
    expect(
      (await accepted({ ...CLAIMS, topics: Array.from({ length: 1024 }, (_, i) => i.toString(36)) })).topics?.has(
        (1023).toString(36),
      ),
    ).toBe(true);
  });

  it('A4: can be signed with any of the keys and any allowed algorithm, whatever its kid', async () => {
    const pss = {
      ...rsa,
      alg: 'PS256',
      privateKey: await crypto.subtle.importKey(
        'pkcs8',
        await crypto.subtle.exportKey('pkcs8', rsa.privateKey),
        { name: 'RSA-PSS', hash: 'SHA-256' },
        false,
        ['sign'],
      ),
    };
    for (const key of [ec, rsa, pss]) {
      expect((await verifier().verify(await sign(key, CLAIMS, { kid: 'any' }))).principal).toBe(`${ISSUER}|alice`);
    }
  });

  it.each(['EdDSA', 'Ed25519', 'ES384', 'RS512'])('A4: can use %s, if that is allowed', async (alg) => {
    const key = await makeKey('other', alg);
    const path = join(folder, 'other.pem');
    writeFileSync(path, key.pem);
    const settings = { jwtPublicKey: path, jwtAlgorithms: alg };
    expect((await verifier(settings).verify(await sign(key, CLAIMS))).principal).toBe(`${ISSUER}|alice`);
  });

  it('A4: can name one of several audiences, in a list or alone', async () => {
    for (const aud of ['cairn', ['other', 'cairn'], 'signal']) {
      expect((await accepted({ ...CLAIMS, aud }, { jwtAudience: 'cairn,signal' })).revoked).toBe(false);
    }
  });

  it('A4: expires after the clock tolerance, to the second', async () => {
    expect((await accepted({ ...CLAIMS, exp: now - 4 })).expiresAt).toBe((now + 1) * 1000);
    await accepted({ ...CLAIMS, nbf: now + 5 });
    await accepted({ ...CLAIMS, exp: now + 1, nbf: now }, { jwtClockTolerance: '0s' });
  });

  it('A4: names its bearer in the claim of jwt-principal-claim', async () => {
    expect((await accepted({ ...CLAIMS, peer: 'bob' }, { jwtPrincipalClaim: 'peer' })).principal).toBe(`${ISSUER}|bob`);
  });

  it('has the shape of a JWT; nothing else is taken for one', () => {
    expect(['a.b.c', 'a.b.', 'e-_9.e.e'].map((token) => verifier().takes(token))).toEqual([true, true, true]);
    expect(
      ['', 'a', 'a.b', 'a..c', '.b.c', 'a.b.c.d', 'a.b.c.d.e', 'a.b.c=', 'a.b .c', 'a.b.ç'].filter((token) =>
        verifier().takes(token),
      ),
    ).toEqual([]);
  });
});

describe('A5: a JWT is refused with 401 and a reason', () => {
  it.each([
    ['has expired', { exp: now - 5 }, 'token_expired'],
    ['is not valid yet', { nbf: now + 6 }, 'token_not_yet_valid'],
    ['has no expiry', { exp: undefined }, 'token_malformed'],
    ['has an expiry that is text', { exp: String(now + 60) }, 'token_malformed'],
    ['has an expiry that is null', { exp: null }, 'token_malformed'],
    ['has a not-before time that is text', { nbf: 'now' }, 'token_malformed'],
    ['is for nobody', { aud: undefined }, 'token_audience'],
    ['is for somebody else', { aud: 'other' }, 'token_audience'],
    ['is for other services', { aud: ['other', 'cairn2'] }, 'token_audience'],
    ['is for a list in a list', { aud: [['cairn']] }, 'token_audience'],
    ['is for an object', { aud: { cairn: 'cairn' } }, 'token_audience'],
    ['is for an empty list', { aud: [] }, 'token_audience'],
    ['names no issuer', { iss: undefined }, 'token_issuer'],
    ['names another issuer', { iss: 'https://id.example' }, 'token_issuer'],
    ['names a list of issuers', { iss: [ISSUER] }, 'token_issuer'],
    ['names an issuer that every object inherits', { iss: 'constructor' }, 'token_issuer'],
    ['has no bearer', { sub: undefined }, 'token_malformed'],
    ['has an empty bearer', { sub: '' }, 'token_malformed'],
    ['has a bearer that is a number', { sub: 7 }, 'token_malformed'],
    ['has a bearer of 256 letters', { sub: 'x'.repeat(256) }, 'token_malformed'],
    ['has a bearer with a line break', { sub: 'alice\n{"level":"error"}' }, 'token_malformed'],
    ['has a bearer with an escape code', { sub: '\u001b[2J' }, 'token_malformed'],
    ['has a bearer that reverses the text direction', { sub: 'a\u202eb' }, 'token_malformed'],
    ['has topics that are not a list', { topics: 'a' }, 'token_malformed'],
    ['has topics that are null', { topics: null }, 'token_malformed'],
    ['has topics that are an object', { topics: { a: true } }, 'token_malformed'],
    ['has a topic that is a number', { topics: ['a', 1] }, 'token_malformed'],
    ['has 1025 topics', { topics: Array.from({ length: 1025 }, (_, i) => i.toString(36)) }, 'token_malformed'],
  ])('when it %s', async (_what, claims, expected) => {
    expect(await reason({ ...CLAIMS, ...(claims as JWTPayload) })).toBe(expected);
  });

  it('when its expiry is too large for a number', async () => {
    const claims = `{"iss":"${ISSUER}","aud":"cairn","sub":"alice","exp":1e999}`;
    const input = `${Buffer.from('{"alg":"ES256"}').toString('base64url')}.${Buffer.from(claims).toString('base64url')}`;
    const signature = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, ec.privateKey, Buffer.from(input));
    expect((await refusal(`${input}.${Buffer.from(signature).toString('base64url')}`)).reason).toBe('token_malformed');
  });

  it('when the last of two exp claims has passed: the last one counts, as everywhere', async () => {
    const claims = `{"iss":"${ISSUER}","aud":"cairn","sub":"alice","exp":${now + 60},"exp":${now - 60}}`;
    const input = `${Buffer.from('{"alg":"ES256"}').toString('base64url')}.${Buffer.from(claims).toString('base64url')}`;
    const signature = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, ec.privateKey, Buffer.from(input));
    expect((await refusal(`${input}.${Buffer.from(signature).toString('base64url')}`)).reason).toBe('token_expired');
  });

  it.each(['constructor', '__proto__', 'toString'])(
    'when the claim of its bearer is one that every object inherits: %s',
    async (claim) => {
      expect(await reason(CLAIMS, { jwtPrincipalClaim: claim })).toBe('token_malformed');
    },
  );

  it('when a stranger signed it under a known key name, or its signature or content was changed', async () => {
    const token = await sign(ec, CLAIMS);
    const [header, claims, signature] = token.split('.');
    const others = Buffer.from(JSON.stringify({ ...CLAIMS, sub: 'mallory' })).toString('base64url');
    const changed = `${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`;
    const wrong = [
      await sign(stranger, CLAIMS),
      `${header}.${others}.${signature}`,
      `${header}.${claims}.${changed}`,
      `${header}.${claims}.`,
      `${header}.${claims}.AA`,
    ];
    for (const each of wrong) expect((await refusal(each)).reason).toBe('token_signature');
  });

  it('when it is not signed at all (RFC 8725, section 2.1)', async () => {
    for (const alg of ['none', 'None', 'NONE', 'nOnE', '', undefined, null, ['ES256'], 'es256']) {
      expect((await refusal(compact({ alg, typ: 'JWT' }, CLAIMS))).reason).toBe('token_algorithm');
    }
  });

  it('when it is signed by HMAC with the public key as the secret, in any form (RFC 8725, section 2.1)', async () => {
    for (const key of [ec, rsa]) {
      const der = createPublicKey(key.pem).export({ type: 'spki', format: 'der' });
      for (const secret of [key.pem, key.pem.trim(), der, JSON.stringify(key.jwk), key.jwk.n ?? key.jwk.x!]) {
        for (const alg of ['HS256', 'HS384', 'HS512']) {
          const input = compact({ alg, kid: key.kid }, CLAIMS).slice(0, -1);
          const signature = createHmac(`sha${alg.slice(2)}`, secret)
            .update(input)
            .digest();
          expect((await refusal(compact({ alg, kid: key.kid }, CLAIMS, signature))).reason).toBe('token_algorithm');
        }
      }
    }
  });

  it('when its algorithm is sound but not allowed, or is for keys of another kind', async () => {
    expect(
      await refusal(await sign(rsa, CLAIMS), { jwtAlgorithms: 'ES256' }).catch((error: Error) => error.message),
    ).toMatch(/none of jwt-algorithms uses a key of this kind/);
    const es384 = await makeKey('ec', 'ES384');
    expect((await refusal(await sign(es384, CLAIMS))).reason).toBe('token_algorithm');
    expect((await refusal(await sign(es384, CLAIMS), { jwtAlgorithms: 'ES384,ES256,RS256' })).reason).toBe('token_key');
    const [, claims, signature] = (await sign(rsa, CLAIMS)).split('.');
    const header = Buffer.from('{"alg":"ES256"}').toString('base64url');
    expect((await refusal(`${header}.${claims}.${signature}`)).reason).toBe('token_signature');
  });

  it.each([
    ['the key itself', (): object => ({ jwk: stranger.jwk })],
    ['the URL of a key set', (): object => ({ jku: 'http://127.0.0.1:1/keys' })],
    ['the URL of a certificate', (): object => ({ x5u: 'http://127.0.0.1:1/cert' })],
    ['a certificate', (): object => ({ x5c: [Buffer.from(stranger.pem).toString('base64')] })],
    ['a path for its kid (injection)', (): object => ({ kid: '../../../../dev/null' })],
    ['a query for its kid (injection)', (): object => ({ kid: "' OR '1'='1" })],
  ])('when a stranger signed it and it contains %s (RFC 8725, section 3.10)', async (_what, header) => {
    expect((await refusal(await sign(stranger, CLAIMS, header()))).reason).toBe('token_signature');
  });

  it('but not for keys and URLs in its header, if it is correctly signed', async () => {
    const token = await sign(ec, CLAIMS, {
      jwk: stranger.jwk,
      jku: 'http://127.0.0.1:1/keys',
      x5u: 'http://127.0.0.1:1/cert',
    });
    expect((await verifier().verify(token)).principal).toBe(`${ISSUER}|alice`);
  });

  it('when it needs a JWS extension, known (RFC 7797) or unknown (RFC 7515, section 4.1.11)', async () => {
    const input = (header: object): string => compact(header, CLAIMS).slice(0, -1);
    const signed = async (header: object): Promise<string> => {
      const signature = await crypto.subtle.sign(
        { name: 'ECDSA', hash: 'SHA-256' },
        ec.privateKey,
        Buffer.from(input(header)),
      );
      return compact(header, CLAIMS, new Uint8Array(signature));
    };
    for (const header of [
      { crit: ['b64'], b64: false },
      { crit: ['b64'], b64: true },
      { crit: ['exp'], exp: now },
      { crit: [] },
      { crit: 'b64' },
      { crit: ['x'] },
      { crit: ['alg'] },
    ]) {
      expect((await refusal(await signed({ alg: 'ES256', ...header }))).reason).toBe('token_malformed');
    }
  });

  it('when its parts cannot be read', async () => {
    const good = await sign(ec, CLAIMS);
    const [header, claims, signature] = good.split('.');
    const encoded = (text: string): string => Buffer.from(text).toString('base64url');
    const wrong = [
      'a.b.c',
      `${encoded('{}')}.${claims}.${signature}`.replace(encoded('{}'), encoded('[]')),
      `${encoded('null')}.${claims}.${signature}`,
      `${encoded('{"alg":')}.${claims}.${signature}`,
      `${header}.${encoded('[]')}.${signature}`,
      `${header}.${encoded('"text"')}.${signature}`,
      `${header}.${encoded('null')}.${signature}`,
      `${header}.${Buffer.from([0x7b, 0xff, 0x7d]).toString('base64url')}.${signature}`,
      `${header}.${encoded('['.repeat(3000))}.${signature}`,
    ];
    for (const token of wrong) expect((await refusal(token)).reason).toBe('token_malformed');
  });

  it('when it has more than 8192 characters, but not at 8192', async () => {
    const padded = async (characters: number): Promise<string> => {
      // Three characters of a claim are four of base64url.
      const base = (await sign(ec, { ...CLAIMS, x: '' })).length;
      const token = await sign(ec, { ...CLAIMS, x: 'x'.repeat(Math.floor(((characters - base) * 3) / 4)) });
      return token;
    };
    const good = await padded(8192);
    expect(good.length).toBeGreaterThan(8188);
    expect((await verifier().verify(good)).revoked).toBe(false);
    expect((await refusal(`${good}${'A'.repeat(8193 - good.length)}`)).reason).toBe('token_too_long');
    expect((await refusal(compact({ alg: 'ES256' }, 'x'.repeat(1_000_000)))).reason).toBe('token_too_long');
  });

  it('with a status and a sentence that repeat nothing of it, and without a log line', async () => {
    const refused = [
      await refusal(await sign(stranger, { ...CLAIMS, sub: 's3cret' })),
      await refusal(await sign(ec, { ...CLAIMS, aud: 's3cret' })),
      await refusal(await sign(ec, { ...CLAIMS, exp: 1, sub: 's3cret' })),
    ];
    expect(refused.map((each) => each.getStatus())).toEqual([401, 401, 401]);
    expect(refused.map(({ message }) => message)).toEqual([
      'The signature of this token is wrong.',
      'This token is for another service.',
      'This token has expired.',
    ]);
    expect(LINES).toEqual([]);
  });
});
