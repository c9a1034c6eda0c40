import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { digestOf } from '../../src/auth/named-token.js';
import { Peer } from '../support/peer.js';
import { endPrograms, Program } from '../support/program.js';
import type { Ended } from '../support/program.js';
import { startServer, stopServers } from '../support/server.js';

const TOKEN = /^[\w-]{43}$/;

describe('A1: cairn-signal token new NAME', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cairn-signal-token-'));
  const file = join(folder, 'tokens');

  beforeEach(() => rmSync(file, { force: true }));
  afterEach(async () => {
    endPrograms();
    await stopServers();
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const token = (...words: string[]): Promise<Ended> => new Program(['token', ...words]).ended;
  const lineOf = (name: string, made: string): string => `${name}:sha256:${digestOf(made).toString('hex')}`;

  it('prints a token and the line for the file, a new one each time', async () => {
    const [one, two] = await Promise.all([token('new', 'alice'), token('new', 'alice')]);
    const [, made, line] = /^token, for the peer: (\S+)\nline, for auth-token-file: (\S+)\n$/.exec(one.stdout)!;
    expect(made).toMatch(TOKEN);
    expect(line).toBe(lineOf('alice', made));
    expect([one.code, one.stderr]).toEqual([0, '']);
    expect(two.stdout).not.toContain(made);
  });

  it('with --file appends the line to a file that only its owner can read, prints only the token, and the token opens the server', async () => {
    const alice = await token('new', 'alice', '--file', file);
    expect(alice).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^[\w-]{43}\n$/),
      stderr: expect.stringContaining('added alice to'),
    });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const bob = await token('new', `--file=${file}`, 'bob');
    const [a, b] = [alice.stdout.trim(), bob.stdout.trim()];
    expect(readFileSync(file, 'utf8')).toBe(`${lineOf('alice', a)}\n${lineOf('bob', b)}\n`);

    const running = await startServer({ authTokenFile: file });
    await Peer.connect(running.url, { headers: { authorization: `Bearer ${b}` } });
    expect([...running.connections].map(({ principal }) => principal)).toEqual(['bob']);
  });

  // Only a file of root is likely to have another owner than the server.
  (process.getuid?.() === 0 ? it : it.skip)(
    'with --file says who must be able to read a file that root has made, and says it of no other file',
    async () => {
      const [alice, bob] = [await token('new', 'alice', '--file', file), await token('new', 'bob', '--file', file)];
      expect(alice.stderr).toBe(`created ${file} for root only (0600): let the server's user read it (chgrp, chmod 640)
added alice to ${file}; a running server reads it within seconds. The token is not shown again:
`);
      expect(bob.stderr).toBe(
        `added bob to ${file}; a running server reads it within seconds. The token is not shown again:\n`,
      );
    },
  );

  it.each([
    ['a last line without an end', 'plain', 'plain\n'],
    ['CRLF', 'plain\r\n', 'plain\r\n'],
    ['nothing', '', ''],
  ])('with --file on a file with %s keeps its content and its permissions', async (_what, before, kept) => {
    writeFileSync(file, before, { mode: 0o640 });
    chmodSync(file, 0o640);
    const { stdout } = await token('new', 'alice', '--file', file);
    expect(readFileSync(file, 'utf8')).toBe(`${kept}${lineOf('alice', stdout.trim())}\n`);
    expect(statSync(file).mode & 0o777).toBe(0o640);
  });

  it('with --file follows a symbolic link', async () => {
    writeFileSync(join(folder, 'real'), '');
    symlinkSync('real', file);
    await token('new', 'alice', '--file', file);
    expect(readFileSync(join(folder, 'real'), 'utf8')).toMatch(/^alice:sha256:/);
  });

  it('with --file on a file that cannot be appended to prints no token, and ends with 1', async () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const [folderEnded, pipeEnded, nowhere] = await Promise.all(
      [folder, pipe, join(folder, 'none', 'tokens')].map((path) => token('new', 'alice', '--file', path)),
    );
    expect([folderEnded, pipeEnded, nowhere].map(({ code, stdout }) => [code, stdout])).toEqual([
      [1, ''],
      [1, ''],
      [1, ''],
    ]);
    expect([folderEnded.stderr, pipeEnded.stderr]).toEqual([
      expect.stringContaining('it is not a regular file'),
      expect.stringContaining('it is not a regular file'),
    ]);
    expect(nowhere.stderr).toBe(
      `cairn-signal: ${JSON.stringify(join(folder, 'none', 'tokens'))}: there is no such folder\n`,
    );
    expect(existsSync(join(folder, 'none'))).toBe(false);
  });

  // Root may write to any file.
  (process.getuid?.() === 0 ? it.skip : it)('with --file on a file that it may not write to says so', async () => {
    writeFileSync(file, '', { mode: 0o400 });
    const { code, stdout, stderr } = await token('new', 'alice', '--file', file);
    expect({ code, stdout, stderr }).toEqual({
      code: 1,
      stdout: '',
      stderr: `cairn-signal: ${JSON.stringify(file)}: this process may not write to it\n`,
    });
  });

  it('ends with 2 and its usage if it does not understand its arguments, and writes nothing', async () => {
    const wrong = [
      [],
      ['new'],
      ['old', 'alice'],
      ['new', ''],
      ['new', 'a b'],
      ['new', 'a:b'],
      ['new', 'a'.repeat(65)],
      ['new', 'alice', 'bob'],
      ['new', 'alice', '--file'],
      ['new', 'alice', '--file='],
      ['new', 'alice', '--listen-addr', 'x'],
      ['new', 'alice', '--file', file, '--file', file],
    ];
    const ended = await Promise.all(wrong.map((words) => token(...words)));
    expect(ended.map(({ code, stdout }) => [code, stdout])).toEqual(wrong.map(() => [2, '']));
    for (const { stderr } of ended) {
      expect(stderr).toMatch(/^cairn-signal: .+\nusage: cairn-signal token new NAME \[--file PATH\]\n$/);
    }
    expect(existsSync(file)).toBe(false);
  });

  it('is a fault after flags of the server, and has its own --help', async () => {
    const [behind, help, short] = await Promise.all([
      new Program(['--log-format', 'json', 'token']).ended,
      token('--help'),
      token('new', '-h'),
    ]);
    expect(behind).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('token must be the first word'),
    });
    expect(help).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/^Makes a token /) });
    expect(short).toEqual(help);
  });
});
