import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { ConfigurationError, StartupError } from '../../../src/config/faults.js';
import { flagOf, variableOf } from '../../../src/config/setting-names.js';
import { settingNames } from '../../../src/config/settings.js';
import type { SettingName, Settings } from '../../../src/config/settings.js';
import { shownPath } from '../../../src/config/shown-path.js';
import { readOptions } from '../../../src/doctor/options.js';
import { readTarget } from '../../../src/doctor/target.js';
import { loadTokens } from '../../../src/auth/load-tokens.js';
import { loadTlsPair } from '../../../src/transport/tls.js';
import { loadExtensions } from '../../../src/extensions.js';
import { CONFIG_FILE, CONFIG_FOLDER, load } from '../../support/load.js';

const BODY = 'MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj';
const PEM = `-----BEGIN PRIVATE KEY-----\n${BODY}\n${BODY}\n-----END PRIVATE KEY-----\n`;

/** What people put into the wrong setting, and a part that must never be repeated. */
const SECRETS: readonly (readonly [what: string, value: string, hidden: string])[] = [
  ['a PEM', PEM, BODY],
  ['a PEM with \\n written out', PEM.replaceAll('\n', '\\n'), BODY],
  ['the body of a PEM', BODY, BODY],
  ['a PEM in base64', Buffer.from(PEM).toString('base64'), Buffer.from(PEM).toString('base64').slice(0, 40)],
  ['a JWT', 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl', 'c2lnbmF0dXJl'],
  ['a NATS seed', 'SUAIBDPBAUTWCWBKIO6XHQNINK5FWJW4OHLXC3HQ2KFE4PEJUA44CNHTC4', 'IBDPBAUTWC'],
  ['a URL with a password', 'nats://service:hunter2@nats.example.com:4222', 'hunter2'],
  ['a URL with a password alone', 'nats://:hunter2@nats.example.com', 'hunter2'],
  ['a user and password', 'service:hunter2@nats.example.com', 'hunter2'],
  ['hex digits', '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08', '9f86d081'],
  ['base64url', 'Zm9vYmFyYmF6cXV4X2Zvb2JhcmJhenF1eA3', 'YmFyYmF6'],
  ['base64', '/k3yQ/abcDEF123+ghi/JKL456mnoPQR789st==', 'abcDEF123'],
  ['a password', 'hunter2', 'hunter2'],
  ['a password with a slash', 'hunt3r/tw0', 'hunt3r'],
  ['a pass phrase', 'correct-horse-battery-staple', 'battery'],
  ['a line of a token file', `alice:sha256:${'0a'.repeat(32)}`, '0a0a'],
  ['a variable with its name', 'TOKEN=hunter2', 'hunter2'],
  ['a JWK', '{"kty":"oct","k":"hunter2hunter2"}', 'hunter2'],
  ['something too long for a path', `/${'hunter2-'.repeat(800)}`, 'hunter2'],
];

function messageOf(run: () => unknown): string {
  try {
    run();
    return '';
  } catch (error) {
    if (error instanceof ConfigurationError) return [...error.faults, ...error.warnings].join('\n');
    if (error instanceof StartupError) return error.message;
    throw error;
  }
}

describe.each(SECRETS)('%s in the wrong place is not repeated', (_what, value, hidden) => {
  it('as the value of any setting', () => {
    const each = (key: (name: SettingName) => string, written: unknown = value): Record<string, never> =>
      Object.fromEntries(settingNames.map((name) => [key(name), written])) as Record<string, never>;
    for (const given of [
      { environment: each(variableOf) },
      { flags: each(flagOf) },
      { yaml: JSON.stringify(each((name) => name)) },
      { yaml: JSON.stringify(each((name) => name, [value, 'x'])) },
    ]) {
      const message = messageOf(() => load(given));
      expect(message.split('\n').length).toBeGreaterThan(30);
      expect(message).not.toContain(hidden);
    }
  });

  it('as the path of a file that is read', async () => {
    const settings = load({}).settings as object;
    const places = [
      () => load({ environment: { CAIRN_SIGNAL_CONFIG: value } }),
      () => loadTokens({ ...settings, authTokenFile: value } as Settings),
      () => loadTlsPair({ ...settings, tlsCert: value, tlsKey: value } as Settings),
    ];
    for (const place of places) {
      const message = messageOf(place);
      expect(message).not.toContain(hidden);
      expect(message).toContain(`(${value.length} characters`);
    }
    const error = await loadExtensions({ ...settings, guards: [value] } as Settings).catch((thrown: unknown) => thrown);
    expect((error as Error).message).not.toContain(hidden);
  });

  it('as a key of the configuration file', () => {
    expect(messageOf(() => load({ yaml: JSON.stringify({ [`${value}!`]: 1 }) }))).not.toContain(hidden);
  });

  it('on the command line of doctor', () => {
    for (const name of ['token-file', 'ca', 'topic', 'timeout', 'idle']) {
      expect(messageOf(() => readOptions(new Map([[name, value]]), ['ws://localhost'], []))).not.toContain(hidden);
    }
    const flags = new Map([
      ['cert', value],
      ['key', value],
    ]);
    expect(messageOf(() => readOptions(flags, ['wss://localhost'], []))).not.toContain(hidden);
    expect(messageOf(() => readOptions(new Map(), [value], []))).not.toContain(hidden);
  });
});

describe('a fault', () => {
  it.each([
    [
      'TLS_KEY',
      PEM.replaceAll('\n', '\\n'),
      /^CAIRN_SIGNAL_TLS_KEY \(\d+ characters, looks like a PEM\): .*write it to a file/,
    ],
    [
      'NATS_URL',
      'nats://a:b@c',
      /^CAIRN_SIGNAL_NATS_URL \(12 characters, looks like a URL with a user or password\): /,
    ],
    ['AUTH_TOKEN', 's3cret ', /^CAIRN_SIGNAL_AUTH_TOKEN \(7 characters\): expected visible ASCII/],
    ['MAX_CONNECTIONS', 'many', /^CAIRN_SIGNAL_MAX_CONNECTIONS "many": expected/],
    ['DRAIN_TIMEOUT', '10 s', /^CAIRN_SIGNAL_DRAIN_TIMEOUT "10 s": expected/],
    ['LISTEN_ADDR', '::1:8080', /^CAIRN_SIGNAL_LISTEN_ADDR "::1:8080": expected/],
  ])('of %s says what the value looks like', (name, value, fault) => {
    expect(messageOf(() => load({ environment: { [`CAIRN_SIGNAL_${name}`]: value } }))).toMatch(fault);
  });

  it('of a URL whose password has no user is not passed over', () => {
    expect(() => load({ environment: { CAIRN_SIGNAL_NATS_URL: 'nats://:s3cret@nats' } })).toThrow(ConfigurationError);
  });
});

describe('a path in a fault', () => {
  it('is quoted where the file exists, whatever its name', () => {
    const path = join(CONFIG_FOLDER, 'Zm9vYmFyYmF6cXV4X2Zvb2JhcmJhenF1eA3');
    writeFileSync(path, '');
    expect(shownPath(path)).toBe(JSON.stringify(path));
  });

  it.each(['/nowhere/cert.pem', 'config/production.yaml', './key.pem', '/run/secrets/tokens', 'server-1.crt'])(
    'is quoted where it can be nothing else: %s',
    (path) => {
      expect(shownPath(path)).toBe(JSON.stringify(path));
    },
  );

  it('is otherwise the folder that exists, and the length', () => {
    const folder = join(CONFIG_FOLDER, 'live');
    mkdirSync(folder);
    const path = join(folder, 'S3cretZm9v', 'key.pem');
    expect(shownPath(path)).toBe(`(${path.length} characters, in the folder ${JSON.stringify(folder)})`);
  });
});

describe('code', () => {
  it('that is a file with a token is not quoted by the error of its import', async () => {
    const path = join(CONFIG_FOLDER, 'token');
    writeFileSync(path, 'hunter2\n');
    const settings = load({}).settings as object;
    await expect(loadExtensions({ ...settings, guards: [path] } as Settings)).rejects.toThrow(
      /: it is not code: name an ES module/,
    );
  });
});

describe('the report of doctor', () => {
  it('shows the path of the URL without what looks like a token', () => {
    const { url, shown } = readTarget('wss://host/signal/Zm9vYmFyYmF6cXV4X2Zvb2JhcmJhenF1eA3');
    expect(url).toContain('Zm9v');
    expect(shown).toBe('wss://host/signal/...');
  });
});

describe('the place of a setting', () => {
  it('is the file and its key', () => {
    expect(messageOf(() => load({ yaml: 'drainTimeout: soon' }))).toMatch(`${CONFIG_FILE}: drainTimeout "soon": `);
  });
});
