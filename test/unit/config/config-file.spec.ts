import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { loadSettings, parseSettings } from '../../../src/config/load-settings.js';
import type { Settings } from '../../../src/config/settings.js';
import { CONFIG_FILE, CONFIG_FOLDER, faultsOf as faultsOfRun, load as loadGiven } from '../../support/load.js';

const load = (yaml: string): Settings => loadGiven({ yaml }).settings;
const faultsOf = (yaml: string): readonly string[] => faultsOfRun(() => load(yaml));

describe('a configuration file', () => {
  it.each([
    ['nothing', ''],
    ['comments only', '# nothing yet\n'],
    ['an empty document', '---\n'],
    ['an empty map', '{}'],
  ])('with %s gives the defaults', (_what, text) => {
    expect(load(text)).toEqual(parseSettings());
  });

  it('may have a byte order mark, CRLF lines, comments and JSON inside', () => {
    expect(load('\uFEFF# where\r\nlistenAddr: "[::1]:8080" # here\r\n"logFormat": json\r\n')).toMatchObject({
      listenAddr: { host: '::1', port: 8080 },
      logFormat: 'json',
    });
  });

  it('is the one in the environment when no flag names one', () => {
    writeFileSync(CONFIG_FILE, 'logFormat: pretty');
    expect(
      loadSettings({ flags: new Map(), environment: { CAIRN_SIGNAL_CONFIG: CONFIG_FILE } }).settings.logFormat,
    ).toBe('pretty');
  });

  it('from the environment is not read when a flag names one', () => {
    writeFileSync(CONFIG_FILE, 'logFormat: pretty');
    const environment = { CAIRN_SIGNAL_CONFIG: join(CONFIG_FOLDER, 'none.yaml') };
    expect(loadSettings({ flags: new Map([['config', CONFIG_FILE]]), environment }).settings.logFormat).toBe('pretty');
  });

  it.each(readdirSync(new URL('../../../config/', import.meta.url)).map((name) => [name]))(
    'config/%s, which is shipped, is valid',
    (name) => {
      expect(() => load(readFileSync(new URL(`../../../config/${name}`, import.meta.url), 'utf8'))).not.toThrow();
    },
  );
});

