/**
 * A token file is written in two steps: by an editor, a slow disk, or a script that appends. Without the defence, the
 * incomplete content is used, and the beginning of a token is a token: it can be short enough to guess. A bundle of
 * certificates or keys is truncated in the same way, and peers that need the rest of it are refused.
 */
import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SystemClock } from '../../src/clock/clock.js';
import { readAgain, readAtStart, SETTLED_MS } from '../../src/config/settled-files.js';
import type { SettingsInput } from '../../src/config/settings.js';
import { HeldClock } from '../support/held-clock.js';
import { Peer } from '../support/peer.js';
import type { PeerOptions } from '../support/peer.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';

const bearer = (token: string): PeerOptions => ({ headers: { Authorization: `Bearer ${token}` } });
const PROGRAM = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** Time that passes for everyone except a sleeper that waits for files to settle, and for the age of files. */
class Clock extends SystemClock {
  readonly #held = new HeldClock();
  readonly #begun = Date.now();

  /** However long a start takes, no file of a test is old by then. */
  override now(): number {
    return this.#begun;
  }

  override sleep(milliseconds: number, over?: AbortSignal): Promise<void> {
    return milliseconds === SETTLED_MS ? this.#held.sleep(milliseconds, over) : super.sleep(milliseconds, over);
  }

  /** A barrier: resolves when somebody begins to wait. */
  looked(): Promise<void> {
    return this.#held.begunToSleep(SETTLED_MS);
  }

  settle(): void {
    this.#held.pass(SETTLED_MS);
  }
}

let folder: string;
let file: string;
let clock: Clock;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cairn-signal-half-'));
  file = join(folder, 'tokens');
  clock = new Clock();
});
afterEach(async () => {
  await stopServers();
  rmSync(folder, { recursive: true });
});

/** Does something once somebody waits for files to settle, and lets that time pass. */
async function afterALook<T>(begin: () => Promise<T>, ...meanwhile: readonly (() => unknown)[]): Promise<T> {
  let looked = clock.looked();
  const begun = begin();
  for (const act of meanwhile) {
    await looked;
    await act();
    looked = clock.looked();
    clock.settle();
  }
  return begun;
}

describe('a token file that is written in two steps', () => {
  const start = (...meanwhile: readonly (() => unknown)[]): Promise<RunningServer> =>
    afterALook(() => startServer({ authTokenFile: file }, 'trace', clock), ...meanwhile);
  const nothing = (): void => undefined;

  it('A1: its beginning is not a token at the start', async () => {
    writeFileSync(file, 'beginning');
    const running = await start(() => appendFileSync(file, '-and-end\n'), nothing);
    expect((await Peer.refused(running.url, bearer('beginning'))).status).toBe(401);
    expect((await Peer.connect(running.url, bearer('beginning-and-end'))).socket.readyState).toBe(1);
  });

  it('A2: its beginning is not a token after a reload: the old tokens work until the file is complete', async () => {
    writeFileSync(file, 'old\n');
    const running = await start(nothing);
    writeFileSync(file, 'beginning');
    await afterALook(
      () => running.server.reload(),
      async () => {
        expect((await Peer.refused(running.url, bearer('beginning'))).status).toBe(401);
        appendFileSync(file, '-and');
      },
      async () => {
        expect((await Peer.refused(running.url, bearer('beginning'))).status).toBe(401);
        expect((await Peer.refused(running.url, bearer('beginning-and'))).status).toBe(401);
        await Peer.connect(running.url, bearer('old'));
        appendFileSync(file, '-end\n');
      },
      nothing,
    );
    for (const token of ['beginning', 'beginning-and', 'old']) {
      expect((await Peer.refused(running.url, bearer(token))).status).toBe(401);
    }
    await Peer.connect(running.url, bearer('beginning-and-end'));
    expect(running.log.filter(({ msg }) => msg.startsWith('reloaded auth-token-file')).length).toBe(1);
  });

  it('A2: with revoke-closes, a connection whose token is not written yet stays', async () => {
    writeFileSync(file, 'one\ntwo\n');
    const running = await afterALook(
      () => startServer({ authTokenFile: file, revokeCloses: 'on' }, 'trace', clock),
      nothing,
    );
    const two = await Peer.connect(running.url, bearer('two'));
    writeFileSync(file, 'one\n');
    await afterALook(
      () => running.server.reload(),
      () => appendFileSync(file, 'two\nthree\n'),
      nothing,
    );
    await two.sync();
    await Peer.connect(running.url, bearer('three'));
    expect(two.socket.readyState).toBe(1);
  });

  it('A1: a last line without a line break is a token, as "echo -n" and Kubernetes write it', async () => {
    writeFileSync(file, 'no-end');
    const running = await start(nothing);
    await Peer.connect(running.url, bearer('no-end'));
    writeFileSync(join(folder, 'beside'), 'no-end-either');
    renameSync(join(folder, 'beside'), file);
    await afterALook(() => running.server.reload(), nothing);
    await Peer.connect(running.url, bearer('no-end-either'));
    expect((await Peer.refused(running.url, bearer('no-end'))).status).toBe(401);
  });
});

