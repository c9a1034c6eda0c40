import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { Peer } from '../support/peer.js';
import { endPrograms, Program } from '../support/program.js';
import { scrape } from '../support/scrape.js';

/** Starting the program takes longer than most tests on a busy machine. */
const TIMEOUT_MS = 30_000;
const LOOPBACK = ['--listen-addr', '127.0.0.1:0'];
const folder = mkdtempSync(join(tmpdir(), 'cairn-signal-'));

afterEach(endPrograms);
afterAll(() => rmSync(folder, { recursive: true }));

describe('few file handles', () => {
  // With fewer than 22, Node 24 itself ends before the program begins.
  it.each([24, 40, 60, 96])(
    'at %d the start says so in one line',
    async (files) => {
      const { code, stderr } = await new Program(LOOPBACK, {}, files).ended;
      expect(code).toBe(1);
      expect(stderr).toMatch(/^cairn-signal: .*too few.*raise "ulimit -n" to 512 or more\n$/);
    },
    TIMEOUT_MS,
  );

  it.each([
    [100, []],
    [150, []],
    [210, ['--management-addr', '127.0.0.1:0']],
  ])(
    'at %d the server starts and serves',
    async (files, words) => {
      const program = new Program([...LOOPBACK, ...words], {}, files);
      const peer = await Peer.connect(`ws://127.0.0.1:${await program.port()}`);
      await peer.sync();
      program.signal('SIGTERM');
      expect([(await peer.closed).code, (await program.ended).code]).toEqual([1001, 0]);
    },
    TIMEOUT_MS,
  );
});

describe('a working directory that does not exist any more', () => {
  const within = [
    'sh',
    '-c',
    `mkdir "${folder}/gone" && cd "${folder}/gone" && rmdir "${folder}/gone" && exec "$@"`,
    'sh',
  ];

  it(
    'stops the start in one line',
    async () => {
      const ended = await new Program(LOOPBACK, {}, undefined, within).ended;
      expect(ended).toMatchObject({
        code: 1,
        stdout: '',
        stderr: 'cairn-signal: the working directory does not exist any more: start in one that does\n',
      });
    },
    TIMEOUT_MS,
  );

  it.each([['--version'], ['check-config'], ['check-config', '--guard', 'guard.mjs'], ['token', 'new', 'a']])(
    'leaves no stack trace of %s %s %s',
    async (...words) => {
      const { stderr } = await new Program(words, {}, undefined, within).ended;
      expect(stderr).not.toMatch(/^ +at /m);
    },
    TIMEOUT_MS,
  );
});

(process.getuid?.() === 0 ? describe : describe.skip)('a system without /proc', () => {
  it(
    'serves, with what is known on the management address',
    async () => {
      const within = ['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs none /proc && exec "$@"', 'sh'];
      const program = new Program([...LOOPBACK, '--management-addr', '127.0.0.1:0'], {}, undefined, within);
      const [, management] = await program.printed(/operators at (http:\S+)\//);
      const metrics = await scrape(`${management}/metrics`);
      expect(metrics.get('cairn_signal_ready')).toBe(1);
      expect(metrics.has('process_max_fds')).toBe(false);
      const health = (await (await fetch(`${management}/health`)).json()) as { details: { process: unknown } };
      expect(health.details.process).toMatchObject({ status: 'up', residentBytes: null });
      expect((await fetch(`${management}/`)).status).toBe(200);
      program.signal('SIGTERM');
      expect(await program.ended).toMatchObject({ code: 0, stderr: '' });
    },
    TIMEOUT_MS,
  );
});
