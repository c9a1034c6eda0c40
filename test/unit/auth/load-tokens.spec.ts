import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { loadTokens } from '../../../src/auth/load-tokens.js';
import { StartupError } from '../../../src/config/faults.js';
import { parseSettings } from '../../../src/config/load-settings.js';

const folder = mkdtempSync(join(tmpdir(), 'cairn-signal-tokens-'));
const file = join(folder, 'tokens');
afterAll(() => rmSync(folder, { recursive: true }));

/** The tokens of a file with this content, and of auth-token when given. */
function load(content: string | Buffer, authToken?: string): string[] {
  writeFileSync(file, content);
  return loadTokens(parseSettings({ authTokenFile: file, authToken }));
}

describe('the configured tokens', () => {
  it('are none where none is configured: the server is open', () => {
    expect(loadTokens(parseSettings())).toEqual([]);
  });

  it('are that of auth-token', () => {
    expect(loadTokens(parseSettings({ authToken: 's3cret' }))).toEqual(['s3cret']);
  });

  it('are those of auth-token and of auth-token-file together', () => {
    expect(load('one\ntwo\n', 'three')).toEqual(['three', 'one', 'two']);
  });
});

describe('a token file (item 7: one a line)', () => {
  it.each([
    ['without a line break at its end', 'one\ntwo'],
    ['with one', 'one\ntwo\n'],
    ['with CRLF', 'one\r\ntwo\r\n'],
    ['with CRLF and LF', 'one\r\ntwo\n'],
    ['with a byte order mark', '\uFEFFone\ntwo\n'],
    ['with blank lines', '\n\none\n  \n\t\r\ntwo\n\n'],
    ['with comments', '# ours\none\n  # theirs\ntwo\n#three\n'],
    ['with spaces around them', '  one\t\n\ttwo  \n'],
    ['with one twice', 'one\none\ntwo\n'],
  ])('%s holds its tokens and nothing else', (_what, content) => {
    expect([...new Set(load(content))]).toEqual(['one', 'two']);
  });

  it('holds tokens with spaces and # inside, and long ones', () => {
    expect(load(`two words\na#b\n${'x'.repeat(10_000)}\n`)).toEqual(['two words', 'a#b', 'x'.repeat(10_000)]);
  });

  it.each([
    ['empty', ''],
    ['a byte order mark', '\uFEFF'],
    ['blank', '\n \r\n\t\n'],
    ['comments', '# one\n# two\n'],
  ])('that is only %s stops the start: auth never fails open', (_what, content) => {
    const fault = new StartupError(`auth-token-file ${JSON.stringify(file)}: there is no token in it`);
    expect(() => load(content)).toThrow(fault);
    expect(() => load(content, 's3cret')).toThrow(fault);
  });

  it.each([
    ['a letter that is not ASCII', 'one\n# a comment\nsécret\n', 3],
    ['a control character', 'one\ns3\u0007cret\n', 2],
    ['a carriage return inside', 's3cret\rone\n', 1],
    ['a NUL', '\n\ns3cret\u0000\n', 3],
    ['UTF-16', Buffer.from('s3cret\n', 'utf16le'), 1],
    ['bytes that are not UTF-8', Buffer.from([0x73, 0x33, 0xff, 0x0a]), 1],
  ])('with %s stops the start with its line, without repeating it', (_what, content, line) => {
    expect(() => load(content)).toThrow(new StartupError(`auth-token-file ${JSON.stringify(file)}, line ${line}: a token is visible ASCII characters only`));
  });

  it('that is not there stops the start', () => {
    const path = join(folder, 'none');
    expect(() => loadTokens(parseSettings({ authTokenFile: path, authToken: 's3cret' }))).toThrow(
      new StartupError(`auth-token-file ${JSON.stringify(path)}: there is no such file`),
    );
  });

  it('that is a directory stops the start', () => {
    expect(() => loadTokens(parseSettings({ authTokenFile: folder }))).toThrow(new StartupError(`auth-token-file ${JSON.stringify(folder)}: it is a directory`));
  });
});
