import { execFileSync } from 'node:child_process';
import {
  closeSync,
  constants,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { constants as osConstants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { Peer } from '../support/peer.js';
import { endPrograms, Program } from '../support/program.js';
import type { Ended } from '../support/program.js';
import { scrape } from '../support/scrape.js';
import { turn } from '../support/turn.js';

/** Starting the program takes longer than most tests on a busy machine. */
const TIMEOUT_MS = 30_000;
const LOOPBACK = ['--listen-addr', '127.0.0.1:0', '--max-connections', '100'];
const DROPPED = 'cairn_signal_log_lines_dropped_total';

const folder = mkdtempSync(join(tmpdir(), 'cairn-signal-'));
const open = new Set<number>();
let named = 0;

function opened(path: string, flags: number | string): number {
  const descriptor = openSync(path, flags);
  open.add(descriptor);
  return descriptor;
}

function closeDescriptor(descriptor: number): void {
  open.delete(descriptor);
  closeSync(descriptor);
}

/** A real pipe, which is read when the test reads it. Node's own pipes to children are sockets. */
function pipe(): { readonly read: number; readonly write: number } {
  const path = join(folder, `pipe-${(named += 1)}`);
  execFileSync('mkfifo', [path]);
  const read = opened(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return { read, write: opened(path, constants.O_WRONLY) };
}

/** What a pipe holds. */
function drainPipe(descriptor: number): string {
  const chunk = Buffer.alloc(1 << 20);
  try {
    return chunk.subarray(0, readSync(descriptor, chunk)).toString();
  } catch {
    return '';
  }
}

/** Fills a pipe until it takes nothing any more. */
function fill(descriptor: number): void {
  const path = `/proc/self/fd/${descriptor}`;
  const own = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  try {
    for (;;) writeSync(own, 'x');
  } catch {
    closeSync(own);
  }
}

let test = new AbortController();

/** Resolves once something holds; rejects when the test is over. */
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const { signal } = test;
  while (!(await holds())) {
    signal.throwIfAborted();
    await turn();
  }
}

afterEach(() => {
  test.abort();
  test = new AbortController();
  endPrograms();
  for (const descriptor of open) closeSync(descriptor);
  open.clear();
});
afterAll(() => rmSync(folder, { recursive: true }));

/**
 * Has a peer send what is logged at trace: at 200 bytes a line, more than any pipe and the lines that wait hold after a
 * few times.
 */
async function makeNoise(port: number): Promise<void> {
  const peer = await Peer.connect(`ws://127.0.0.1:${port}`);
  for (let i = 0; i < 2000; i++) peer.subscribe(`topic ${i % 50}`);
  await peer.sync();
  await peer.close();
}

/** Two peers meet, so the server serves. */
async function expectServed(port: number): Promise<void> {
  const [a, b] = [await Peer.connect(`ws://127.0.0.1:${port}`), await Peer.connect(`ws://127.0.0.1:${port}`)];
  b.subscribe('t');
  await b.sync();
  const message = a.relay('t', 'x');
  expect(await b.next()).toEqual(message);
  await Promise.all([a.close(), b.close()]);
}

function ends(program: Program): Promise<Ended> {
  program.signal('SIGTERM');
  return program.ended;
}

describe('a server outlives its log', () => {
  it(
    'on a full disk: it starts, serves and ends with 0, and counts the lines that were lost',
    async () => {
      const full = opened('/dev/full', 'w');
      const program = new Program([...LOOPBACK, '--metrics-token', 'm'], {}, undefined, [], {
        stdout: full,
        stderr: full,
      });
      const port = await program.listening();
      await expectServed(port);
      const metrics = await scrape(`http://127.0.0.1:${port}/metrics`, 'm');
      expect(metrics.get(DROPPED)).toBeGreaterThan(0);
      expect((await ends(program)).code).toBe(0);
    },
    TIMEOUT_MS,
  );

  it(
    'in a file at its size limit (SIGXFSZ)',
    async () => {
      const path = join(folder, 'limited');
      const file = opened(path, 'a');
      const within = ['bash', '-c', 'ulimit -f 1 && exec "$0" "$@"'];
      const program = new Program(LOOPBACK, { RUST_LOG: 'trace' }, undefined, within, { stdout: file });
      await expectServed(await program.listening());
      expect((await ends(program)).code).toBe(0);
      expect(readFileSync(path).length).toBe(1024);
    },
    TIMEOUT_MS,
  );

  it.each(['1', '2'])(
    'with descriptor %s closed at the start',
    async (descriptor) => {
      const program = new Program(LOOPBACK, {}, undefined, ['sh', '-c', `exec "$0" "$@" ${descriptor}>&-`]);
      await expectServed(await program.listening());
      expect((await ends(program)).code).toBe(0);
    },
    TIMEOUT_MS,
  );

  it(
    'in a pipe whose reader has gone, from the start or later',
    async () => {
      const early = pipe();
      closeDescriptor(early.read);
      const first = new Program(LOOPBACK, {}, undefined, [], { stdout: early.write, stderr: early.write });
      const second = new Program(LOOPBACK);
      const port = await second.port();
      second.closePipes();
      await expectServed(await first.listening());
      await expectServed(port);
      expect([(await ends(first)).code, (await ends(second)).code]).toEqual([0, 0]);
    },
    TIMEOUT_MS,
  );

  it(
    'in a pipe that nobody reads: it serves on, says later how many lines were lost, and ends within a second',
    async () => {
      const { read, write } = pipe();
      const program = new Program(
        [...LOOPBACK, '--metrics-token', 'm', '--max-messages-per-second', '0'],
        { RUST_LOG: 'trace' },
        undefined,
        [],
        {
          stdout: write,
          stderr: write,
        },
      );
      const port = await program.listening();
      const dropped = async (): Promise<number> =>
        (await scrape(`http://127.0.0.1:${port}/metrics`, 'm')).get(DROPPED)!;
      await until(async () => {
        await makeNoise(port);
        return (await dropped()) >= 10;
      });
      await expectServed(port);
      let text = '';
      await until(() => {
        text += drainPipe(read);
        return /"lost":\d+/.test(text);
      });
      expect(text.match(/"lost":/g)).toHaveLength(1);
      fill(write);
      expect((await ends(program)).code).toBe(0);
    },
    2 * TIMEOUT_MS,
  );

  it(
    'in a socket that nobody reads',
    async () => {
      const program = new Program([...LOOPBACK, '--metrics-token', 'm', '--max-messages-per-second', '0'], {
        RUST_LOG: 'trace',
      });
      const port = await program.port();
      program.stopReading();
      const dropped = async (): Promise<number> =>
        (await scrape(`http://127.0.0.1:${port}/metrics`, 'm')).get(DROPPED)!;
      await until(async () => {
        await makeNoise(port);
        return (await dropped()) >= 10;
      });
      await expectServed(port);
      program.signal('SIGTERM');
      program.closePipes();
      expect((await program.ended).code).toBe(0);
    },
    2 * TIMEOUT_MS,
  );

  it(
    'and says how many lines were lost, once it works again',
    async () => {
      const { read, write } = pipe();
      const program = new Program([...LOOPBACK, '--metrics-token', 'm'], {}, undefined, [], { stdout: write });
      const port = await program.listening();
      // A named pipe fails while it has no reader, and works again when another one comes.
      closeDescriptor(read);
      program.signal('SIGUSR2');
      const dropped = async (): Promise<number> =>
        (await scrape(`http://127.0.0.1:${port}/metrics`, 'm')).get(DROPPED)!;
      await until(async () => (await dropped()) > 0);
      const again = opened(join(folder, `pipe-${named}`), constants.O_RDONLY | constants.O_NONBLOCK);
      let text = '';
      await until(() => {
        text += drainPipe(again);
        return /"lost":\d+,"msg":"standard output works again/.test(text);
      });
      expect((await ends(program)).code).toBe(0);
    },
    TIMEOUT_MS,
  );

  it(
    'and what a custom guard prints',
    async () => {
      const guard = join(folder, 'guard.mjs');
      writeFileSync(
        guard,
        'export class Guard { canActivate() { process.stdout.write("x"); process.stderr.write("x"); return true; } }',
      );
      const full = opened('/dev/full', 'w');
      const program = new Program([...LOOPBACK, '--guard', guard], {}, undefined, [], { stdout: full, stderr: full });
      await expectServed(await program.listening());
      expect((await ends(program)).code).toBe(0);
    },
    TIMEOUT_MS,
  );

  it(
    'whose last lines get out, into files and pipes that are read late',
    async () => {
      const { read, write } = pipe();
      const path = join(folder, 'last-lines');
      const file = opened(path, 'a');
      const toPipe = new Program(LOOPBACK, {}, undefined, [], { stdout: write });
      const toFile = new Program(LOOPBACK, {}, undefined, [], { stdout: file });
      await Promise.all([toPipe.listening(), toFile.listening()]);
      await Promise.all([ends(toPipe), ends(toFile)]);
      for (const text of [drainPipe(read), readFileSync(path, 'utf8')]) {
        expect(text.trimEnd().split('\n').at(-1)).toContain('"msg":"stopped"');
      }
    },
    TIMEOUT_MS,
  );
});

/** Without a warning. */
const CHECK = ['check-config', '--listen-addr=127.0.0.1:0', '--max-connections=64'];

describe('a command whose output fails', () => {
  const COMMANDS = [['--help'], ['--version'], CHECK, ['token', '--help'], ['token', 'new', 'a']];

  it.each(COMMANDS)(
    '%s %s %s: on a full disk it says so in one line and ends with 1',
    async (...words) => {
      const stdout = opened('/dev/full', 'w');
      const ended = await new Program(words.filter(Boolean), {}, undefined, [], { stdout }).ended;
      expect(ended).toMatchObject({
        code: 1,
        stderr: 'cairn-signal: cannot write to standard output: there is no room\n',
      });
    },
    TIMEOUT_MS,
  );

  it.each([...COMMANDS, ['doctor', 'ws://127.0.0.1:1']])(
    '%s %s %s: when its reader has gone it ends without a word, as with SIGPIPE',
    async (...words) => {
      const { read, write } = pipe();
      closeDescriptor(read);
      const ended = await new Program(words.filter(Boolean), {}, undefined, [], { stdout: write }).ended;
      expect(ended).toMatchObject({ code: 141, stderr: '' });
    },
    TIMEOUT_MS,
  );

  it(
    'waits for a slow reader, and ends at once with a signal',
    async () => {
      const { read, write } = pipe();
      fill(write);
      const slow = new Program(['--help'], {}, undefined, [], { stdout: write });
      let text = '';
      await until(() => {
        text += drainPipe(read);
        return text.includes('Exit codes');
      });
      expect((await slow.ended).code).toBe(0);
      fill(write);
      const stuck = new Program(['--help'], {}, undefined, [], { stdout: write });
      await until(() => listensForSignals(stuck.pid));
      stuck.signal('SIGTERM');
      expect((await stuck.ended).code).toBe(143);
    },
    TIMEOUT_MS,
  );

  it(
    'token new --file says that nobody has seen the token',
    async () => {
      const stdout = opened('/dev/full', 'w');
      const words = ['token', 'new', 'alice', '--file', join(folder, 'tokens')];
      const { code, stderr } = await new Program(words, {}, undefined, [], { stdout }).ended;
      expect([code, stderr]).toEqual([1, expect.stringContaining('remove its line from the file')]);
    },
    TIMEOUT_MS,
  );

  it.each([
    ['a full disk', () => opened('/dev/full', 'w')],
    [
      'a pipe whose reader has gone',
      () => {
        const { read, write } = pipe();
        closeDescriptor(read);
        return write;
      },
    ],
    [
      'a pipe that nobody reads',
      () => {
        const { write } = pipe();
        fill(write);
        return write;
      },
    ],
  ])(
    'keeps its exit code when standard error is %s',
    async (_what, make) => {
      const stderr = make();
      const failed = ['--listen-addr', '203.0.113.1:1'];
      const codes = await Promise.all(
        [['--no-such-flag'], failed, ['doctor'], ['token'], ['healthcheck', '--listen-addr', '127.0.0.1:1']].map(
          async (words) => (await new Program(words, {}, undefined, [], { stderr }).ended).code,
        ),
      );
      expect(codes).toEqual([2, 1, 2, 2, 1]);
    },
    TIMEOUT_MS,
  );
});

/** Whether a process listens for signals: unlike SIGTERM, nothing but the program catches SIGUSR2. */
function listensForSignals(pid: number): boolean {
  const caught = /^SigCgt:\s*([\da-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1];
  return (BigInt(`0x${caught}`) & (1n << BigInt(osConstants.signals.SIGUSR2 - 1))) !== 0n;
}

describe('standard output as a terminal', () => {
  /**
   * Within a terminal of its own, which ends when its master is closed. `script` starts the shell of SHELL, which may
   * stay as a process beside the program, and end by the same Ctrl-C: here it never stays.
   */
  const terminal = ['sh', '-c', 'SHELL=/bin/sh exec script -qefc "exec $*" /dev/null', 'sh'];

  it(
    'Ctrl-C ends in order and skips drain-delay',
    async () => {
      const program = new Program([...LOOPBACK, '--drain-delay', '1h'], {}, undefined, terminal, { stdin: 'pipe' });
      await program.printed(/Ctrl-C stops the server/);
      program.type('\u0003');
      expect((await program.ended).code).toBe(0);
    },
    TIMEOUT_MS,
  );

  it(
    'that is closed ends the server in order',
    async () => {
      const ended = join(folder, 'ended');
      // A shell outlives the terminal, passes the SIGHUP on, and writes the exit code down.
      const shell = join(folder, 'outlives.sh');
      writeFileSync(shell, `"$@" & trap "kill -HUP $!" HUP; wait $!; wait $!; echo $? > ${ended}`);
      const outlives = ['sh', '-c', `SHELL=/bin/sh exec script -qefc "exec sh ${shell} $*" /dev/null`, 'sh'];
      const program = new Program([...LOOPBACK, '--drain-delay', '1h'], {}, undefined, outlives, { stdin: 'pipe' });
      const [, port] = await program.printed(/point peers at ws:[^;]*:(\d+)/);
      const peer = await Peer.connect(`ws://127.0.0.1:${port}`);
      program.signal('SIGKILL');
      expect((await peer.closed).code).toBe(1001);
      await until(() => existsSync(ended) && readFileSync(ended, 'utf8') !== '');
      expect(readFileSync(ended, 'utf8')).toBe('0\n');
    },
    TIMEOUT_MS,
  );

  it.each([
    ['has colours', {}, true],
    ['has none with NO_COLOR', { NO_COLOR: '1' }, false],
    ['has colours with an empty NO_COLOR', { NO_COLOR: '' }, true],
    ['has none when it is dumb', { TERM: 'dumb' }, false],
  ])(
    'the log %s',
    async (_what, environment, colours) => {
      const program = new Program(LOOPBACK, { TERM: 'xterm', NO_COLOR: '', ...environment }, undefined, terminal, {
        stdin: 'pipe',
      });
      await program.printed(/listening on/);
      program.type('\u0003');
      const { stdout } = await program.ended;
      expect(stdout.includes('\u001B[')).toBe(colours);
    },
    TIMEOUT_MS,
  );
});
