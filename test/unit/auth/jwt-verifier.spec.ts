import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createHmac, createPublicKey } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { JWTPayload } from 'jose';
import type { Credential } from '../../../src/auth/bearer-tokens.js';
import { grantedDigest } from '../../../src/auth/jwt/granted-topics.js';
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
    const credential = await accepted({ ...CLAIMS, topics: ['a', 'b', 'a'] });
    expect(['a', 'b', 'c'].map((topic) => credential.topics?.has(topic))).toEqual([true, true, false]);
    expect(credential).toEqual({
      proof: { kind: 'jwt', issuer: ISSUER, claims: expect.objectContaining({ iss: ISSUER }) },
      revoked: false,
      principal: 'https://id.example/|alice',
      topics: expect.anything(),
      expiresAt: (now + 65) * 1000,
    });
  });

  it('A6: without the claim topics allows all topics; with an empty one, none', async () => {
    expect((await accepted(CLAIMS)).topics).toBeUndefined();
    expect((await accepted({ ...CLAIMS, topics: [] })).topics?.has('')).toBe(false);
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

  it.each<[string, Record<string, unknown>, string, SettingsInput?]>([
    [
      'topics that are text',
      { topics: 's3cret' },
      'the claim topics is text. It must be a list of at most 1024 topics.',
    ],
    ['topics that are null', { topics: null }, 'the claim topics is null. It must be a list'],
    ['topics that are an object', { topics: { s3cret: 1 } }, 'the claim topics is an object. It must be a list'],
    ['topics that are true', { topics: true }, 'the claim topics is true or false. It must be a list'],
    [
      'topics that are numbers',
      { topics: [7, 8] },
      'entry 1 of the claim topics is a number. Every entry must be text.',
    ],
    ['a topic that is null', { topics: ['a', null] }, 'entry 2 of the claim topics is null.'],
    ['a topic that is a list', { topics: ['a', ['s3cret']] }, 'entry 2 of the claim topics is a list.'],
    ['1025 topics', { topics: Array(1025).fill('s') }, 'more than 1024 topics. At most 1024 fit into the claims'],
    [
      'a list elsewhere',
      { topics_url: 'https://s3cret.example' },
      'it has the claim topics_url. This server reads topics',
    ],
    ['digests that are text', { topics_sha256: 's3cret' }, 'the claim topics_sha256 is text. It must be a list'],
    [
      'a digest that is none',
      { topics_sha256: ['s3cret'] },
      'entry 1 of the claim topics_sha256 is not a digest. It must',
    ],
    ['no sub', { sub: undefined }, 'the claim sub is missing. It must be text of 1 to 255 characters that names the'],
    ['a sub that is a number', { sub: 5_333_777 }, 'the claim sub is a number. It must be text'],
    ['a sub that is null', { sub: null }, 'the claim sub is null.'],
    ['a sub that is empty', { sub: '' }, 'the claim sub is empty.'],
    ['a sub that is too long', { sub: 's3cret'.repeat(50) }, 'the claim sub is too long.'],
    ['a sub with an escape code', { sub: 's3cret\u001b[2J' }, 'the claim sub holds control characters'],
    ['no claim of its bearer', {}, 'the claim email is missing. It must be', { jwtPrincipalClaim: 'email' }],
    ['a list as its bearer', { email: ['s3cret'] }, 'the claim email is a list.', { jwtPrincipalClaim: 'email' }],
    ['no exp', { exp: undefined }, 'the claim exp is missing. It must be a number: seconds since 1970.'],
    ['an exp that is text', { exp: '5333777' }, 'the claim exp is text. It must be a number: seconds since 1970.'],
    ['an exp that is null', { exp: null }, 'the claim exp is null. It must be a number'],
    [
      'an exp in milliseconds',
      { exp: (now + 60) * 1000 },
      'the claim exp looks like milliseconds. It must be a number',
    ],
    ['an exp in microseconds', { exp: (now + 60) * 1e6 }, 'the claim exp is too large a number. It must be a number'],
    [
      'an nbf in milliseconds',
      { nbf: (now - 60) * 1000 },
      'the claim nbf looks like milliseconds. It must be a number',
    ],
    ['an nbf that is text', { nbf: '5333777' }, 'the claim nbf is text.'],
    ['an nbf that is a list', { nbf: [5_333_777] }, 'the claim nbf is a list.'],
    ['an iat that is text', { iat: '5333777' }, 'the claim iat is text.'],
    ['an iat that is an object', { iat: { s3cret: 1 } }, 'the claim iat is an object.'],
  ])(
    'with %s, and is told which claim and what it must be, never its value',
    async (_what, claims, sentence, input = {}) => {
      const { reason: why, message } = await refusal(await sign(ec, { ...CLAIMS, ...claims }), input);
      expect(why).toBe('token_malformed');
      expect(message).toMatch(/^This token cannot be used: /);
      expect(message).toContain(sentence);
      expect(message).not.toMatch(/s3cret|5333777/);
      // The doctor repeats no more of a refusal.
      expect(message.length).toBeLessThanOrEqual(300);
    },
  );

  it.each<[string, Record<string, unknown>, string, string]>([
    ['no issuer', { iss: undefined }, 'token_issuer', 'the claim iss is missing. It must be text'],
    ['an issuer that is a list', { iss: ['s3cret'] }, 'token_issuer', 'the claim iss is a list. It must be text'],
    [
      'no audience',
      { aud: undefined },
      'token_audience',
      'the claim aud is missing. It must be text, or a list of texts',
    ],
    [
      'an audience that is a number',
      { aud: 5 },
      'token_audience',
      'the claim aud is a number. It must be text, or a list',
    ],
    ['no audience in a list', { aud: [] }, 'token_audience', 'the claim aud is an empty list.'],
    ['numbers for audiences', { aud: [5] }, 'token_audience', 'the claim aud is a list of other things than text.'],
  ])('with %s, and is told so', async (_what, claims, expected, sentence) => {
    const { reason: why, message } = await refusal(await sign(ec, { ...CLAIMS, ...claims }));
    expect(why).toBe(expected);
    expect(message).toContain(sentence);
  });

  it('with another issuer or audience, or a time that has passed, and is told just that', async () => {
    const told = async (claims: object): Promise<string> =>
      (await refusal(await sign(ec, { ...CLAIMS, ...claims }))).message;
    expect(await told({ iss: 'https://s3cret.example' })).toBe('This server does not know the issuer of this token.');
    expect(await told({ aud: ['s3cret'] })).toBe('This token is for another service.');
    expect(await told({ exp: 0 })).toBe('This token has expired.');
    expect(await told({ nbf: now + 60, iat: now + 60 })).toBe('This token is not valid yet.');
  });

  it('not for an expiry in a far future: the last second of the year 9999', async () => {
    expect((await accepted({ ...CLAIMS, exp: 253_402_300_799 })).revoked).toBe(false);
  });

  it('with parts that cannot be read, and is told which and how', async () => {
    const [header, claims, signature] = (await sign(ec, CLAIMS)).split('.');
    const encoded = (text: string | Buffer): string => Buffer.from(text as string).toString('base64url');
    const inner = await sign(ec, CLAIMS);
    const cases: [token: string, sentence: string][] = [
      [`${encoded('s3cret')}.${claims}.${signature}`, 'its header is not JSON. It must be a JSON object'],
      [`${encoded('["s3cret"]')}.${claims}.${signature}`, 'its header is a list. It must be a JSON object'],
      [`${encoded('null')}.${claims}.${signature}`, 'its header is null.'],
      [`${header}.${encoded('s3cret')}.${signature}`, 'its payload with the claims is not JSON.'],
      [`${header}.${encoded('"s3cret"')}.${signature}`, 'its payload with the claims is text.'],
      [`${header}.${encoded('5333777')}.${signature}`, 'its payload with the claims is a number.'],
      [
        `${header}.${encoded(Buffer.from('{"a":"\xff"}', 'latin1'))}.${signature}`,
        'its payload with the claims is not JSON.',
      ],
      [`${header}.${encoded(inner)}.${signature}`, 'it contains another JWT in place of claims (nested).'],
      [compact({ alg: 'ES256', cty: 'JWT' }, 's3cret'), 'it contains another JWT in place of claims (nested).'],
      [compact({ alg: 'ES256', crit: ['s3cret'] }, CLAIMS), 'it needs extensions of JWS ("crit" in its header)'],
      [`${encoded('{"alg":"dir","enc":"A256GCM"}')}..aXY.Y2lwaGVy.dGFn`, 'it is encrypted (JWE, five parts)'],
      [`${encoded('{"alg":"RSA-OAEP"}')}.a2V5.aXY.Y2lwaGVy.dGFn`, 'it is encrypted (JWE, five parts)'],
    ];
    for (const [token, sentence] of cases) {
      expect(verifier().takes(token)).toBe(true);
      const { reason: why, message } = await refusal(token);
      expect([why, message]).toEqual(['token_malformed', expect.stringContaining(sentence)]);
      expect(message).not.toMatch(/s3cret|5333777/);
    }
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

  it('A13: when it is longer than max-jwt-bytes, and is told how many topics fit', async () => {
    const claims = (topics: number, digests: number): JWTPayload => ({
      ...CLAIMS,
      iat: now,
      jti: '2f0e9d5c-6a7b-4c8d-9e0f-1a2b3c4d5e6f',
      topics: Array.from({ length: topics }, (_, i) => String(i).padEnd(64, 'a')),
      topics_sha256: Array.from({ length: digests }, (_, i) => grantedDigest(`${i}`)),
    });
    for (const [key, input] of [
      [ec, {}],
      [rsa, {}],
      [ec, { maxJwtBytes: 20_000, maxHeaderBytes: 32_768 }],
    ] as const) {
      const { message } = await refusal(await sign(key, claims(500, 0)), input);
      const [, most, topics, digests] =
        /^This token has more than (\d+) characters; the setting is max-jwt-bytes\. About (\d+) of cairn's topics fit into its claim topics, or (\d+) digests into topics_sha256\.$/
          .exec(message)!
          .map(Number);
      expect(most).toBe(input.maxJwtBytes ?? 8192);
      await verifier(input).verify(await sign(key, claims(topics, 0)));
      await verifier(input).verify(await sign(key, claims(0, digests)));
      // Not much more fits.
      expect((await refusal(await sign(key, claims(Math.ceil(topics * 1.1), 0)), input)).reason).toBe('token_too_long');
      expect((await refusal(await sign(key, claims(0, Math.ceil(digests * 1.1))), input)).reason).toBe(
        'token_too_long',
      );
    }
    // One without room for any.
    const { message } = await refusal(compact({ alg: 'x'.repeat(9000) }, {}));
    expect(message).toBe('This token has more than 8192 characters; the setting is max-jwt-bytes.');
  });

  it('A12: when it holds the topics of the table in docs/protocol.md, but for the rows that it has', async () => {
    const text = readFileSync(new URL('../../../docs/protocol.md', import.meta.url), 'utf8');
    const rows = [
      ...text.matchAll(/^\| (\d+)(?:, the default)? \| (\d+)(?:, the default)? \| ([\d,]+) \| ([\d,]+) \|$/gm),
    ].map(([, ...figures]) => figures.map((figure) => Number(figure.replace(',', ''))));
    expect(rows).toHaveLength(4);
    for (const [maxJwtBytes, maxHeaderBytes, topics, digests] of rows) {
      const named = { ...CLAIMS, topics: Array.from({ length: topics }, (_, i) => String(i).padEnd(64, 'a')) };
      const digested = { ...CLAIMS, topics_sha256: Array.from({ length: digests }, (_, i) => grantedDigest(`${i}`)) };
      for (const claims of [named, digested]) {
        // 300 bytes of claims in all.
        const padding = { x: 'x'.repeat(300 - JSON.stringify(CLAIMS).length - '"topics_sha256":[]'.length - 6) };
        const token = await sign(rsa, { ...padding, ...claims });
        expect((await verifier({ maxJwtBytes, maxHeaderBytes }).verify(token)).revoked).toBe(false);
      }
    }
  });

  it('A11: when its claims are as deep as it is long', async () => {
    const depth = 2900;
    const nested = `{"iss":"${ISSUER}","aud":"cairn","sub":"alice","exp":${now + 60},"x":${'['.repeat(depth)}${']'.repeat(depth)}}`;
    const input = `${Buffer.from('{"alg":"ES256"}').toString('base64url')}.${Buffer.from(nested).toString('base64url')}`;
    const signature = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, ec.privateKey, Buffer.from(input));
    const token = `${input}.${Buffer.from(signature).toString('base64url')}`;
    await expect(verifier().verify(token)).rejects.toMatchObject({
      reason: 'token_malformed',
      message: 'The claims of this token are nested more than 32 deep.',
    });
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
