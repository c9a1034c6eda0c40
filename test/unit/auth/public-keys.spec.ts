import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { loadPublicKeys, PublicKeys } from '../../../src/auth/jwt/public-keys.js';
import { StartupError } from '../../../src/config/faults.js';
import { parseSettings } from '../../../src/config/load-settings.js';
import type { Settings } from '../../../src/config/settings.js';
import { makeCertificates } from '../../support/certificates.js';
import type { Certificates } from '../../support/certificates.js';

const folder = mkdtempSync(join(tmpdir(), 'cairn-signal-pem-'));
const path = join(folder, 'keys.pem');
const SPKI = { type: 'spki', format: 'pem' } as const;

function settings(content: string | Buffer): Settings {
  writeFileSync(path, content);
  return parseSettings({ jwtIssuer: 'id', jwtAudience: 'a', jwtPublicKey: path });
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
    expect(loadPublicKeys(settings(content())).size).toBe(size);
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
    expect(() => loadPublicKeys(settings(content()))).toThrow(
      new StartupError(`jwt-public-key ${JSON.stringify(path)}: ${why}`),
    );
  });

  it('that does not exist stops the start', () => {
    const none = parseSettings({ jwtIssuer: 'id', jwtAudience: 'a', jwtPublicKey: join(folder, 'none') });
    expect(() => loadPublicKeys(none)).toThrow(
      new StartupError(`jwt-public-key ${JSON.stringify(join(folder, 'none'))}: there is no such file`),
    );
  });

  it('is read again on request; an unusable one changes nothing', async () => {
    const keys = new PublicKeys(settings(pem));
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
});
