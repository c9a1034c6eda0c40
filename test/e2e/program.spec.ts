import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { VERSION } from '../../src/version.js';
import { makeCertificates } from '../support/certificates.js';
import type { Certificates } from '../support/certificates.js';
import { Peer } from '../support/peer.js';
import { endPrograms, Program } from '../support/program.js';
import { RawConnection } from '../support/raw-http.js';
import { turn } from '../support/turn.js';

const LOOPBACK = ['--listen-addr', '127.0.0.1:0'];

/** Starting the program takes longer than most tests on a busy machine. */
const TIMEOUT_MS = 30_000;

describe('the program', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cairn-signal-'));
  let certificates: Certificates;

  beforeAll(async () => {
    certificates = await makeCertificates();
  });
  afterEach(endPrograms);
  afterAll(() => {
    rmSync(folder, { recursive: true });
    certificates.remove();
  });

  function file(name: string, text: string): string {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  }

  it(
    'serves, prints its port, and ends with 0 on SIGTERM',
    async () => {
      const program = new Program(LOOPBACK);
      const peer = await Peer.connect(`ws://127.0.0.1:${await program.port()}`);
      program.signal('SIGTERM');
      expect(await peer.closed).toMatchObject({ code: 1001 });
      expect(await program.ended).toMatchObject({ code: 0, stderr: '' });
    },
    TIMEOUT_MS,
  );

  it(
    "takes its settings from the reference's environment variables",
    async () => {
      const program = new Program([], {
        CAIRN_SIGNAL_LISTEN_ADDR: '127.0.0.1:0',
        CAIRN_SIGNAL_AUTH_TOKEN: 'a-token',
        CAIRN_SIGNAL_TLS_CERT: certificates.chain,
        CAIRN_SIGNAL_TLS_KEY: certificates.key,
      });
      const url = `wss://127.0.0.1:${await program.port()}`;
      const tls = { ca: certificates.ca, servername: 'localhost' };
      expect((await Peer.refused(url, tls)).status).toBe(401);
      const peer = await Peer.connect(url, { ...tls, headers: { authorization: 'Bearer a-token' } });
      program.signal('SIGINT');
      await peer.closed;
      expect(await program.ended).toMatchObject({ code: 0, stdout: expect.stringContaining('"tls":"on","auth":"on"') });
    },
    TIMEOUT_MS,
  );

  it(
    'a second signal ends it immediately',
    async () => {
      const program = new Program([...LOOPBACK, '--drain-timeout', '1h']);
      await RawConnection.upgraded(await program.port());
      program.signal('SIGINT');
      await program.printed(/"msg":"draining"/);
      // One within half a second of the first says the same.
      const over = new AbortController();
      void program.ended.then(() => over.abort());
      while (!over.signal.aborted) {
        program.signal('SIGINT');
        await turn();
      }
      expect((await program.ended).code).toBe(130);
    },
    TIMEOUT_MS,
  );

  it(
    'a signal that arrives twice, as Ctrl-C does under npm, ends it in order',
    async () => {
      const program = new Program(LOOPBACK);
      const peer = await Peer.connect(`ws://127.0.0.1:${await program.port()}`);
      program.signal('SIGINT');
      program.signal('SIGINT');
      expect([(await peer.closed).code, (await program.ended).code]).toEqual([1001, 0]);
    },
    TIMEOUT_MS,
  );

  it(
    'SIGQUIT ends it in order',
    async () => {
      const program = new Program(LOOPBACK);
      const peer = await Peer.connect(`ws://127.0.0.1:${await program.port()}`);
      program.signal('SIGQUIT');
      expect([(await peer.closed).code, (await program.ended).code]).toEqual([1001, 0]);
    },
    TIMEOUT_MS,
  );

  it(
    'SIGUSR1 opens no debugger, SIGUSR2 and SIGPIPE end nothing, and SIGXFSZ neither',
    async () => {
      const program = new Program(LOOPBACK);
      const port = await program.port();
      for (const signal of ['SIGUSR1', 'SIGPIPE', 'SIGXFSZ', 'SIGUSR2'] as const) program.signal(signal);
      await program.printed(/"signal":"SIGUSR1","msg":"this signal does nothing"/);
      await program.printed(/"signal":"SIGUSR2","msg":"this signal does nothing"/);
      expect((await fetch(`http://127.0.0.1:${port}/health/ready`)).status).toBe(200);
      program.signal('SIGTERM');
      expect(await program.ended).toMatchObject({ code: 0, stderr: '' });
    },
    TIMEOUT_MS,
  );

  it(
    'D1: SIGTERM with nobody connected serves newcomers for drain-delay',
    async () => {
      const program = new Program([...LOOPBACK, '--drain-delay', '1h']);
      const port = await program.port();
      program.signal('SIGTERM');
      await program.printed(/still serving for drain-delay/);
      expect((await fetch(`http://127.0.0.1:${port}/health/ready`)).status).toBe(503);
      expect((await Peer.connect(`ws://127.0.0.1:${port}`)).socket.readyState).toBe(1);
    },
    TIMEOUT_MS,
  );

  it(
    'D1: a start that fails does not wait for drain-delay',
    async () => {
      const holder = createServer().listen(0, '127.0.0.1');
      await once(holder, 'listening');
      const taken = `127.0.0.1:${(holder.address() as AddressInfo).port}`;
      const ended = await new Program([...LOOPBACK, '--management-addr', taken, '--drain-delay', '1h']).ended;
      holder.close();
      expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining('the port is in use') });
    },
    TIMEOUT_MS,
  );

  it('a fault during drain-delay ends the delay', async () => {
    const hook = 'process.on("SIGUSR2", () => { throw new Error("out of order") })';
    const program = new Program([...LOOPBACK, '--drain-delay', '1h'], {
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(hook)}`,
    });
    const peer = await Peer.connect(`ws://127.0.0.1:${await program.port()}`);
    program.signal('SIGTERM');
    await program.printed(/still serving for drain-delay/);
    program.signal('SIGUSR2');
    expect([(await peer.closed).code, (await program.ended).code]).toEqual([1001, 1]);
  });

  it('SIGHUP reads the token file again immediately', async () => {
    const tokens = join(folder, 'hangup-tokens');
    writeFileSync(tokens, 'old');
    const program = new Program(['--listen-addr', '127.0.0.1:0', '--auth-token-file', tokens]);
    const url = `ws://127.0.0.1:${await program.port()}`;
    writeFileSync(tokens, 'new');
    program.signal('SIGHUP');
    await program.printed(/reloaded auth-token-file/);
    const peer = await Peer.connect(url, { headers: { Authorization: 'Bearer new' } });
    program.signal('SIGTERM');
    expect([(await peer.closed).code, (await program.ended).code]).toEqual([1001, 0]);
  });

  it.each([
    ['exception', 'throw new Error("out of order")', 'uncaughtException'],
    ['rejection', 'Promise.reject(new Error("out of order"))', 'unhandledRejection'],
  ])(
    'an uncaught %s is logged once, with its stack; peers are told to come back, and the program ends with 1',
    async (_what, fault, origin) => {
      const hook = `process.on("SIGUSR2", () => { setImmediate(() => { ${fault} }); setImmediate(() => { ${fault} }); })`;
      const program = new Program(['--listen-addr', '127.0.0.1:0', '--drain-delay', '1h'], {
        NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(hook)}`,
      });
      const peer = await Peer.connect(`ws://127.0.0.1:${await program.port()}`);
      program.signal('SIGUSR2');
      expect((await peer.closed).code).toBe(1001);
      const { code, stdout, stderr } = await program.ended;
      const errors = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { level: string })
        .filter(({ level }) => level === 'error');
      expect(errors).toEqual([
        expect.objectContaining({ origin, error: expect.stringMatching(/^Error: out of order\n +at /) }),
      ]);
      expect([code, stderr]).toEqual([1, '']);
    },
  );

  it(
    'a port in use gives one line that says what to do, and exit code 1',
    async () => {
      const holder = createServer().listen(0, '127.0.0.1');
      await once(holder, 'listening');
      const { port } = holder.address() as AddressInfo;
      const ended = await new Program(['--listen-addr', `127.0.0.1:${port}`, '--max-connections', '100']).ended;
      holder.close();
      expect(ended).toMatchObject({ code: 1, stdout: '' });
      expect(ended.stderr).toBe(
        `cairn-signal: cannot listen on 127.0.0.1:${port}: the port is in use; stop the program that uses it, or choose another port: --listen-addr 127.0.0.1:8080\n`,
      );
    },
    TIMEOUT_MS,
  );

  const hasIpv6 = Object.values(networkInterfaces())
    .flat()
    .some((address) => address?.family === 'IPv6' && address.address === '::1');
  (hasIpv6 ? it : it.skip)(
    'listens on an IPv6 address',
    async () => {
      const program = new Program(['--listen-addr=[::1]:0']);
      await program.printed(/listening on ws:\/\/\[::1\]:\d+/);
      program.signal('SIGTERM');
      expect((await program.ended).code).toBe(0);
    },
    TIMEOUT_MS,
  );

  it(
    'listens on a host name',
    async () => {
      const program = new Program(['--listen-addr=localhost:0']);
      await program.port();
      program.signal('SIGTERM');
      expect((await program.ended).code).toBe(0);
    },
    TIMEOUT_MS,
  );

  it(
    'lists all faults together, each with its source, and ends with 2',
    async () => {
      const config = file('faults.yaml', 'maxMessageBytes: 3\nlogFromat: json\n');
      const { code, stdout, stderr } = await new Program(
        ['--config', config, '--lisen-addr', ':1', '--drain-timeout=soon'],
        { CAIRN_SIGNAL_TLS_CERT: '/c', CAIRN_SIGNAL_AUTH_TOKEN: '' },
      ).ended;
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      for (const fault of [
        '6 faults in the configuration',
        '--lisen-addr: there is no such flag (did you mean --listen-addr?)',
        `${config}: maxMessageBytes 3: expected a whole number from 1024 to 67108864`,
        `${config}: logFromat: there is no such setting (did you mean logFormat?)`,
        '--drain-timeout "soon": expected a length of time',
        'CAIRN_SIGNAL_AUTH_TOKEN: an empty token would let nobody in; to serve without a token, leave the setting out',
        'CAIRN_SIGNAL_TLS_CERT is set but tls-key is not',
      ]) {
        expect(stderr).toContain(fault);
      }
    },
    TIMEOUT_MS,
  );

  it(
    'warns about an unknown variable with the nearest name, and about an invalid RUST_LOG',
    async () => {
      const program = new Program([...LOOPBACK, '--max-connections', '100'], {
        CAIRN_SIGNAL_AUTH_TOKENS: 'x',
        CAIRN_SIGNAL_PORT: 'tcp://10.0.0.1:443',
        CAIRN_SIGNAL_SERVICE_HOST: '10.0.0.1',
        RUST_LOG: 'verbose',
      });
      await program.port();
      program.signal('SIGTERM');
      const { stdout } = await program.ended;
      const warnings = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { level: string; msg: string })
        .filter(({ level }) => level === 'warn')
        .map(({ msg }) => msg);
      expect(warnings).toEqual([
        'CAIRN_SIGNAL_AUTH_TOKENS: there is no such setting, so it is ignored (did you mean CAIRN_SIGNAL_AUTH_TOKEN?)',
        'RUST_LOG is not a list of log directives, so the level is info',
      ]);
    },
    TIMEOUT_MS,
  );

  it(
    'RUST_LOG=off is silent',
    async () => {
      const program = new Program(LOOPBACK, { RUST_LOG: 'off', CAIRN_SIGNAL_NO_SUCH: 'x' });
      // It prints nothing. How it takes a signal shows that it serves: with a handler, to the end.
      await program.listening();
      program.signal('SIGTERM');
      expect(await program.ended).toEqual({ code: 0, signal: null, stdout: '', stderr: '' });
    },
    TIMEOUT_MS,
  );

  it(
    'a signal during the start is remembered, and the program ends with 0',
    async () => {
      // Reports when the program begins to listen for signals, which is before it has loaded most of itself.
      const preload = "process.on('newListener', (name) => { if (name === 'SIGTERM') console.log('signals'); });";
      const program = new Program(LOOPBACK, {
        NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(preload)}`,
      });
      await program.printed(/^signals$/m);
      program.signal('SIGTERM');
      expect(await program.ended).toMatchObject({ code: 0, stderr: '' });
    },
    TIMEOUT_MS,
  );

  it.each([
    ['it listens for', ['--listen-addr', '0.0.0.0:0']],
    ['a local proxy may let in', [...LOOPBACK, '--trusted-proxies', '127.0.0.1']],
  ])(
    'warns if it is open and %s other machines',
    async (_what, words) => {
      const program = new Program(words);
      await program.printed(/"level":"warn".*anyone who reaches this address may connect/);
      program.signal('SIGTERM');
      expect((await program.ended).code).toBe(0);
    },
    TIMEOUT_MS,
  );

  it(
    'G1: a guard that Node reads as CommonJS stops the start, and the message says what to do',
    async () => {
      file('package.json', '{"type":"commonjs"}');
      const guard = file('guard.js', 'export class Guard { canActivate() { return true; } }');
      const { code, stderr } = await new Program(['check-config', '--guard', guard]).ended;
      expect(code).toBe(1);
      expect(stderr).toContain('Node reads it as CommonJS: name it .mjs, or set "type": "module" in its package.json');
    },
    TIMEOUT_MS,
  );

  it(
    'an auth-token-file without a token does not open the server',
    async () => {
      const tokens = file('tokens', '# none yet\n\n');
      expect(await new Program([...LOOPBACK, '--auth-token-file', tokens]).ended).toEqual({
        code: 1,
        signal: null,
        stdout: '',
        stderr: `cairn-signal: auth-token-file ${JSON.stringify(tokens)}: there is no token in it\n`,
      });
    },
    TIMEOUT_MS,
  );

  it(
    'help, help doctor, help token, version and -v are understood like the flags',
    async () => {
      const outputs = await Promise.all(
        [
          ['help'],
          ['help', 'doctor'],
          ['doctor', 'help'],
          ['help', 'token'],
          ['token', 'help'],
          ['help', 'nothing'],
          ['check-config', 'help'],
          ['version'],
          ['-v'],
        ].map((words) => new Program(words).ended),
      );
      expect(outputs.map(({ code, stderr }) => [code, stderr])).toEqual(outputs.map(() => [0, '']));
      expect(outputs.map(({ stdout }) => /Usage: .*|^cairn-signal \d.*/.exec(stdout)![0])).toEqual([
        'Usage: cairn-signal [COMMAND] [OPTIONS]',
        'Usage: cairn-signal doctor URL [OPTIONS]',
        'Usage: cairn-signal doctor URL [OPTIONS]',
        'Usage: cairn-signal token new NAME [--file PATH]',
        'Usage: cairn-signal token new NAME [--file PATH]',
        'Usage: cairn-signal [COMMAND] [OPTIONS]',
        'Usage: cairn-signal [COMMAND] [OPTIONS]',
        `cairn-signal ${VERSION}`,
        `cairn-signal ${VERSION}`,
      ]);
    },
    TIMEOUT_MS,
  );

  it(
    '--help and --version print and end with 0',
    async () => {
      const [help, version] = await Promise.all([new Program(['--help']).ended, new Program(['-V']).ended]);
      expect(help).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('--listen-addr HOST:PORT') });
      expect(version).toMatchObject({ code: 0, stdout: `cairn-signal ${VERSION}\n` });
    },
    TIMEOUT_MS,
  );

  it(
    'check-config tells valid settings from faults and from unusable files',
    async () => {
      const check = (args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> =>
        new Program(['check-config', ...args]).ended;
      const [valid, faulty, unusable, noCredentials, jwt, noKey] = await Promise.all([
        check(['--tls-cert', certificates.chain, '--tls-key', certificates.key]),
        check(['--listen-addr', 'nowhere']),
        check(['--tls-cert', certificates.chain, '--tls-key', certificates.otherKey]),
        check(['--nats-url', 'nats.example', '--nats-creds', certificates.garbage]),
        check(['--jwt-issuer', 'https://id.example', '--jwt-audience', 'cairn']),
        check(['--jwt-issuer', 'id', '--jwt-audience', 'cairn', '--jwt-public-key', certificates.garbage]),
      ]);
      expect(noCredentials).toMatchObject({ code: 1, stderr: expect.stringContaining('nats-creds') });
      expect(valid).toMatchObject({ code: 0, stdout: 'the configuration is valid: 0.0.0.0:443, TLS on, auth off\n' });
      expect(jwt).toMatchObject({
        code: 0,
        stdout: 'the configuration is valid: 0.0.0.0:443, TLS off, auth on, JWT on\n',
      });
      expect(noKey).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('jwt-public-key') });
      expect(faulty).toMatchObject({ code: 2, stderr: expect.stringContaining('--listen-addr "nowhere"') });
      expect(unusable).toMatchObject({ code: 1, stderr: expect.stringContaining(certificates.otherKey) });
    },
    TIMEOUT_MS,
  );

  it(
    'check-config names every file at fault at once, and warns of what the server warns of',
    async () => {
      const [none, nowhere] = ['none', 'nowhere'].map((name) => join(folder, name));
      const faulty = await new Program([
        'check-config',
        `--tls-cert=${nowhere}`,
        `--tls-key=${none}`,
        `--auth-token-file=${none}`,
        `--guard=${nowhere}`,
        '--nats-url=nats.example',
        `--nats-creds=${none}`,
      ]).ended;
      const named = (setting: string, path: string): string =>
        `  ${setting} ${JSON.stringify(path)}: there is no such file\n`;
      expect(faulty).toMatchObject({ code: 1, stdout: '' });
      expect(faulty.stderr).toContain('cairn-signal: 5 faults in files and limits\n');
      for (const fault of [
        named('tls-cert', nowhere),
        named('tls-key', none),
        named('auth-token-file', none),
        named('guards', nowhere),
        named('nats-creds', none),
      ]) {
        expect(faulty.stderr.split(fault)).toHaveLength(2);
      }
      const [open, local, handles] = await Promise.all([
        new Program(['check-config', '--max-connections', '10']).ended,
        new Program(['check-config', '--max-connections', '10', ...LOOPBACK]).ended,
        new Program(['check-config', '--max-connections', '5000', ...LOOPBACK], {}, 512).ended,
      ]);
      expect(open).toMatchObject({ code: 0, stderr: expect.stringContaining('anyone who reaches this address') });
      expect(local.stderr).not.toContain('anyone');
      expect(handles).toMatchObject({ code: 0, stderr: expect.stringMatching(/^warning: max-connections .*ulimit/m) });
    },
    TIMEOUT_MS,
  );

  it(
    'a start with a pretty log says which whole URLs to open and to give to peers',
    async () => {
      const plain = new Program([...LOOPBACK, '--log-format', 'pretty']);
      const secure = new Program([
        '--listen-addr=0.0.0.0:0',
        '--log-format=pretty',
        '--check-page=off',
        `--tls-cert=${certificates.chain}`,
        `--tls-key=${certificates.key}`,
      ]);
      const [, page, peers] = await plain.printed(/next: open (\S+) in a browser; point peers at (\S+); Ctrl-C/);
      expect((await fetch(page)).status).toBe(200);
      expect(page).toBe(`${peers.replace('ws', 'http')}/check`);
      await secure.printed(/next: point peers at wss:\/\/localhost:\d+; Ctrl-C/);
    },
    TIMEOUT_MS,
  );

  it(
    'healthcheck finds a TLS server from the same environment, without verifying',
    async () => {
      const environment = { CAIRN_SIGNAL_TLS_CERT: certificates.chain, CAIRN_SIGNAL_TLS_KEY: certificates.key };
      const program = new Program(LOOPBACK, environment);
      const port = await program.port();
      const healthy = await new Program(['healthcheck'], {
        ...environment,
        CAIRN_SIGNAL_LISTEN_ADDR: `0.0.0.0:${port}`,
      }).ended;
      expect(healthy).toEqual({ code: 0, signal: null, stdout: '', stderr: '' });
      program.signal('SIGTERM');
      await program.ended;
      const gone = await new Program(['healthcheck'], { ...environment, CAIRN_SIGNAL_LISTEN_ADDR: `0.0.0.0:${port}` })
        .ended;
      expect(gone).toMatchObject({ code: 1, stderr: expect.stringMatching(/^unhealthy: /) });
    },
    TIMEOUT_MS,
  );
});
