import { generateKeyPairSync } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { loadPublicKeys, PublicKeys } from '../../../src/auth/jwt/public-keys.js';
import { StartupError } from '../../../src/config/faults.js';
import { parseSettings } from '../../../src/config/load-settings.js';
import { makeCertificates } from '../../support/certificates.js';
import type { Certificates } from '../../support/certificates.js';

const folder = mkdtempSync(join(tmpdir(), 'cairn-signal-pem-'));
const path = join(folder, 'keys.pem');
const SPKI = { type: 'spki', format: 'pem' } as const;

const ISSUER = { name: 'id', spiffe: false };
const { jwtAlgorithms: ALGORITHMS } = parseSettings();

/** Loads the keys of a file with that content. */
function load(content: string | Buffer, owner = ISSUER): ReturnType<typeof loadPublicKeys> {
  writeFileSync(path, content);
  return loadPublicKeys(path, owner, ALGORITHMS);
}

describe('A3: the file of jwt-public-key', () => {
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = ec.publicKey.export(SPKI) as string;
  let certificates: Certificates;
  beforeAll(async () => {
    certificates = await makeCertificates();
  });
  afterAll(() => {
    certificates.remove();
    rmSync(folder, { recursive: true });
  });

  it.each([
    ['one key', 1, (): string => pem],
    [
      'several, with text around them and CRLF',
      3,
      (): string =>
        `# old\r\n${pem.replaceAll('\n', '\r\n')}# new\n${rsa.publicKey.export(SPKI) as string}\n` +
        (generateKeyPairSync('ed25519').publicKey.export(SPKI) as string),
    ],
    ['eight', 8, (): string => pem.repeat(8)],
  ])('can hold %s', (_what, size, content) => {
    expect(load(content()).keys.size).toBe(size);
  });

  it.each([
    ['nothing', (): string => '', 'it contains no PEM public key'],
    ['text', (): string => 's3cret', 'it contains no PEM public key'],
    ['half a key', (): string => pem.slice(0, -10), 'it contains no PEM public key'],
    ['DER', (): Buffer => ec.publicKey.export({ type: 'spki', format: 'der' }), 'it contains no PEM public key'],
    ['nine keys', (): string => pem.repeat(9), 'it contains more than 8 keys'],
    [
      'a private key',
      (): string => ec.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
      'this is a private key, which only the issuer may have; "openssl pkey -pubout" prints the public one',
    ],
    [
      'a private key behind a public one',
      (): string => pem + (ec.privateKey.export({ type: 'sec1', format: 'pem' }) as string),
      'key 2: this is a private key, which only the issuer may have; "openssl pkey -pubout" prints the public one',
    ],
    [
      'a certificate',
      (): string => readFileSync(certificates.chain, 'utf8').replace(/(-----END CERTIFICATE-----)[^]*/, '$1'),
      'expected "BEGIN PUBLIC KEY", as "openssl pkey -pubout" and "openssl x509 -pubkey -noout" print it',
    ],
    [
      'an RSA key in its own format',
      (): string => rsa.publicKey.export({ type: 'pkcs1', format: 'pem' }) as string,
      'expected "BEGIN PUBLIC KEY", as "openssl pkey -pubout" and "openssl x509 -pubkey -noout" print it',
    ],
    [
      'a key that is none',
      (): string => pem.replace(/MF[^]*?\n/, 'c2VjcmV0\n'),
      'this is not a public key of a kind that signs JWTs',
    ],
    [
      'an RSA key of 1024 bits',
      (): string => generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export(SPKI) as string,
      'an RSA key needs at least 2048 bits',
    ],
    [
      'a key of another curve',
      (): string => generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export(SPKI) as string,
      'none of jwt-algorithms uses a key of this kind',
    ],
    [
      'a key that signs nothing',
      (): string => generateKeyPairSync('x25519').publicKey.export(SPKI) as string,
      'none of jwt-algorithms uses a key of this kind',
    ],
    [
      'a DSA key',
      (): string =>
        generateKeyPairSync('dsa', { modulusLength: 1024, divisorLength: 160 }).publicKey.export(SPKI) as string,
      'this is not a public key of a kind that signs JWTs',
    ],
  ])('that holds %s stops the start and says why, without repeating it', (_what, content, why) => {
    expect(() => load(content())).toThrow(new StartupError(`jwt-public-key ${JSON.stringify(path)}: ${why}`));
  });

  it('that does not exist stops the start', () => {
    expect(() => loadPublicKeys(join(folder, 'none'), ISSUER, ALGORITHMS)).toThrow(
      new StartupError(`jwt-public-key ${JSON.stringify(join(folder, 'none'))}: there is no such file`),
    );
  });

  it('is read again on request; an unusable one changes nothing', async () => {
    writeFileSync(path, pem);
    const keys = new PublicKeys(path, ISSUER, ALGORITHMS);
    writeFileSync(path, 's3cret');
    expect(() => keys.renew()).toThrow(StartupError);
    expect(await keys.candidates({ alg: 'ES256' })).toHaveLength(1);
    writeFileSync(path, rsa.publicKey.export(SPKI));
    expect(keys.renew()).toBe(1);
    expect([await keys.candidates({ alg: 'ES256' }), await keys.candidates({ alg: 'PS256' })]).toEqual([
      [],
      [expect.anything()],
    ]);
  });

  describe('that is a JSON Web Key Set', () => {
    const jwkOf = (key: KeyObject, more: object = {}): object => ({ ...key.export({ format: 'jwk' }), ...more });
    const set = (...keys: unknown[]): string => JSON.stringify({ keys });
    const DOMAIN = { name: 'spiffe://example.org', spiffe: true };

    it('gives keys by their names; keys for others do no harm', async () => {
      const other = generateKeyPairSync('ec', { namedCurve: 'P-521' }).publicKey;
      const keys = set(
        jwkOf(ec.publicKey, { kid: 'a' }),
        jwkOf(rsa.publicKey, { kid: 'b' }),
        jwkOf(other, { kid: 'c' }),
      );
      writeFileSync(path, `\n${keys}`);
      const found = new PublicKeys(path, ISSUER, ALGORITHMS);
      const sizes = [
        { alg: 'ES256', kid: 'a' },
        { alg: 'ES256', kid: 'b' },
        { alg: 'RS256', kid: 'b' },
        { alg: 'ES256' },
      ].map(async (header) => (await found.candidates(header)).length);
      expect(await Promise.all(sizes)).toEqual([1, 0, 1, 1]);
    });

    it('of SPIFFE gives the keys for JWT-SVIDs, and no others', async () => {
      const x509 = jwkOf(rsa.publicKey, { use: 'x509-svid', x5c: ['AAAA'] });
      writeFileSync(path, set(x509, jwkOf(ec.publicKey, { use: 'jwt-svid', kid: 'a' }), jwkOf(rsa.publicKey)));
      const found = new PublicKeys(path, DOMAIN, ALGORITHMS);
      expect(await found.candidates({ alg: 'ES256', kid: 'a' })).toHaveLength(1);
      expect(await found.candidates({ alg: 'RS256' })).toHaveLength(0);
    });

    it.each([
      ['JSON that is no key set', (): string => '{"a":1}', 'it is not a JSON Web Key Set', ISSUER],
      ['half a set', (): string => set(jwkOf(ec.publicKey)).slice(0, -2), 'it is not a JSON Web Key Set', ISSUER],
      ['no key', (): string => set(), 'it contains no key', ISSUER],
      [
        '101 keys',
        (): string => set(...Array(101).fill(jwkOf(ec.publicKey))),
        'it contains more than 100 keys',
        ISSUER,
      ],
      [
        'a private key',
        (): string => set(jwkOf(ec.publicKey), jwkOf(ec.privateKey)),
        'key 2: this is a private or secret key, which only the issuer may have: publish it without its members "d" and "k"',
        ISSUER,
      ],
      [
        'a shared secret',
        (): string => set({ kty: 'oct', k: 'c2VjcmV0' }),
        'this is a private or secret key, which only the issuer may have: publish it without its members "d" and "k"',
        ISSUER,
      ],
      ['a null', (): string => set(null), 'this is not a public key of a kind that signs JWTs', ISSUER],
      [
        'a key that no algorithm uses',
        (): string => set(jwkOf(generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey)),
        'none of jwt-algorithms uses a key of these kinds',
        ISSUER,
      ],
      [
        'a bundle without keys for JWT-SVIDs',
        (): string => set(jwkOf(ec.publicKey, { use: 'x509-svid' })),
        'it contains no key with "use": "jwt-svid"; expected a bundle as "spire-server bundle show -format spiffe" prints it',
        DOMAIN,
      ],
      [
        'PEM, for a trust domain',
        (): string => pem,
        'it contains no key with "use": "jwt-svid"; expected a bundle as "spire-server bundle show -format spiffe" prints it',
        DOMAIN,
      ],
    ])('but holds %s stops the start and says why, without repeating it', (_what, content, why, owner) => {
      expect(() => load(content(), owner)).toThrow(new StartupError(`jwt-public-key ${JSON.stringify(path)}: ${why}`));
    });
  });
});
