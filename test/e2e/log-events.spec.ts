import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { makeCertificates } from '../support/certificates.js';
import { faultOf } from '../support/log-faults.js';
import { describeWithNats, NatsServer } from '../support/nats-server.js';
import { Peer } from '../support/peer.js';
import { endPrograms, Program } from '../support/program.js';
import type { LogLine } from '../support/server.js';
import { eventually } from '../support/until.js';

const SERVE = ['--listen-addr', '127.0.0.1:0', '--drain-timeout', '2s'];
const TRACE = { RUST_LOG: 'trace' };

let folder: string;
const path = (name: string): string => join(folder, name);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cairn-signal-events-'));
});
afterEach(async () => {
  endPrograms();
  await NatsServer.stopAll();
  rmSync(folder, { recursive: true });
});

/** The line of an event, as soon as it is there, `after` so many of them. */
async function logged(program: Program, event: string, after = 0): Promise<LogLine> {
  const lines = (): readonly LogLine[] => linesIn(program.output).filter((line) => line.event === event);
  return (await eventually(lines, (found) => found.length > after)).at(after)!;
}

/** All that a program has printed must be lines of its log, each as the table says. */
function expectOnlyEvents(printed: string): readonly LogLine[] {
  const lines = linesIn(printed);
  for (const line of lines) expect([line, faultOf(line)]).toEqual([line, undefined]);
  return lines;
}

/** Throws for what is not JSON. */
function linesIn(printed: string): LogLine[] {
  const whole = printed.split('\n').slice(0, -1);
  return whole.map((text) => JSON.parse(text) as LogLine);
}

