import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { VERSION } from '../../src/version.js';
import { makeCertificates } from '../support/certificates.js';
import type { Certificates } from '../support/certificates.js';
import { diagnose, verdicts } from '../support/diagnosis.js';
import { describeWithNats, NatsServer } from '../support/nats-server.js';
import { Peer } from '../support/peer.js';
import { startProxy, startReference, startWebSockets, stopOddServers, unusedPort } from '../support/odd-servers.js';
import { endPrograms, MAIN, Program } from '../support/program.js';
import type { Ended } from '../support/program.js';
import { startServer, stopServers } from '../support/server.js';
import { until } from '../support/until.js';

/** Starting the program takes longer than most tests on a busy machine. */
const TIMEOUT_MS = 30_000;
const TOKEN = 's3cret-token-of-the-doctor';
const HEALTHY = {
  dns: 'ok',
  tcp: 'ok',
  tls: 'skipped',
  http: 'ok',
  upgrade: 'ok',
  auth: 'ok',
  cbor: 'ok',
  json: 'ok',
  v2: 'ok',
  size: 'ok',
  browser: 'skipped',
  ice: 'skipped',
  idle: 'skipped',
};

describe('the doctor and this server', () => {
  let certificates: Certificates;

  beforeAll(async () => {
    certificates = await makeCertificates();
  });
  afterEach(async () => {
    await stopOddServers();
    await stopServers();
  });
  afterAll(() => certificates.remove());

  const linkLocal = Object.entries(networkInterfaces()).flatMap(([name, addresses]) =>
    (addresses ?? []).filter(({ address }) => address.startsWith('fe80:')).map(({ address }) => [address, name]),
  )[0];
  (linkLocal === undefined ? it.skip : it)('a server on a link-local address is healthy', async () => {
    const [address, name] = linkLocal;
    const { port } = await startServer({ listenAddr: `[${address}%${name}]:0` });
    expect(verdicts(await diagnose(`ws://[${address}%25${name}]:${port}`))).toEqual({ ...HEALTHY, tls: 'warning' });
  });

  it('an open server in plaintext is healthy, and the doctor leaves no connection behind', async () => {
    const { url, connections, topics, log } = await startServer();
    const findings = await diagnose(url);
    expect(verdicts(findings)).toEqual(HEALTHY);
    expect(findings.http.figures).toMatchObject({ name: 'cairn-signal', version: VERSION });
    expect(findings.auth).toMatchObject({
      found: 'no token is needed: everyone who reaches the server may use it',
      figures: { needed: false },
    });
    expect(findings.cbor.figures).toEqual({ roundTripMilliseconds: expect.any(Number) });
    expect(findings.json.figures).toMatchObject({ answered: true, found: true });
    expect(findings.v2.figures).toEqual({
      protocol: 'cairn-signal.v2',
      members: 2,
      to: 1,
      milliseconds: expect.any(Number),
    });
    expect(findings.size).toMatchObject({
      found:
        'messages pass up to 65,536 bytes; beyond: closed with 1009: message over 65536 bytes; the setting is max-message-bytes',
      figures: { bytes: 65_536, exact: true },
    });
    await until(() => connections.size === 0);
    expect(topics.size).toBe(0);
    // A dozen connections: gentle enough for every default limit.
    expect(log.filter(({ msg }) => msg === 'connected').length).toBeLessThanOrEqual(12);
    expect(
      log.filter(({ level }) => level === 'warn' || level === 'error').filter(({ msg }) => !/anyone/.test(msg)),
    ).toEqual([]);
  });

  it('over TLS with the right token there is no problem, also for browsers', async () => {
    const { port } = await startServer({ tlsCert: certificates.chain, tlsKey: certificates.key, authToken: TOKEN });
    const findings = await diagnose(`wss://localhost:${port}`, { token: TOKEN, ca: certificates.ca });
    // The certificates of tests are valid for an hour.
    expect(verdicts(findings)).toEqual({ ...HEALTHY, tls: 'warning', browser: 'ok' });
    expect(findings.auth).toMatchObject({
      found: 'refused without the token, accepted with it',
      figures: { needed: true, accepted: true },
    });
  });

  it('a wrong token is reported after two attempts', async () => {
    const { url } = await startServer({ authToken: 'another', maxWrongTokens: 3, trustedProxies: '10.0.0.0/8' });
    const findings = await diagnose(url, { token: TOKEN });
    expect(verdicts(findings)).toEqual({
      ...HEALTHY,
      auth: 'failed',
      cbor: 'skipped',
      json: 'skipped',
      v2: 'skipped',
      size: 'skipped',
      ice: 'skipped',
    });
    expect(findings.auth).toMatchObject({
      found: expect.stringMatching(/^the token is refused: This server does not know this token\./),
      figures: { needed: true, accepted: false },
    });
    const wrong = { headers: { Authorization: 'Bearer wrong' } };
    expect([(await Peer.refused(url, wrong)).status, (await Peer.refused(url, wrong)).status]).toEqual([401, 429]);
  });

  it('a missing token is reported', async () => {
    const { url } = await startServer({ authToken: TOKEN });
    const { auth, cbor } = await diagnose(url);
    expect(auth).toMatchObject({
      verdict: 'failed',
      found: expect.stringMatching(/^a token is needed, and none was given: This server needs a bearer token\./),
      advice: expect.stringContaining('--token-file'),
    });
    expect(cbor).toMatchObject({ verdict: 'skipped', found: 'not tried, since auth failed' });
  });

  it('O1: the management address is recognised', async () => {
    const { management } = await startServer({ managementAddr: '127.0.0.1:0' });
    const { upgrade } = await diagnose(management.replace('http', 'ws'));
    expect(upgrade).toMatchObject({
      verdict: 'failed',
      advice: 'Use the URL of listen-addr: management-addr does not serve peers.',
    });
  });

  it('a token that the server does not need is a warning', async () => {
    const { url } = await startServer();
    const { auth, browser } = await diagnose(url, { token: TOKEN });
    expect(auth).toMatchObject({
      verdict: 'warning',
      found: expect.stringContaining('open to everyone'),
      figures: { needed: false },
    });
    expect(browser.verdict).toBe('ok');
  });

  it('presence that is off is no fault', async () => {
    const { url } = await startServer({ presence: 'off' });
    expect((await diagnose(url)).v2).toMatchObject({
      verdict: 'ok',
      found: expect.stringContaining('members are told their number, not who they are'),
    });
  });

  it.each([
    ['removes the subprotocols', /^Sec-WebSocket-Protocol:.*\r\n/gim, 'none'],
    ['offers only the first one', /cairn-signal\.v2, ?/g, 'cairn-signal'],
  ])('a proxy that %s is recognised', async (_what, taken, protocol) => {
    const { port } = await startServer();
    const proxy = await startProxy(port, (head) => head.replaceAll(taken, ''));
    expect((await diagnose(`ws://127.0.0.1:${proxy}`)).v2).toMatchObject({
      verdict: 'warning',
      found: expect.stringContaining('the server has cairn-signal.v2, but selects'),
      figures: { protocol },
    });
  });

  it('a proxy that strips the Upgrade header is recognised', async () => {
    const { port } = await startServer();
    const proxy = await startProxy(port, (head) => head.replaceAll(/^(?:Upgrade|Connection):.*\r\n/gim, ''));
    const { http, upgrade } = await diagnose(`ws://127.0.0.1:${proxy}`);
    expect(http.verdict).toBe('ok');
    expect(upgrade).toMatchObject({
      verdict: 'failed',
      found: expect.stringMatching(/^426 instead of 101: This is a WebSocket server, /),
      advice: expect.stringContaining('The proxy strips the Upgrade or Connection header'),
    });
  });

  it('a proxy that strips the Authorization header is not taken for a wrong token', async () => {
    const { port } = await startServer({ authToken: TOKEN });
    const proxy = await startProxy(port, (head) => head.replaceAll(/^Authorization:.*\r\n/gim, ''));
    const { auth } = await diagnose(`ws://127.0.0.1:${proxy}`, { token: TOKEN });
    expect(auth).toMatchObject({
      verdict: 'failed',
      found: 'the token is accepted as a subprotocol, but not in the Authorization header',
      advice: expect.stringContaining('pass on Authorization'),
    });
  });

  it('limits are reported with the setting that changes them', async () => {
    const { url } = await startServer({ maxMessageBytes: 5000, maxTopicBytes: 32, maxTopicsPerConnection: 1 });
    const { cbor, size } = await diagnose(url);
    expect(cbor).toMatchObject({
      verdict: 'failed',
      found: 'the connection was closed with 1008: topic over 32 bytes; the setting is max-topic-bytes',
    });
    expect(size.verdict).toBe('skipped');
  });

  it('a small max-message-bytes is a warning', async () => {
    const { url } = await startServer({ maxMessageBytes: 5000 });
    const { size } = await diagnose(url);
    expect(size).toMatchObject({ verdict: 'warning', figures: { bytes: 5000, exact: true } });
  });

  it('disabled records are a warning', async () => {
    const { url } = await startServer({ records: false });
    const { json } = await diagnose(url);
    expect(json).toMatchObject({ verdict: 'warning', figures: { code: 'records_off' } });
  });

  it('a full server is reported, with its Retry-After', async () => {
    const { url } = await startServer({ maxConnectionsPerIp: 1 });
    const { upgrade, cbor } = await diagnose(url);
    expect(upgrade.verdict).toBe('ok');
    expect(cbor).toMatchObject({
      verdict: 'failed',
      found:
        'a further connection was refused with 429: Too many connections from this address; the setting is max-connections-per-ip.',
      advice: expect.stringContaining('max-connections-per-ip'),
    });
  });

  it('a path that the server does not have still upgrades', async () => {
    const { url } = await startServer();
    const { http, upgrade } = await diagnose(`${url}/signal`);
    expect([http.verdict, http.figures, upgrade.verdict]).toEqual([
      'warning',
      expect.objectContaining({ status: 404 }),
      'ok',
    ]);
  });
});

