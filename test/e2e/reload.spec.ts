import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { SettingsInput } from '../../src/config/settings.js';
import { makeCertificates } from '../support/certificates.js';
import type { Certificates } from '../support/certificates.js';
import { Peer, settle } from '../support/peer.js';
import type { PeerOptions } from '../support/peer.js';
import { SettlingClock } from '../support/settling-clock.js';
import { startServer, stopServers } from '../support/server.js';
import type { LogLine, RunningServer } from '../support/server.js';
import { eventually } from '../support/until.js';

const bearer = (token: string): PeerOptions => ({ headers: { Authorization: `Bearer ${token}` } });

const start = (input: SettingsInput = {}): Promise<RunningServer> => startServer(input, 'trace', new SettlingClock());

/** The first line after `from` that begins so, as soon as it is there. */
async function logged(running: RunningServer, beginning: string, from = 0): Promise<LogLine> {
  const line = await eventually(
    () => running.log.slice(from).find(({ msg }) => msg.startsWith(beginning)),
    (found) => found !== undefined,
  );
  return line!;
}

let folder: string;
let path: (name: string) => string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cairn-signal-reload-'));
  path = (name) => join(folder, name);
});
afterEach(async () => {
  await stopServers();
  rmSync(folder, { recursive: true });
});

describe('auth-token-file', () => {
  const READ = 'reloaded auth-token-file';

  it('is read again when it changes: new tokens open the server, removed ones do not, and connections stay', async () => {
    writeFileSync(path('tokens'), 'old\nboth\n');
    const running = await start({ authTokenFile: path('tokens') });
    const [old, both] = [
      await Peer.connect(running.url, bearer('old')),
      await Peer.connect(running.url, bearer('both')),
    ];
    writeFileSync(path('tokens'), 'both\nnew\n');
    expect(await logged(running, READ)).toMatchObject({ added: 1, revoked: 1 });

    await Peer.connect(running.url, bearer('new'));
    await Peer.connect(running.url, bearer('both'));
    expect((await Peer.refused(running.url, bearer('old'))).status).toBe(401);
    both.subscribe('t');
    await both.sync();
    const message = old.relay('t', 'still here');
    expect(await both.next()).toEqual(message);
    expect(JSON.stringify(running.log)).not.toMatch(/"(?:old|both|new)"/);
  });

  it('warns at the start, and again when it is read, of lines that are almost surely not meant', async () => {
    writeFileSync(path('tokens'), '"quoted-one"\n');
    const running = await start({ authTokenFile: path('tokens') });
    const warnings = (): string[] => running.log.filter(({ level }) => level === 'warn').map(({ msg }) => msg);
    expect(warnings()).toEqual([expect.stringMatching(/^auth-token-file .*, line 1: the quotes are a part/)]);
    writeFileSync(path('tokens'), 'good-one\nTOKEN=other-one\n');
    await logged(running, READ);
    expect(warnings()[1]).toMatch(/, line 2: it looks like NAME=VALUE/);
    expect(JSON.stringify(running.log)).not.toMatch(/quoted-one|other-one/);
  });

  it('4001: with revoke-closes on, connections with removed tokens are closed, and no others', async () => {
    writeFileSync(path('tokens'), 'old\nboth\n');
    const running = await start({ authTokenFile: path('tokens'), authToken: 'flag', revokeCloses: 'on' });
    const [old, both, flag] = await Promise.all(
      ['old', 'both', 'flag'].map((token) => Peer.connect(running.url, bearer(token))),
    );
    writeFileSync(path('tokens'), 'both\n');
    expect(await old.closed).toEqual({ code: 4001, reason: 'token revoked; come back with a new one' });
    await settle([both, flag], []);
  });

  it.each([
    ['empty', '', 'there is no token in it'],
    ['unusable', 'a\u0007b\n', 'line 1: a token consists of visible ASCII characters only'],
    ['gone', undefined, 'there is no such file'],
  ])(
    'that became %s keeps the old tokens, with an error line; a valid file after it is used',
    async (_what, content, why) => {
      writeFileSync(path('tokens'), 's3cret\n');
      const running = await start({ authTokenFile: path('tokens'), revokeCloses: 'on' });
      const peer = await Peer.connect(running.url, bearer('s3cret'));
      if (content === undefined) rmSync(path('tokens'));
      else writeFileSync(path('tokens'), content);
      const line = await logged(running, 'auth-token-file');
      expect([line.level, line.msg]).toEqual(['error', expect.stringMatching(`${why}: keeping the current tokens$`)]);
      await Peer.connect(running.url, bearer('s3cret'));
      expect((await Peer.refused(running.url)).status).toBe(401);
      await peer.sync();

      writeFileSync(path('tokens'), 'better\n');
      await logged(running, READ);
      await Peer.connect(running.url, bearer('better'));
      expect((await peer.closed).code).toBe(4001);
    },
  );

  it('that became a pipe is not waited for', async () => {
    writeFileSync(path('tokens'), 's3cret\n');
    const running = await start({ authTokenFile: path('tokens') });
    rmSync(path('tokens'));
    execFileSync('mkfifo', [path('tokens')]);
    void running.server.reload();
    expect((await logged(running, 'auth-token-file')).msg).toMatch(
      /it is not a regular file, so it cannot be read again: keeping the current tokens$/,
    );
    await Peer.connect(running.url, bearer('s3cret'));
  });

  it('is read again on request', async () => {
    writeFileSync(path('tokens'), 'old\n');
    const running = await start({ authTokenFile: path('tokens') });
    writeFileSync(path('tokens'), 'new\n');
    await running.server.reload();
    await Peer.connect(running.url, bearer('new'));
    expect((await Peer.refused(running.url, bearer('old'))).status).toBe(401);
  });

  it('behind the symbolic links of Kubernetes is read again when they are swapped', async () => {
    const put = (version: string, content: string): void => {
      mkdirSync(path(version));
      writeFileSync(join(path(version), 'tokens'), content);
      symlinkSync(version, path('..data_tmp'));
      renameSync(path('..data_tmp'), path('..data'));
    };
    put('..1', 'old\n');
    symlinkSync('..data/tokens', path('tokens'));
    const running = await start({ authTokenFile: path('tokens') });
    put('..2', 'new\n');
    await logged(running, READ);
    await Peer.connect(running.url, bearer('new'));
    expect((await Peer.refused(running.url, bearer('old'))).status).toBe(401);
  });

  it('with nothing to reload, a request says so', async () => {
    const running = await start();
    void running.server.reload();
    await logged(running, 'nothing to reload');
    expect((await Peer.connect(running.url)).socket.readyState).toBe(1);
  });
});

