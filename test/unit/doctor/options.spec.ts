import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ConfigurationError } from '../../../src/config/faults.js';
import { readOptions } from '../../../src/doctor/options.js';
import type { Options } from '../../../src/doctor/options.js';
import { makeChain } from '../../support/certificates.js';
import type { Chain } from '../../support/certificates.js';

const URL = 'wss://signal.example.com';

function read(flags: Record<string, string> = {}, operands = [URL], faults: string[] = []): Options {
  return readOptions(new Map(Object.entries(flags)), operands, faults);
}

function faultsOf(...typed: Parameters<typeof read>): readonly string[] {
  try {
    read(...typed);
  } catch (error) {
    return (error as ConfigurationError).faults;
  }
  return [];
}

describe('the options of the doctor', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cairn-signal-doctor-'));
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  let chain: Chain;
  let ca: string;

  beforeAll(async () => {
    chain = await makeChain();
    ({ ca } = chain);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('have defaults', () => {
    expect(read()).toEqual({
      target: expect.objectContaining({ host: 'signal.example.com' }),
      token: undefined,
      ca: undefined,
      certificate: undefined,
      topic: undefined,
      timeout: 10_000,
      idle: undefined,
      json: false,
    });
  });

  it('are taken as typed', () => {
    expect(read({ token: 'abc', topic: 'a tópic', idle: '90s', timeout: '500ms', json: '' })).toMatchObject({
      token: 'abc',
      topic: 'a tópic',
      idle: 90_000,
      timeout: 500,
      json: true,
    });
  });

  it('take the first token of a file, as the server writes them', () => {
    expect(read({ 'token-file': file('tokens', '# of peers\r\n\r\n  abc \r\ndef\r\n') }).token).toBe('abc');
  });

  it('take CA certificates', () => {
    expect(read({ ca: file('ca.pem', ca + ca) }).ca).toBe(ca + ca);
  });

  it('take a client certificate with its chain, and its key', () => {
    const [cert, key] = [chain.server + chain.intermediate, chain.key];
    expect(read({ cert: file('client.pem', cert), key: file('client-key.pem', key) }).certificate).toEqual({
      cert,
      key,
    });
  });

  it("a server's token file with names is not a peer's token file", () => {
    const server = file('server-tokens', `alice:sha256:${'0'.repeat(64)}\n`);
    expect(faultsOf({ 'token-file': server })).toEqual([
      `--token-file ${JSON.stringify(server)}: this is the auth-token-file of the server, which holds digests: give a file with the token that "token new" printed`,
    ]);
  });

  it('a certificate and a key need each other, and TLS', async () => {
    const [cert, key, otherKey, garbage] = [
      file('c.pem', chain.server),
      file('k.pem', chain.key),
      file('other-k.pem', (await makeChain()).key),
      file('g', 'schlüssel'),
    ];
    const named = (path: string): string => JSON.stringify(path);
    expect(faultsOf({ cert })).toEqual(['--cert and --key: give both']);
    expect(faultsOf({ key })).toEqual(['--cert and --key: give both']);
    expect(faultsOf({ cert: '/nowhere/c.pem', key })).toEqual(['--cert "/nowhere/c.pem": there is no such file']);
    expect(faultsOf({ cert, key: '/nowhere/k.pem' })).toEqual(['--key "/nowhere/k.pem": there is no such file']);
    expect(faultsOf({ cert: garbage, key })).toEqual([`--cert ${named(garbage)}: not a PEM certificate`]);
    expect(faultsOf({ cert, key: garbage })).toEqual([
      `--key ${named(garbage)}: not a PEM private key, or one with a passphrase`,
    ]);
    expect(faultsOf({ cert, key: otherKey })).toEqual([
      `--key ${named(otherKey)} does not belong to the certificate in --cert ${named(cert)}`,
    ]);
    expect(
      faultsOf({
        cert: file('half.pem', `${chain.server}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`),
        key,
      }),
    ).toEqual([expect.stringMatching(/^--cert ".*half\.pem": its chain is not usable$/)]);
    expect(faultsOf({ cert, key }, ['ws://signal.example.com'])).toEqual([
      '--cert and --key: a certificate needs TLS, but the URL is plaintext (ws://)',
    ]);
  });

  it.each([
    ['no URL', {}, [], /^give the URL of a server/],
    ['two URLs', {}, [URL, 's3cret'], /^give only one URL$/],
    ['a wrong URL', {}, ['ftp://s3cret'], /^expected the URL/],
    ['two tokens', { token: 's3cret', 'token-file': '/dev/null' }, [URL], /^--token and --token-file: give only one$/],
    ['an empty token', { token: '' }, [URL], /^--token: a token is visible ASCII/],
    ['a token with a line break', { token: 's3cret\n' }, [URL], /^--token: a token is visible ASCII/],
    ['an empty topic', { topic: '' }, [URL], /^--topic: a topic is 1 to 4096 bytes of UTF-8$/],
    [
      'a topic that no server accepts',
      { topic: 's3cret'.repeat(683) },
      [URL],
      /^--topic: a topic is 1 to 4096 bytes of UTF-8$/,
    ],
    [
      'no token file',
      { 'token-file': '/nowhere/tokens' },
      [URL],
      /^--token-file "\/nowhere\/tokens": there is no such file$/,
    ],
    ['no CA certificates', { ca: '/nowhere/ca.pem' }, [URL], /^--ca "\/nowhere\/ca\.pem": there is no such file$/],
    ['an invalid time', { timeout: 's3cret' }, [URL], /^--timeout: expected a length of time from 100ms to 5m/],
    ['an invalid idle time', { idle: 's3cret' }, [URL], /^--idle: expected a length of time from 100ms to 24h/],
  ])('%s: a fault that repeats no value', (_what, flags, operands, fault) => {
    const faults = faultsOf(flags, operands);
    expect(faults).toContainEqual(expect.stringMatching(fault));
    expect(faults.join('\n')).not.toContain('s3cret');
  });

  it('a file without a token, and files with something else, are faults that name the file', () => {
    const [empty, garbage, broken] = [
      file('empty', '# none\n'),
      file('garbage', 'schlüssel'),
      file('broken.pem', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'),
    ];
    expect(faultsOf({ 'token-file': empty })).toEqual([
      `--token-file ${JSON.stringify(empty)}: there is no token in it`,
    ]);
    expect(faultsOf({ 'token-file': garbage })).toEqual([
      expect.stringContaining(`--token-file ${JSON.stringify(garbage)}: a token is visible ASCII`),
    ]);
    expect(faultsOf({ ca: garbage })).toEqual([`--ca ${JSON.stringify(garbage)}: not a PEM certificate`]);
    expect(faultsOf({ ca: broken })).toEqual([`--ca ${JSON.stringify(broken)}: not a PEM certificate`]);
  });

  it('all faults are listed, those of the command line first', () => {
    expect(
      faultsOf({ timeout: 'x', idle: 'x', ca: '/nowhere', token: '' }, ['wss://a?b#c'], ['--x: there is no such flag']),
    ).toHaveLength(7);
    expect(faultsOf({}, [URL], ['--x: there is no such flag'])).toEqual(['--x: there is no such flag']);
  });
});