describeWithNats('the doctor and two nodes behind one name', () => {
  afterEach(async () => {
    await stopServers();
    await NatsServer.stopAll();
  });

  it('count as one if they are joined', async () => {
    const { url: natsUrl } = await NatsServer.start();
    const { port } = await startServer({ natsUrl });
    await startServer({ natsUrl, listenAddr: `127.0.0.2:${port}` });
    const findings = await diagnose(`ws://host.invalid:${port}`, {
      addresses: ['127.0.0.1', '127.0.0.2'],
      only: ['tcp', 'upgrade', 'auth', 'cbor', 'json', 'v2', 'size'],
    });
    const all = Object.keys(findings).map((name) => [name, 'ok']);
    expect(verdicts(findings)).toEqual(Object.fromEntries(all));
    expect(findings.v2.figures).toMatchObject({ members: 2, to: 1 });
  });

  it('are reported if they are not joined', async () => {
    const { port } = await startServer();
    await startServer({ listenAddr: `127.0.0.2:${port}` });
    // Two connections to two servers: what one server publishes is queried at the other.
    const { json } = await diagnose(`ws://host.invalid:${port}`, {
      addresses: ['127.0.0.1', '127.0.0.2'],
      only: ['tcp', 'json'],
    });
    expect(json).toMatchObject({
      verdict: 'failed',
      found: 'one connection does not find what another one published',
    });
  });
});

