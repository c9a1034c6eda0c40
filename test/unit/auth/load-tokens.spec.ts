import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import type { ConfiguredToken } from '../../../src/auth/bearer-tokens.js';
import { loadTokens, loadTokensInTurns } from '../../../src/auth/load-tokens.js';
import { digestOf, namedTokenLine } from '../../../src/auth/named-token.js';
import { StartupError } from '../../../src/config/faults.js';
import { parseSettings } from '../../../src/config/load-settings.js';

const folder = mkdtempSync(join(tmpdir(), 'cairn-signal-tokens-'));
const file = join(folder, 'tokens');
afterAll(() => rmSync(folder, { recursive: true }));

/** Loads the tokens of a file with this content, and of auth-token if given. */
function load(content: string | Buffer, authToken?: string): ConfiguredToken[] {
  writeFileSync(file, content);
  return loadTokens(parseSettings({ authTokenFile: file, authToken }));
}

describe('the configured tokens', () => {
  it('are none if none is configured: the server is open', () => {
    expect(loadTokens(parseSettings())).toEqual([]);
  });

  it('can come from auth-token', () => {
    expect(loadTokens(parseSettings({ authToken: 's3cret' }))).toEqual(['s3cret']);
  });

  it('are those of auth-token and auth-token-file together', () => {
    expect(load('one\ntwo\n', 'three')).toEqual(['three', 'one', 'two']);
  });
});

describe('a token file, one token a line', () => {
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
  ])('with %s stops the start and names the line, without repeating it', (_what, content, line) => {
    expect(() => load(content)).toThrow(
      new StartupError(
        `auth-token-file ${JSON.stringify(file)}, line ${line}: a token consists of visible ASCII characters only`,
      ),
    );
  });

  it('warns of lines that are almost surely not meant, by number, without repeating them', () => {
    writeFileSync(file, '# ours\n"hunter2"\nTOKEN=hunter2\ngood-one\n');
    const warnings: string[] = [];
    loadTokens(parseSettings({ authTokenFile: file }), (warning) => void warnings.push(warning));
    expect(warnings).toEqual([
      expect.stringContaining('line 2: the quotes'),
      expect.stringContaining('line 3: it looks'),
    ]);
    expect(warnings.join('')).not.toContain('hunter2');
    writeFileSync(file, '"a"\n'.repeat(1000));
    loadTokens(parseSettings({ authTokenFile: file }), (warning) => void warnings.push(warning));
    expect(warnings).toHaveLength(13);
    expect(warnings.at(-1)).toContain('990 more lines');
  });

  it('of many lines is read in many turns of the event loop', async () => {
    const lines = Array.from({ length: 50_000 }, (_, i) => `token-${i}`);
    writeFileSync(file, lines.join('\n'));
    let turns = 0;
    let over = false;
    const count = (): void => {
      turns += 1;
      if (!over) setImmediate(count);
    };
    const loading = loadTokensInTurns(parseSettings({ authTokenFile: file, authToken: 'first' }));
    setImmediate(count);
    expect(await loading).toEqual(['first', ...lines]);
    over = true;
    expect(turns).toBeGreaterThan(5);
  });

  it('that is read in turns has the same faults', async () => {
    writeFileSync(file, 'one\nséc');
    const settings = parseSettings({ authTokenFile: file });
    const fault = (await loadTokensInTurns(settings).catch((error: unknown) => error)) as StartupError;
    expect(fault).toBeInstanceOf(StartupError);
    expect(() => loadTokens(settings)).toThrow(fault);
    await expect(loadTokensInTurns(parseSettings({ authTokenFile: join(folder, 'none') }))).rejects.toThrow(
      'there is no such file',
    );
  });

  it('that does not exist stops the start', () => {
    const path = join(folder, 'none');
    expect(() => loadTokens(parseSettings({ authTokenFile: path, authToken: 's3cret' }))).toThrow(
      new StartupError(`auth-token-file ${JSON.stringify(path)}: there is no such file`),
    );
  });

  it('that is a directory stops the start', () => {
    expect(() => loadTokens(parseSettings({ authTokenFile: folder }))).toThrow(
      new StartupError(`auth-token-file ${JSON.stringify(folder)}: it is a directory`),
    );
  });
});