describe('each line of the program is an event of docs/logging.md', () => {
  it('from the start to the end of a drain, with refusals, a signal that does nothing, and tokens that change', async () => {
    writeFileSync(path('tokens'), 's3cret\n');
    const program = new Program([...SERVE, '--auth-token-file', path('tokens'), '--drain-delay', '100ms'], TRACE);
    const url = `ws://127.0.0.1:${await program.port()}`;
    const peer = await Peer.connect(url, { headers: { Authorization: 'Bearer s3cret' } });
    peer.subscribe('t0pic');
    await peer.sync();
    await Peer.refused(url, { headers: { Authorization: 'Bearer wr0ng' } });
    program.signal('SIGUSR2');
    await logged(program, 'signal_ignored');
    writeFileSync(path('tokens'), 's3cret\n0ther\n');
    program.signal('SIGHUP');
    expect(await logged(program, 'reloaded')).toMatchObject({ msg: 'reloaded auth-token-file', added: 1, revoked: 0 });
    rmSync(path('tokens'));
    program.signal('SIGHUP');
    await logged(program, 'reload_failed');
    program.signal('SIGTERM');
    const { code, stdout, stderr } = await program.ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const events = new Set(expectOnlyEvents(stdout).map(({ event }) => event));
    expect([...events]).toEqual(
      expect.arrayContaining([
        'nest_debug',
        'listening',
        'health_at',
        'peer_connected',
        'subscribed',
        'upgrade_refused',
        'signal_ignored',
        'reloaded',
        'reload_failed',
        'stopping',
        'unready',
        'draining',
        'stopped',
      ]),
    );
    for (const secret of ['s3cret', '0ther', 'wr0ng', 't0pic']) expect(stdout).not.toContain(secret);
  });

  it('where settings are wrong, which standard error says in plain text', async () => {
    const { code, stdout, stderr } = await new Program([...SERVE, '--max-connections', 'many'], TRACE).ended;
    expect(code).not.toBe(0);
    expect(expectOnlyEvents(stdout)).toEqual([]);
    expect(stderr).toContain('max-connections');
  });

  it('where settings, RUST_LOG and open files are worth a warning', async () => {
    const environment = { RUST_LOG: 'chatty', CAIRN_SIGNAL_MAX_CONECTIONS: '3' };
    const program = new Program([...SERVE, '--max-connections', '5000'], environment, 1024);
    await program.port();
    program.signal('SIGTERM');
    const lines = expectOnlyEvents((await program.ended).stdout);
    expect(lines.filter(({ event }) => event === 'start_warning')).toHaveLength(2);
    expect(lines).toContainEqual(expect.objectContaining({ event: 'too_few_files', maxConnections: 5000 }));
  });

  it('where a certificate is read again, and where its key is another one', async () => {
    const certificates = await makeCertificates();
    copyFileSync(certificates.chain, path('chain.pem'));
    copyFileSync(certificates.key, path('key.pem'));
    const program = new Program([...SERVE, '--tls-cert', path('chain.pem'), '--tls-key', path('key.pem')], TRACE);
    expect(await program.port()).toBeGreaterThan(0);
    program.signal('SIGHUP');
    const { validTo } = await logged(program, 'reloaded');
    expect(new Date(String(validTo)).toISOString()).toBe(validTo);
    copyFileSync(certificates.otherKey, path('key.pem'));
    program.signal('SIGHUP');
    await logged(program, 'reload_failed');
    certificates.remove();
    program.signal('SIGTERM');
    expectOnlyEvents((await program.ended).stdout);
  });

  it("where Node or an operator's code warns, and where that code ends the server", async () => {
    writeFileSync(
      path('guard.mjs'),
      `export class Guard {
        canActivate() {
          for (let i = 0; i < 5; i++) process.emitWarning('a s3cret', { type: 'DeprecationWarning', code: 'DEP_OLD' });
          setImmediate(() => { throw new TypeError('a s3cret'); });
          return true;
        }
      }`,
    );
    const program = new Program([...SERVE, '--guard', path('guard.mjs')], { RUST_LOG: 'info' });
    const url = `ws://127.0.0.1:${await program.port()}`;
    await Peer.connect(url);
    const { code, stdout, stderr } = await program.ended;
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    const lines = expectOnlyEvents(stdout);
    expect(lines).toContainEqual(
      expect.objectContaining({
        event: 'node_warning',
        error: expect.stringMatching(/^DeprecationWarning at .*guard\.mjs/),
        warningCode: 'DEP_OLD',
      }),
    );
    expect(lines.filter(({ event }) => event === 'node_warning')).toHaveLength(1);
    expect(lines).toContainEqual(
      expect.objectContaining({
        event: 'operator_code_threw',
        error: expect.stringMatching(/^TypeError at/),
      }),
    );
    expect(stdout).not.toContain('s3cret');
  });

  it('and none for what Node warns of with --no-warnings', async () => {
    writeFileSync(
      path('guard.mjs'),
      "process.emitWarning('old'); export class Guard { canActivate() { return true; } }",
    );
    const program = new Program([...SERVE, '--guard', path('guard.mjs')], { NODE_OPTIONS: '--no-warnings' });
    await program.port();
    program.signal('SIGTERM');
    const { stdout, stderr } = await program.ended;
    expect(expectOnlyEvents(stdout).map(({ event }) => event)).not.toContain('node_warning');
    expect(stderr).toBe('');
  });
});

describeWithNats('each line of the program is an event of docs/logging.md, with NATS', () => {
  it('which comes late, goes, and comes back', async () => {
    const nats = await NatsServer.start();
    await nats.kill();
    const program = new Program([...SERVE, '--nats-url', nats.url], TRACE);
    await program.port();
    await logged(program, 'bus_unreached');
    await nats.start();
    expect(await logged(program, 'bus_joined')).toMatchObject({ server: `127.0.0.1:${nats.port}` });
    await nats.kill();
    await logged(program, 'bus_lost');
    await nats.start();
    await logged(program, 'bus_rejoined');
    program.signal('SIGTERM');
    expectOnlyEvents((await program.ended).stdout);
  });
});