describe('the program', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cairn-signal-doctor-'));
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const doctor = (...args: string[]): Promise<Ended> => new Program(['doctor', ...args]).ended;

  afterEach(async () => {
    endPrograms();
    await stopServers();
    await stopOddServers();
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it(
    'ends silently when nobody reads its output',
    async () => {
      const { stdout, stderr } = await promisify(execFile)('sh', [
        '-c',
        '"$0" "$1" doctor "$2" | head -n 1',
        process.execPath,
        MAIN,
        `ws://127.0.0.1:${await unusedPort()}`,
      ]);
      expect([stdout, stderr]).toEqual([expect.stringMatching(/^cairn-signal doctor .*\n$/), '']);
    },
    TIMEOUT_MS,
  );

  it(
    'prints a table and ends with 0 when nothing failed',
    async () => {
      const { url } = await startServer({ authToken: TOKEN });
      const { code, stdout, stderr } = await doctor(
        url.replace('ws', 'http'),
        '--token-file',
        file('token', `${TOKEN}\n`),
        '--idle',
        '100ms',
      );
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(/^cairn-signal doctor ws:\/\/127\.0\.0\.1:\d+\/\n\n {2}ok {7}dns {6}an address/);
      expect(stdout).toMatch(/^ {2}ok {7}idle {5}a silent connection lasts 100 ms, without a ping from the server$/m);
      expect(stdout).toMatch(/\nok: 11 ok, 0 warnings, 0 failed, 2 skipped\n$/);
      expect(stdout).not.toContain(TOKEN);
      // No colours and no rewritten lines: the output is not a terminal.
      expect(stdout).not.toContain('\u001B');
    },
    TIMEOUT_MS,
  );

  it(
    'ends with 0 when there are only warnings, and --json prints the same as one object',
    async () => {
      const port = await startReference({ handleProtocols: () => false });
      const { code, stdout, stderr } = await doctor(`ws://127.0.0.1:${port}`, '--token', TOKEN, '--json');
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      const report = JSON.parse(stdout) as { examinations: { name: string; verdict: string }[] };
      expect(report).toMatchObject({ version: 2, url: `ws://127.0.0.1:${port}/`, verdict: 'warning' });
      expect(report.examinations.map(({ name }) => name)).toEqual(Object.keys(HEALTHY));
      expect(stdout).not.toContain(TOKEN);
    },
    TIMEOUT_MS,
  );

  it(
    'ends with 1 when something failed',
    async () => {
      const [plain, json] = await Promise.all([
        doctor(`ws://127.0.0.1:${await unusedPort()}`),
        doctor('wss://signal.invalid', '--json', '--timeout', '20s'),
      ]);
      expect(plain).toMatchObject({ code: 1, stderr: '', stdout: expect.stringContaining('nothing listens there') });
      expect(json).toMatchObject({ code: 1, stderr: '' });
      expect(JSON.parse(json.stdout)).toMatchObject({ verdict: 'failed' });
    },
    TIMEOUT_MS,
  );

  it(
    'a token that a server repeats is not printed',
    async () => {
      const port = await startWebSockets((socket) => socket.on('message', () => socket.close(1008, TOKEN)));
      const { code, stdout, stderr } = await doctor(`ws://127.0.0.1:${port}`, '--token', TOKEN);
      expect(code).toBe(1);
      expect(stdout).toContain('closed with 1008: [token]');
      expect(stdout + stderr).not.toContain(TOKEN);
    },
    TIMEOUT_MS,
  );

  it(
    'lists every fault of the command line, repeats no token, and ends with 2',
    async () => {
      const { code, stdout, stderr } = await doctor(
        `wss://${TOKEN}@host/?token=${TOKEN}`,
        '--tokn',
        TOKEN,
        '--timeout',
        TOKEN,
        '--ca',
        '/nowhere/ca.pem',
      );
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toBe(`cairn-signal doctor: 5 faults on the command line
  --tokn: there is no such flag (did you mean --token?)
  the URL has a user or password: tokens in URLs are not read, because URLs end up in logs; give the token with --token-file or --token
  the URL has a query: tokens in URLs are not read, because URLs end up in logs; give the token with --token-file or --token, and remove the query
  --ca "/nowhere/ca.pem": there is no such file
  --timeout: expected a length of time from 100ms to 5m, such as 500ms, 10s, 5m or 1h
see cairn-signal doctor --help
`);
    },
    TIMEOUT_MS,
  );

  it(
    'ends on a signal, with the code of the signal',
    async () => {
      const { url } = await startServer();
      const program = new Program(['doctor', url, '--idle', '1h']);
      await program.printed(/ browser /);
      program.signal('SIGINT');
      expect((await program.ended).code).toBe(130);
    },
    TIMEOUT_MS,
  );

  it(
    '--help explains the doctor, and the help of the program lists it',
    async () => {
      const [own, all] = await Promise.all([doctor('--help'), new Program(['--help']).ended]);
      expect(own).toMatchObject({
        code: 0,
        stderr: '',
        stdout: expect.stringContaining('Usage: cairn-signal doctor URL'),
      });
      expect(all.stdout).toMatch(/\n {2}doctor +\w/);
    },
    TIMEOUT_MS,
  );
});
