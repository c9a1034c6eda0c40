import { afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { ServerResponse } from 'node:http';
import type { JWSHeaderParameters } from 'jose';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { KeysUnavailable, KeyUnknown } from '../../../src/auth/jwt/key-source.js';
import { RemoteKeys } from '../../../src/auth/jwt/remote-keys.js';
import { Logs } from '../../../src/logging/log.js';
import { LogFilter } from '../../../src/logging/log-filter.js';
import { makeKey, stopIssuers, TestIssuer } from '../../support/issuer.js';
import type { SigningKey } from '../../support/issuer.js';
import { ManualClock } from '../../support/manual-clock.js';
import { until } from '../../support/until.js';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

describe('A7: the fetched keys of an issuer', () => {
  let first: SigningKey;
  let second: SigningKey;
  let issuer: TestIssuer;
  let clock: ManualClock;
  let lines: { level: string; msg: string; why?: string; keys?: number }[];
  let keys: RemoteKeys;

  beforeAll(async () => {
    [first, second] = await Promise.all([makeKey('first'), makeKey('second')]);
  });
  beforeEach(async () => {
    issuer = await TestIssuer.start();
    issuer.keys = [first.jwk];
    clock = new ManualClock();
    lines = [];
    make({ url: issuer.keysUrl });
  });
  afterEach(async () => {
    keys.close();
    await stopIssuers();
  });

  /** The default timeout is longer than any answer takes. */
  function make({ url, name = issuer.name, timeout = HOUR }: { url?: string; name?: string; timeout?: number }): void {
    const logs = new Logs({
      format: 'json',
      filter: LogFilter.parse('info')!,
      destination: { write: (line) => void lines.push(JSON.parse(line) as (typeof lines)[0]) },
    });
    keys = new RemoteKeys({ issuer: name, url, clock, log: logs.for('auth'), timeout });
  }

  /** Returns the number of keys with that name, or the seconds after which to ask again. */
  async function found(kid: string): Promise<number | string> {
    try {
      return (await keys.candidates({ alg: 'ES256', kid })).length;
    } catch (error) {
      if (error instanceof KeysUnavailable) return `retry after ${error.retryAfter}`;
      throw error;
    }
  }

  /**
   * Judges a token whose key is not among those found, as a verifier does: 'wrong' if its issuer has no such key, or
   * the seconds after which to ask again.
   */
  async function judged(header: { readonly kid?: unknown }): Promise<string> {
    try {
      const token = { alg: 'ES256', ...header } as JWSHeaderParameters;
      do await keys.candidates(token);
      while (await keys.renewed(token));
      return 'wrong';
    } catch (error) {
      if (error instanceof KeyUnknown) return `unknown for ${error.retryAfter}`;
      if (error instanceof KeysUnavailable) return `no keys for ${error.retryAfter}`;
      throw error;
    }
  }

  const down = (response: ServerResponse): void => void response.writeHead(500).end('s3cret');

  it('are fetched once, and used for ten minutes before the next fetch', async () => {
    expect(await found('first')).toBe(1);
    clock.pass(10 * MINUTE);
    expect(await found('first')).toBe(1);
    expect(issuer.asked).toEqual(['/keys']);
    clock.pass(1);
    expect(await found('first')).toBe(1);
    expect(issuer.asked).toHaveLength(2);
  });

  it('are fetched once for all waiting callers', async () => {
    expect(await Promise.all(Array.from({ length: 100 }, () => found('first')))).toEqual(Array(100).fill(1));
    expect(issuer.asked).toHaveLength(1);
  });

  it('follow a rotation: the new key works immediately, the old one for ten minutes at most', async () => {
    await found('first');
    clock.pass(30 * SECOND);
    issuer.keys = [first.jwk, second.jwk];
    expect(await found('second')).toBe(1);
    issuer.keys = [second.jwk];
    clock.pass(10 * MINUTE);
    expect(await found('first')).toBe(1);
    clock.pass(1);
    expect(await found('first')).toBe(0);
    expect(await found('second')).toBe(1);
  });

  it('are fetched at most every 30 s for unknown key names', async () => {
    await found('first');
    expect(await Promise.all(Array.from({ length: 50 }, (_, i) => found(`made up ${i}`)))).toEqual(Array(50).fill(0));
    expect(issuer.asked).toHaveLength(1);
    clock.pass(30 * SECOND - 1);
    expect(await found('made up')).toBe(0);
    expect(issuer.asked).toHaveLength(1);
    clock.pass(1);
    expect(await Promise.all(Array.from({ length: 50 }, (_, i) => found(`made up ${i}`)))).toEqual(Array(50).fill(0));
    expect(issuer.asked).toHaveLength(2);
  });

  it('judge an unknown name, or none that fits, only if they were asked for after the token came', async () => {
    await found('first');
    const strangers = [{ kid: 'made up' }, { kid: '' }, {}];
    for (const asked of [1, 2, 3]) {
      for (const header of strangers) expect(await judged(header)).toBe('unknown for 30');
      clock.pass(12_500);
      for (const header of strangers) expect(await judged(header)).toBe('unknown for 18');
      expect(issuer.asked).toHaveLength(asked);
      clock.pass(17_500);
      // All that came before the fetch are judged by it.
      const all = Promise.all([...strangers, ...strangers].map(judged));
      expect(await all).toEqual(Array(6).fill('wrong'));
      expect(issuer.asked).toHaveLength(asked + 1);
    }
  });

  it('judge a token that names one of them, and one whose name is not text, without asking', async () => {
    issuer.keys = [first.jwk, { ...second.jwk, alg: 'ES384' }];
    await found('first');
    for (const kid of ['first', 'second', 7, null, ['first']]) expect(await judged({ kid })).toBe('wrong');
    expect(issuer.asked).toHaveLength(1);
  });

  it('do not judge a token that came while they were asked for', async () => {
    await found('first');
    clock.pass(30 * SECOND);
    let answer!: () => void;
    const asked = issuer.heard();
    issuer.answer = (response): void => {
      const set = JSON.stringify({ keys: issuer.keys });
      answer = (): void => void response.end(set);
    };
    const early = [judged({ kid: 'second' }), judged({})];
    await asked;
    // The answer is on its way, and lacks this key.
    issuer.keys = [second.jwk];
    const late = [judged({ kid: 'second' }), judged({})];
    answer();
    expect(await Promise.all([...early, ...late])).toEqual(['wrong', 'wrong', 'unknown for 30', 'unknown for 30']);
    issuer.answer = undefined;
    clock.pass(30 * SECOND);
    expect(await found('second')).toBe(1);
  });

  it('are tried again on a token without a name that came while they were asked for, if they are newer', async () => {
    await found('first');
    clock.pass(30 * SECOND);
    issuer.keys = [second.jwk];
    const token = { alg: 'ES256' };
    expect(await keys.candidates(token)).toHaveLength(1);
    // Another token has them fetched meanwhile.
    expect(await found('second')).toBe(1);
    expect(await keys.renewed(token)).toBe(true);
    expect(await keys.candidates(token)).toHaveLength(1);
    expect(await keys.renewed(token)).toBe(false);
    expect(issuer.asked).toHaveLength(2);
  });

  it('that cannot be asked for again judge no unknown name, and are not there at all without any', async () => {
    await found('first');
    issuer.answer = down;
    clock.pass(MINUTE);
    for (const header of [{ kid: 'second' }, {}]) expect(await judged(header)).toBe('unknown for 30');
    expect(await judged({ kid: 'first' })).toBe('wrong');
    clock.pass(24 * HOUR);
    for (const header of [{ kid: 'second' }, {}, { kid: 'first' }]) expect(await judged(header)).toBe('no keys for 5');
  });

  describe('of an issuer that is silent', () => {
    /** Told apart from all other timers. */
    const timeout = HOUR + 1;
    /** The timeouts of fetches that began; calling one ends its fetch. */
    let timeouts: () => (() => void)[];
    let timers: jest.SpiedFunction<typeof setTimeout>;
    beforeEach(() => {
      timers = jest.spyOn(globalThis, 'setTimeout');
      timeouts = (): (() => void)[] => timers.mock.calls.filter(([, delay]) => delay === timeout).map(([end]) => end);
    });
    afterEach(() => {
      timers.mockRestore();
    });

    it.each([
      ['keys', (): void => make({ url: issuer.keysUrl, timeout }), ['/keys']],
      ['metadata', (): void => make({ timeout }), ['/.well-known/openid-configuration']],
    ])('when asked for its %s hold a handshake for one fetch', async (_what, begin, paths) => {
      begin();
      issuer.answer = 'never';
      const asked = issuer.heard();
      const waiting = Promise.all([judged({ kid: 'first' }), judged({})]);
      await asked;
      // The fetch takes as long as the pause after it.
      clock.pass(5 * SECOND);
      timeouts()[0]();
      expect(await waiting).toEqual(['no keys for 5', 'no keys for 5']);
      // One that comes now does not wait at all.
      clock.pass(4 * SECOND);
      expect(await judged({})).toBe('no keys for 1');
      expect([issuer.asked, timeouts().length]).toEqual([paths, 1]);
    });

    it('when asked for its keys have one time together with the metadata that names them', async () => {
      make({ timeout });
      issuer.answer = (response, path): void => {
        if (path !== '/keys') response.end(JSON.stringify({ issuer: issuer.name, jwks_uri: issuer.keysUrl }));
      };
      const waiting = found('first');
      await until(() => issuer.asked.includes('/keys'));
      expect(timeouts()).toHaveLength(1);
      timeouts()[0]();
      expect(await waiting).toBe('retry after 5');
    });
  });

  it('stay in use for 24 h while the issuer is down; unknown key names cannot be judged in that time', async () => {
    await found('first');
    issuer.answer = down;
    clock.pass(HOUR);
    expect(await found('first')).toBe(1);
    expect(issuer.asked).toHaveLength(2);
    expect(await found('second')).toBe('retry after 30');
    clock.pass(20 * SECOND);
    expect(await found('second')).toBe('retry after 10');
    expect(issuer.asked).toHaveLength(2);
    clock.pass(23 * HOUR - 20 * SECOND);
    expect(await found('first')).toBe(1);
    clock.pass(30 * SECOND);
    expect(await found('first')).toBe('retry after 5');

    issuer.answer = undefined;
    clock.pass(5 * SECOND);
    expect(await found('first')).toBe(1);
    expect(lines.map(({ level, msg, why, keys: count }) => [level, msg, why, count])).toEqual([
      ['warn', 'the keys of a JWT issuer cannot be fetched', 'the answer was 500', 1],
      ['info', 'the keys of a JWT issuer can be fetched again', undefined, 1],
    ]);
  });

  it('are used without waiting for an issuer that did not answer the last time', async () => {
    await found('first');
    issuer.answer = down;
    clock.pass(HOUR);
    expect(await found('first')).toBe(1);
    issuer.answer = 'never';
    clock.pass(HOUR);
    const asked = issuer.heard();
    expect(await found('first')).toBe(1);
    await asked;
    expect(issuer.asked).toHaveLength(3);
  });

  it('that hang are waited for until the timeout, and let nobody in', async () => {
    make({ url: issuer.keysUrl, timeout: 200 });
    issuer.answer = 'never';
    expect(await Promise.all([found('first'), found('second')])).toEqual(['retry after 5', 'retry after 5']);
    expect(issuer.asked).toHaveLength(1);
    expect(lines).toEqual([expect.objectContaining({ why: 'no answer within 0.2 s' })]);
  });

  it('that hang are given up, whatever the garbage collector does meanwhile', async () => {
    make({ url: issuer.keysUrl, timeout: 200 });
    issuer.answer = 'never';
    const waiting = found('first');
    // Node 20 loses a timeout that only AbortSignal.any holds.
    setFlagsFromString('--expose-gc');
    const collecting = setInterval(runInNewContext('gc') as () => void, 10);
    expect(await waiting).toBe('retry after 5');
    clearInterval(collecting);
  });

  it('that were never fetched let nobody in, and are fetched every 5 s', async () => {
    issuer.answer = down;
    expect(await found('first')).toBe('retry after 5');
    clock.pass(4000);
    expect(await found('first')).toBe('retry after 1');
    expect(issuer.asked).toHaveLength(1);
    issuer.answer = undefined;
    clock.pass(1000);
    expect(await found('first')).toBe(1);
  });

  it.each<[string, string, (response: ServerResponse) => void]>([
    ['500', 'the answer was 500', down],
    ['404', 'the answer was 404', (response): void => void response.writeHead(404).end('{"keys":[]}')],
    [
      'a redirect, which is not followed',
      'the answer was 302',
      (response): void => void response.writeHead(302, { location: '/elsewhere' }).end(),
    ],
    ['HTML', 'the answer is not JSON', (response): void => void response.end('<html>s3cret</html>')],
    ['nothing', 'the answer is not JSON', (response): void => void response.end()],
    [
      'JSON that is no key set',
      'the answer is not a key set',
      (response): void => void response.end('{"s3cret":true}'),
    ],
    ['null', 'the answer is not a key set', (response): void => void response.end('null')],
    ['keys that are none', 'the answer is not a key set', (response): void => void response.end('{"keys":["s3cret"]}')],
    ['keys that are text', 'the answer is not a key set', (response): void => void response.end('{"keys":"s3cret"}')],
    [
      '101 keys',
      'the key set has more than 100 keys',
      (response): void =>
        void response.end(JSON.stringify({ keys: Array.from({ length: 101 }, () => ({ kty: 'EC' })) })),
    ],
    [
      'more than 256 KB',
      'the answer has more than 262144 bytes',
      (response): void => void response.end(`{"keys":[]${' '.repeat(300_000)}}`),
    ],
    [
      '50 MB packed into 50 KB',
      'the answer has more than 262144 bytes',
      (response): void =>
        void response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(50_000_000, ' '))),
    ],
    ['an answer without end', 'the answer has more than 262144 bytes', endless],
    [
      'half an answer',
      'UND_ERR_SOCKET',
      (response): void => {
        response.writeHead(200, { 'content-length': 100 });
        response.write('{"keys":', () => response.destroy());
      },
    ],
  ])('stay as they were when the answer is %s', async (_what, why, answer) => {
    await found('first');
    issuer.answer = answer;
    clock.pass(HOUR);
    expect(await found('first')).toBe(1);
    expect(lines).toEqual([expect.objectContaining({ level: 'warn', why, keys: 1 })]);
    expect(JSON.stringify(lines)).not.toContain('s3cret');
  });

  it('are unavailable if the issuer cannot be reached, and the log says why', async () => {
    await issuer.stop();
    expect(await found('first')).toBe('retry after 5');
    expect(lines).toEqual([expect.objectContaining({ why: 'ECONNREFUSED', keys: 0 })]);
  });

  it('that never end are given up', async () => {
    make({ url: issuer.keysUrl, timeout: 200 });
    issuer.answer = (response): void => void response.write('{"keys":[');
    expect(await found('first')).toBe('retry after 5');
    expect(lines).toEqual([expect.objectContaining({ why: 'no answer within 0.2 s' })]);
  });

  it('are none if the issuer has none', async () => {
    await found('first');
    issuer.keys = [];
    clock.pass(HOUR);
    expect(await found('first')).toBe(0);
  });

  it('are public keys only: secret, private, weak and broken ones are not used', async () => {
    const { generateKeyPair, exportJWK } = await import('jose');
    const { privateKey } = await generateKeyPair('ES256', { extractable: true });
    issuer.keys = [
      { kty: 'oct', kid: 'secret', k: 'c2VjcmV0' },
      { ...(await exportJWK(privateKey)), kid: 'private' },
      { kty: 'EC', crv: 'P-256', kid: 'broken', x: 'AA', y: 'AA' },
      { kty: 'EC', kid: 'empty' },
      { ...first.jwk, kid: 'encryption', use: 'enc' },
      first.jwk,
    ];
    for (const kid of ['secret', 'private', 'broken', 'empty', 'encryption']) expect(await found(kid)).toBe(0);
    expect(await keys.candidates({ alg: 'HS256', kid: 'secret' })).toEqual([]);
    expect(await found('first')).toBe(1);
  });

  it('are tried on a token that does not name its key, eight at most', async () => {
    issuer.keys = await Promise.all(Array.from({ length: 9 }, async (_, i) => (await makeKey(`key ${i}`)).jwk));
    expect(await keys.candidates({ alg: 'ES256' })).toHaveLength(8);
  });

  it('are given up when the server stops, without a log line', async () => {
    issuer.answer = 'never';
    const asked = issuer.heard();
    const waiting = keys.fetch();
    await asked;
    keys.close();
    await waiting;
    expect(lines).toEqual([]);
  });

  describe('found by OpenID Connect Discovery', () => {
    const metadata =
      (changes: object) =>
      (response: ServerResponse, path: string): void => {
        const known = { issuer: issuer.name, jwks_uri: issuer.keysUrl, ...changes };
        response.end(JSON.stringify(path === '/keys' ? { keys: issuer.keys } : known));
      };

    it('are at the URL that the issuer names', async () => {
      make({});
      expect(await found('first')).toBe(1);
      expect(issuer.asked).toEqual(['/.well-known/openid-configuration', '/keys']);
    });

    it('work for an issuer whose name ends in a slash', async () => {
      issuer.answer = metadata({ issuer: `${issuer.name}/` });
      make({ name: `${issuer.name}/` });
      expect(await found('first')).toBe(1);
      expect(issuer.asked).toEqual(['/.well-known/openid-configuration', '/keys']);
    });

    it.each([
      ['another issuer', { issuer: 'https://id.example' }, 'the metadata belongs to another issuer'],
      ['no issuer', { issuer: undefined }, 'the metadata belongs to another issuer'],
      ['no key set', { jwks_uri: undefined }, 'the metadata does not name an https URL of a key set'],
      [
        'a key set in plaintext, beyond this machine',
        { jwks_uri: 'http://id.example/keys' },
        'the metadata does not name an https URL of a key set',
      ],
      ['a file', { jwks_uri: 'file:///etc/passwd' }, 'the metadata does not name an https URL of a key set'],
      [
        'an address of 2,049 characters',
        { jwks_uri: `https://id.example/${'k'.repeat(2030)}` },
        'the metadata does not name an https URL of a key set',
      ],
    ])('are not used from %s', async (_what, changes, why) => {
      issuer.answer = metadata(changes);
      make({});
      expect(await found('first')).toBe('retry after 5');
      expect(lines).toEqual([expect.objectContaining({ why })]);
      expect(issuer.asked).toEqual(['/.well-known/openid-configuration']);
    });
  });
});

function endless(response: ServerResponse): void {
  const more = (): void => {
    if (!response.destroyed) response.write(' '.repeat(65_536), more);
  };
  more();
}