describe('certificate and key', () => {
  let first: Certificates;
  let second: Certificates;

  beforeAll(async () => {
    [first, second] = await Promise.all([makeCertificates(), makeCertificates()]);
  });
  afterAll(() => {
    first.remove();
    second.remove();
  });
  beforeEach(() => install(first));

  function install({ chain, key }: { chain: string; key: string }): void {
    copyFileSync(chain, path('cert.pem'));
    copyFileSync(key, path('key.pem'));
  }

  const startTls = (): Promise<RunningServer> => start({ tlsCert: path('cert.pem'), tlsKey: path('key.pem') });
  const trusting = ({ ca }: Certificates): PeerOptions => ({ ca, servername: 'localhost' });

  it('are read again when they change: newcomers see the new one, connections live on', async () => {
    const running = await startTls();
    const before = await Peer.connect(running.url, trusting(first));
    install(second);
    expect(await logged(running, 'reloaded certificate and key')).toMatchObject({
      level: 'info',
      validTo: expect.stringMatching(/Z$/),
    });
    await expect(Peer.connect(running.url, trusting(first))).rejects.toThrow(
      /unable to (verify|get)|self-signed|signature/,
    );
    const after = await Peer.connect(running.url, trusting(second));
    await settle([before, after], []);
  });

  it.each([
    [
      'a key that is not its own',
      (): void => copyFileSync(first.otherKey, path('key.pem')),
      'does not belong to the certificate',
    ],
    ['a certificate that is none', (): void => copyFileSync(first.garbage, path('cert.pem')), 'not a PEM certificate'],
    ['no key at all', (): void => rmSync(path('key.pem')), 'there is no such file'],
  ])('with %s, the old pair stays, with an error line', async (_what, spoil, why) => {
    const running = await startTls();
    spoil();
    const line = await logged(running, 'tls-');
    expect([line.level, line.msg]).toEqual([
      'error',
      expect.stringMatching(`${why}.*: keeping the current certificate$`),
    ]);
    await Peer.connect(running.url, trusting(first));
    const fixed = running.log.length;
    install(second);
    await logged(running, 'reloaded certificate and key', fixed);
    expect((await Peer.connect(running.url, trusting(second))).socket.readyState).toBe(1);
  });

  it('still speak TLS 1.2 and 1.3 only', async () => {
    const running = await startTls();
    install(second);
    await logged(running, 'reloaded certificate and key');
    const old = connect({
      port: running.port,
      host: '127.0.0.1',
      rejectUnauthorized: false,
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    });
    await expect(
      new Promise((resolve, reject) => old.once('secureConnect', resolve).once('error', reject)),
    ).rejects.toThrow(/protocol|alert|unsupported/i);
  });
});