describe('a configuration file with mistakes', () => {
  it.each([
    ['a list', '- listenAddr'],
    ['a word', 'listenAddr'],
    ['a number', '443'],
  ])('is one fault when it is %s', (_what, text) => {
    expect(faultsOf(text)).toEqual([
      `--config ${JSON.stringify(CONFIG_FILE)}: expected settings, each as "name: value"`,
    ]);
  });

  it.each([
    ['has a tab for indentation', '\tlistenAddr: a:1', 1, 1, 'a tab'],
    ['has a tab before an element', 'guards:\n\t- a.js', 2, 1, 'a tab'],
    ['names a setting twice', 'logFormat: json\nlogFormat: pretty', 2, 1, 'duplicate key'],
    ['leaves a double quote open', 'listenAddr: "a:1', 1, 17, 'a quote that is not closed'],
    ['leaves a single quote open', "listenAddr: 'a:1\nlogFormat: json", 2, 16, 'a quote that is not closed'],
    ['leaves a bracket open', 'guards: [a.js', 1, 14, 'a bracket that is not closed'],
    ['leaves a brace open', 'guards: {a.js', 1, 14, 'a bracket that is not closed'],
    ['indents a setting', 'listenAddr: a:1\n  logFormat: json', 1, 13, 'bad indentation'],
    ['indents the first setting only', '  listenAddr: a:1\nlogFormat: json', 2, 1, 'bad indentation'],
    ['indents elements unevenly', 'guards:\n  - a.js\n - b.js', 3, 1, 'bad indentation'],
    ['has an IPv6 address without quotes', 'listenAddr: [::]:8080', 1, 17, 'an IPv6 address needs quotes: "[::]:8080"'],
    ['has one further down', '# x\nmanagementAddr:  [::1]:80\n', 2, 23, 'an IPv6 address needs quotes'],
    ['has a colon in a value', 'authToken: s3cret: x', 1, 12, 'a value with ": " in it needs quotes'],
    ['has no space behind a colon', 'logFormat:json\nrecords: on', 1, 1, 'a colon without a space behind it'],
    ['has a percent sign before a value', 'authToken: %s3cret', 1, 12, 'a value that begins with this character'],
    ['has an at sign before a value', 'authToken: @s3cret', 1, 12, 'a value that begins with this character'],
    ['has an asterisk for a value', 'allowedOrigins: *', 1, 17, 'a value that begins with this character'],
    ['has an exclamation mark before a value', 'authToken: !s3cret x', 1, 12, 'a tag'],
    ['has a backslash in quotes', 'authTokenFile: "C:\\q"', 1, 19, 'a backslash'],
    ['has two documents', '---\nrecords: on\n---\nrecords: on', 3, 1, 'a second document'],
    ['has a list behind its name', 'guards: - a.js', 1, 9, 'expected settings'],
  ])('that %s is a fault with its line and its reason', (_what, text, line, column, reason) => {
    const [fault, ...others] = faultsOf(text);
    expect(others).toEqual([]);
    expect(fault).toContain(
      `--config ${JSON.stringify(CONFIG_FILE)}: it is not plain YAML: see line ${line}, column ${column} (${reason}`,
    );
    expect(fault).not.toContain('s3cret');
  });

  it.each([['authToken:'], ['authToken: null'], ['authToken: ~']])('never opens the server: %j is a fault', (text) => {
    expect(faultsOf(text)).toEqual([`${CONFIG_FILE}: authToken: expected a token`]);
  });

  it('says that a token of only digits must be quoted', () => {
    expect(faultsOf('authToken: 1234')).toEqual([expect.stringMatching(/authToken: .*quot/)]);
  });

  it.each([
    ['tlsCert: null\ntlsKey: null', 2],
    ['listenAddr:', 1],
    ['maxMessageBytes: ~', 1],
    ['drainTimeout: null', 1],
  ])('does not take null for the default: %j', (text, count) => {
    expect(faultsOf(text)).toHaveLength(count);
  });

  it('lists every key that is not a setting, even a flag name or a variable name', () => {
    expect(faultsOf('listen-addr: a:1\nCAIRN_SIGNAL_TLS_KEY: k\nport: 5\nconfig: other.yaml')).toEqual([
      `${CONFIG_FILE}: listen-addr: there is no such setting (did you mean listenAddr?)`,
      `${CONFIG_FILE}: CAIRN_SIGNAL_TLS_KEY: there is no such setting`,
      `${CONFIG_FILE}: port: there is no such setting`,
      `${CONFIG_FILE}: config: there is no such setting`,
    ]);
  });

  it('is a readable fault when it is a directory', () => {
    expect(() => loadSettings({ flags: new Map([['config', CONFIG_FOLDER]]), environment: {} })).toThrow(
      /: it is a directory$/,
    );
  });
});

describe('a hostile configuration file', () => {
  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])('cannot use the key %s', (key) => {
    expect(faultsOf(`${key}: {authToken: x, listenAddr: "a:1"}`)).toEqual([
      `${CONFIG_FILE}: ${key}: there is no such setting`,
    ]);
    expect(Object.hasOwn(Object.prototype, 'authToken')).toBe(false);
  });

  it('is a fault when it multiplies aliases', () => {
    const levels = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
    const bomb = levels
      .map((name, level) => `${name}: &${name} [${`${level === 0 ? 'x' : `*${levels[level - 1]}`},`.repeat(9)}]`)
      .join('\n');
    expect(faultsOf(bomb)).toEqual([expect.stringContaining(CONFIG_FILE)]);
  });

  it.each(['listenAddr: &a [*a]', 'listenAddr: &a {b: *a}', 'maxMessageBytes: &a [*a]'])(
    'is a fault when a value contains itself: %s',
    (text) => {
      expect(faultsOf(text)).toEqual([expect.stringContaining(CONFIG_FILE)]);
    },
  );

  it('is a fault when an alias has no anchor', () => {
    expect(faultsOf('listenAddr: *nowhere')).toEqual([expect.stringContaining(CONFIG_FILE)]);
  });

  it.each([
    ['an alias', '*s3cret'],
    ['a literal block', '|s3cret'],
    ['a folded block', '>s3cret'],
    ['a tag', '!e!s3cret x'],
    ['an unclosed map', '{s3cret'],
    ['an unclosed quote', '"s3cret'],
    ['a nested map', 's3cret: x'],
    ['a list', '[s3cret]'],
    ['a map', '{s3cret: s3cret}'],
  ])('does not repeat a token that YAML takes for %s', (_what, written) => {
    expect(faultsOf(`authToken: ${written}`).join('\n')).not.toContain('s3cret');
  });

  it('gives a handful of faults, however deep it nests', () => {
    expect(faultsOf(`listenAddr: ${'['.repeat(20_000)}`).length).toBeLessThan(10);
  });
});