describe('a token file for operators that is written in two steps', () => {
  it.each<[name: string, input: (path: string) => SettingsInput, path: string]>([
    ['O7: management-token-file', (managementTokenFile) => ({ managementTokenFile }), '/connections'],
    ['metrics-token-file', (metricsTokenFile) => ({ metricsTokenFile }), '/metrics'],
  ])('%s: its beginning is not a token at the start', async (_name, input, path) => {
    writeFileSync(file, 'beginning');
    const { http, management } = await afterALook(
      () => startServer({ managementAddr: '127.0.0.1:0', ...input(file) }, 'trace', clock),
      () => appendFileSync(file, '-and-end\n'),
      () => undefined,
    );
    const url = (path === '/metrics' ? http : management) + path;
    const statusWith = async (token: string): Promise<number> =>
      (await fetch(url, { headers: { Authorization: `Bearer ${token}` } })).status;
    expect([await statusWith('beginning'), await statusWith('beginning-and-end')]).toEqual([401, 200]);
  });
});

describe('files that settle', () => {
  const over = new AbortController().signal;
  const content = (): string => readFileSync(file, 'utf8');

  it('are read again if they change while they are read', async () => {
    writeFileSync(file, 'first');
    const read: string[] = [];
    const done = await afterALook(
      () =>
        readAgain(
          [file],
          clock,
          () => {
            read.push(content());
            if (read.length === 1) writeFileSync(file, 'other');
            return content();
          },
          over,
        ),
      () => undefined,
      () => undefined,
    );
    expect([done, read]).toEqual([{ read: 'other' }, ['first', 'other']]);
  });

  it('are read immediately at the start if nobody has written to them lately, and a pipe is read only once', async () => {
    writeFileSync(file, 'old');
    expect(
      await readAtStart(
        [file],
        { now: () => Date.now() + 2 * SETTLED_MS, sleep: () => Promise.reject(new Error('nobody sleeps')) },
        content,
      ),
    ).toBe('old');
    let reads = 0;
    expect(
      await readAtStart(
        ['/dev/null'],
        { now: () => Date.now(), sleep: () => Promise.reject(new Error('nobody sleeps')) },
        () => (reads += 1),
      ),
    ).toBe(1);
  });

  it('are a fault at the start if they never settle', async () => {
    writeFileSync(file, '');
    const busy = { now: () => Date.now(), sleep: () => Promise.resolve(appendFileSync(file, 'x')) };
    await expect(readAtStart([file], busy, content)).rejects.toThrow(
      `${JSON.stringify(file)}: kept changing while the server read it`,
    );
  });

  it('may be faulty for a moment', async () => {
    writeFileSync(file, 'half');
    const done = afterALook(
      () =>
        readAgain(
          [file],
          clock,
          () => {
            if (content() === 'whole') return 'read';
            writeFileSync(file, 'whole');
            throw new Error('half of it');
          },
          over,
        ),
      () => undefined,
      () => undefined,
    );
    expect(await done).toEqual({ read: 'read' });
  });

  it('are not waited for once nobody needs them', async () => {
    writeFileSync(file, 'x');
    const ended = new AbortController();
    expect(
      await afterALook(
        () => readAgain([file], clock, content, ended.signal),
        () => ended.abort(),
      ),
    ).toBeUndefined();
  });
});

describe('token new --file', () => {
  /** Runs on a disk that takes 1,024 bytes per file: the system then writes as much of a line as fits. */
  const onFullDisk = (name: string): ReturnType<typeof spawnSync> =>
    spawnSync(
      'bash',
      ['-c', `ulimit -f 1 && exec "$0" "$@"`, process.execPath, PROGRAM, 'token', 'new', name, '--file', file],
      { encoding: 'utf8' },
    );

  it('leaves no partial line behind if the disk is full, and shows no token', () => {
    const before = `${'#'.repeat(1000)}\n`;
    writeFileSync(file, before);
    const { status, stdout, stderr } = onFullDisk('alice');
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toContain('there is no space left for it');
    expect(readFileSync(file, 'utf8')).toBe(before);
  });
});