describe('A1: named tokens in a token file', () => {
  const HEX = digestOf('s3cret').toString('hex');

  it('stand next to plain ones; a name can have several tokens', () => {
    const alice = [namedTokenLine('alice', 'one'), namedTokenLine('alice', 'two')];
    expect(load(`plain\n${alice.join('\n')}\n${alice[0]}\nbob-2.x_y:sha256:${HEX.toUpperCase()}\n`)).toEqual([
      'plain',
      { name: 'alice', digest: digestOf('one') },
      { name: 'alice', digest: digestOf('two') },
      { name: 'alice', digest: digestOf('one') },
      { name: 'bob-2.x_y', digest: digestOf('s3cret') },
    ]);
  });

  it.each([
    'a:b',
    'a:b:c',
    `alice:${'0'.repeat(64)}`,
    `sha256:${'0'.repeat(64)}`,
    `alice:sha512:${'0'.repeat(64)}`,
    '::',
  ])('a token with colons is a plain one: %s', (token) => {
    expect(load(token)).toEqual([token]);
  });

  it.each([
    ['no digest', 'alice:sha256:'],
    ['a digest that is too short', `alice:sha256:${HEX.slice(1)}`],
    ['a digest that is too long', `alice:sha256:${HEX}0`],
    ['a digest that is not hex', `alice:sha256:g${HEX.slice(1)}`],
    ['something behind the digest', `alice:sha256:${HEX}:x`],
    ['a comment behind the digest', `alice:sha256:${HEX} # ours`],
    ['no name', `:sha256:${HEX}`],
    ['a name with a space', `alice b:sha256:${HEX}`],
    ['a name with a colon', `a:b:sha256:${HEX}`],
    ['a name with a bar, which principals of JWTs have', `a|b:sha256:${HEX}`],
    ['a name of 65 letters', `${'a'.repeat(65)}:sha256:${HEX}`],
    ['the digest of no token', namedTokenLine('alice', '')],
    ['the mark in capitals', `alice:SHA256:${HEX}`],
  ])('with %s stop the start and name file and line, without repeating it', (_what, line) => {
    expect(() => load(`plain\n${line}\n`)).toThrow(
      new StartupError(
        `auth-token-file ${JSON.stringify(file)}, line 2: expected NAME:sha256:DIGEST, ` +
          'with a name of 1 to 64 letters, digits, ".", "_" or "-" ' +
          'and a digest of 64 hex digits that is not the digest of an empty token',
      ),
    );
  });

  it('belong in the file: in auth-token, the line itself would open the server', () => {
    for (const authToken of [`alice:sha256:${HEX}`, 'alice:sha256:']) {
      expect(() => loadTokens(parseSettings({ authToken }))).toThrow(
        new StartupError('auth-token: a token with a name and a digest belongs in auth-token-file'),
      );
    }
  });

  it('can have names of 1 and of 64 letters', () => {
    expect(load(`a:sha256:${HEX}\n`)).toHaveLength(1);
    expect(load(`${'a'.repeat(64)}:sha256:${HEX}\n`)).toHaveLength(1);
  });

  it.each([
    ['two names', `alice:sha256:${HEX}\nbob:sha256:${HEX}\n`, undefined, 2],
    ['a name and none', `s3cret\nalice:sha256:${HEX}\n`, undefined, 2],
    ['none and a name', `alice:sha256:${HEX}\n\ns3cret\n`, undefined, 3],
    ['a name and none in auth-token', `alice:sha256:${HEX}\n`, 's3cret', 1],
  ])('the same token under %s is a fault: it would be two principals', (_what, content, authToken, line) => {
    expect(() => load(content, authToken)).toThrow(
      new StartupError(
        `auth-token-file ${JSON.stringify(file)}, line ${line}: ` +
          'this token is already listed under another name, or without one',
      ),
    );
  });
});
