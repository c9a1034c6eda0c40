import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { mistakesInChain } from '../../src/config/certificate-mistakes.js';
import { makeChain } from '../support/certificates.js';
import type { Chain } from '../support/certificates.js';
import { endPrograms, Program } from '../support/program.js';
import { SettlingClock } from '../support/settling-clock.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';
import { until } from '../support/until.js';

const HOUR_MS = 3_600_000;
const folder = mkdtempSync(join(tmpdir(), 'cairn-signal-chains-'));
const tlsCert = join(folder, 'cert.pem');
const tlsKey = join(folder, 'key.pem');
let good: Chain;
let expired: Chain;

beforeAll(async () => {
  [good, expired] = await Promise.all([makeChain(), makeChain({ expiresIn: -HOUR_MS })]);
});
afterEach(async () => {
  endPrograms();
  await stopServers();
});
afterAll(() => rmSync(folder, { recursive: true }));

const write = (cert: string | Buffer, key: string | Buffer): void => {
  writeFileSync(tlsCert, cert);
  writeFileSync(tlsKey, key);
};
const start = (): Promise<RunningServer> =>
  startServer({ tlsCert, tlsKey, managementAddr: '127.0.0.1:0' }, 'trace', new SettlingClock());
const warnings = ({ log }: RunningServer): string[] =>
  log.filter(({ level, msg }) => level === 'warn' && msg.startsWith('tls-')).map(({ msg }) => msg);

describe('a certificate that is served, but that peers refuse', () => {
  const cases: readonly (readonly [what: string, pair: () => readonly [string, string], warning: RegExp])[] = [
    [
      'a leaf without its intermediate',
      () => [good.server, good.key],
      /^tls-cert: the certificate came alone.*fullchain\.pem/,
    ],
    [
      'an expired one',
      () => [expired.server + expired.intermediate, expired.key],
      /^tls-cert: the certificate expired on \d{4}-/,
    ],
    [
      'a chain in the wrong order',
      () => [good.server + good.ca + good.intermediate, good.key],
      /^tls-cert: the certificates of the chain are in the wrong order/,
    ],
    [
      'an intermediate one of somebody else',
      () => [good.server + expired.ca, good.key],
      /^tls-cert: certificate 2 of the chain did not issue the one before it/,
    ],
  ];

  it.each(cases)('%s: the log, health, the status page and check-config say so', async (_what, pair, warning) => {
    write(...pair());
    const running = await start();
    expect(warnings(running)).toEqual([expect.stringMatching(warning)]);
    const health = (await (await fetch(`${running.management}/health`)).json()) as {
      details: { certificate: { warnings: string[] } };
    };
    expect(health.details.certificate.warnings).toEqual([expect.stringMatching(warning)]);
    const checked = await new Program(['check-config', '--tls-cert', tlsCert, '--tls-key', tlsKey]).ended;
    expect([checked.code, checked.stderr]).toEqual([
      0,
      expect.stringMatching(new RegExp(`warning: ${warning.source.slice(1)}`)),
    ]);
  });

  it('is down only where it has expired', async () => {
    write(expired.server + expired.intermediate, expired.key);
    const down = await start();
    const health = await fetch(`${down.management}/health`);
    expect([health.status, await health.json()]).toEqual([
      503,
      expect.objectContaining({ error: { certificate: expect.objectContaining({ status: 'down' }) } }),
    ]);
    expect((await fetch(`${down.management}/health/ready`)).status).toBe(200);
    write(good.server, good.key);
    const up = await start();
    expect((await fetch(`${up.management}/health`)).status).toBe(200);
  });

  it('is warned about when it is read again, and no longer when it is right', async () => {
    write(good.server + good.intermediate, good.key);
    const running = await start();
    expect(warnings(running)).toEqual([]);
    write(good.server, good.key);
    await until(() => warnings(running).length === 1);
    write(good.server + good.intermediate + good.ca, good.key);
    await running.server.reload();
    const health = (await (await fetch(`${running.management}/health`)).json()) as { details: unknown };
    expect(JSON.stringify(health)).not.toContain('warnings');
  });
});

describe('a file that is no chain', () => {
  const der = (kind: string, pem: string): Buffer => execFileSync('openssl', [kind, '-outform', 'der'], { input: pem });
  const cases: readonly (readonly [
    what: string,
    pair: () => readonly [string | Buffer, string | Buffer],
    fault: RegExp,
  ])[] = [
    [
      'DER',
      () => [der('x509', good.server), good.key],
      /tls-cert .*: it is DER, not PEM: convert it with openssl x509/,
    ],
    [
      'a key in DER',
      () => [good.server, der('pkey', good.key)],
      /tls-key .*: it is DER, not PEM: convert it with openssl pkey/,
    ],
    [
      'the intermediate first',
      () => [good.intermediate + good.server, good.key],
      /wrong order: the one of tls-key is number 2/,
    ],
    ['the key', () => [good.key, good.key], /tls-cert .*: it is a private key.*exchanged/],
    ['a certificate as the key', () => [good.server, good.server], /tls-key .*: it is a certificate.*exchanged/],
    ['empty', () => ['', good.key], /tls-cert .*: the file is empty/],
    ['a request', () => ['-----BEGIN CERTIFICATE REQUEST-----\n', good.key], /a request for a certificate/],
    ['PKCS #7', () => ['-----BEGIN PKCS7-----\n', good.key], /openssl pkcs7 -print_certs/],
    ['a key with a passphrase', () => [good.server, '-----BEGIN ENCRYPTED PRIVATE KEY-----\n'], /has a passphrase/],
  ];

  it.each(cases)('%s is a fault that names the mistake', async (_what, pair, fault) => {
    const [cert, key] = pair();
    write(cert, key);
    await expect(start()).rejects.toThrow(fault);
  });
});

describe('the warnings of a chain', () => {
  it('are none for a whole chain, a self-signed certificate, and what is not PEM', () => {
    for (const pem of [good.server + good.intermediate, good.selfSigned, 'garbage']) {
      expect(mistakesInChain(Buffer.from(pem), Date.now())).toEqual([]);
    }
  });

  it('name one that is not valid yet, and one that expires within days', async () => {
    const { server, intermediate } = await makeChain({ expiresIn: 30 * 24 * HOUR_MS });
    const pem = Buffer.from(server + intermediate);
    expect(mistakesInChain(pem, Date.now() - 2 * HOUR_MS)[0]).toMatch(/^the certificate is not valid before /);
    expect(mistakesInChain(Buffer.from(server + intermediate), Date.now() + 28 * 24 * HOUR_MS)[0]).toMatch(
      /in 2 days|in 1 day/,
    );
  });
});
