import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { ExecutionContext } from '@nestjs/common';
import { namedTokenLine } from '../../src/auth/named-token.js';
import type { SettingsInput } from '../../src/config/settings.js';
import type { Extensions } from '../../src/extensions.js';
import { IceProvider } from '../../src/ice/ice-provider.js';
import type { IceProviderAnswer } from '../../src/ice/ice-provider.js';
import { compact, makeKey, sign, stopIssuers, TestIssuer } from '../support/issuer.js';
import type { SigningKey } from '../support/issuer.js';
import { closeMounted, mount } from '../support/mounted-application.js';
import { Peer } from '../support/peer.js';
import type { PeerOptions } from '../support/peer.js';
import { endPrograms, Program } from '../support/program.js';
import { exchange, HANDSHAKE, RawConnection } from '../support/raw-http.js';
import { scrape } from '../support/scrape.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';
import { until } from '../support/until.js';
import { V2Peer } from '../support/v2-peer.js';

type Line = Readonly<Record<string, unknown>>;

const bearer = (token: string): PeerOptions => ({ headers: { Authorization: `Bearer ${token}` } });
const WHEN = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

let folder: string;
let key: SigningKey;
let descriptor: number | undefined;
let files = 0;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cairn-signal-audit-'));
  key = await makeKey('key');
});
afterEach(async () => {
  await stopServers();
  await stopIssuers();
  endPrograms();
  if (descriptor !== undefined) closeSync(descriptor);
  descriptor = undefined;
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A server with an audit in a file, and what the audit says once a line for which `last` holds is there. */
async function audited(
  input: SettingsInput = {},
  extensions: Extensions = {},
): Promise<{ running: RunningServer; lines: (last: (line: Line) => boolean) => Promise<Line[]> }> {
  const path = join(folder, `audit-${(files += 1)}`);
  descriptor = openSync(path, 'a');
  const running = await startServer({ audit: `fd:${descriptor}`, ...input }, 'trace', undefined, extensions);
  const all = (): Line[] =>
    readFileSync(path, 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Line);
  return {
    running,
    lines: async (last) => {
      await until(() => all().some(last));
      return all();
    },
  };
}

function cyclic(): object {
  const object: { itself?: object } = {};
  object.itself = object;
  return object;
}

const is =
  (event: string) =>
  (line: Line): boolean =>
    line.event === event;
const because =
  (reason: string) =>
  (line: Line): boolean =>
    line.reason === reason;

describe('the audit', () => {
  it('O8: tells who was told of ICE servers, by the pseudonym that TURN servers log, and no credential', async () => {
    const [tokens, turnSecretFile] = [join(folder, 'tokens-ice'), join(folder, 'turn-secret')];
    writeFileSync(tokens, `${namedTokenLine('alice', 's3cret-a')}\n`);
    writeFileSync(turnSecretFile, 'a-secret-of-thirty-two-characters', { mode: 0o600 });
    const turn = { turnUrls: 'turn:h', turnSecretFile, turnTtl: '10m' };
    const { running, lines } = await audited({ authTokenFile: tokens, ...turn });
    const peer = await V2Peer.connect(running.url, bearer('s3cret-a'));
    const { IceServers } = await peer.answer({ IceServers: {} });
    const { username, credential } = IceServers!.servers[0];
    expect((await fetch(`${running.http}/ice`)).status).toBe(401);
    expect((await fetch(`${running.http}/ice`, bearer('s3cret-a') as RequestInit)).status).toBe(200);
    const all = await lines((line) => line.event === 'ice_issued' && line.connection === undefined);
    const issued = {
      time: WHEN,
      event: 'ice_issued',
      address: '127.0.0.1',
      principal: 'alice',
      ttl: 600,
      pseudonym: username!.split(':')[1],
    };
    expect(all.filter(is('ice_issued'))).toEqual([{ ...issued, connection: 1 }, issued]);
    for (const secret of [username!, credential!]) expect(JSON.stringify(all)).not.toContain(secret);
  });

  it('O8: tells of ICE servers of a provider without what it made up', async () => {
    class Provider extends IceProvider {
      iceServers(): IceProviderAnswer {
        return { iceServers: [{ urls: 'turn:h', username: 'theirs', credential: 's3cret-c' }] };
      }
    }
    const { running, lines } = await audited({ authToken: 's3cret-a' }, { iceProvider: Provider });
    expect((await fetch(`${running.http}/ice`, bearer('s3cret-a') as RequestInit)).status).toBe(200);
    const all = await lines(is('ice_issued'));
    expect(all).toEqual([{ time: WHEN, event: 'ice_issued', address: '127.0.0.1', ttl: expect.any(Number) }]);
    expect(JSON.stringify(all)).not.toMatch(/theirs|s3cret/);
  });

  it('O8: tells who connected and how the connection ended, with what it sent and was sent', async () => {
    const tokens = join(folder, 'tokens');
    writeFileSync(tokens, `${namedTokenLine('alice', 's3cret-a')}\n`);
    const { running, lines } = await audited({ authTokenFile: tokens });
    const alice = await Peer.connect(running.url, { ...bearer('s3cret-a'), protocols: ['cairn-signal'] });
    const other = await Peer.connect(running.url, bearer('s3cret-a'));
    alice.subscribe('topic-1');
    alice.subscribe('topic-2');
    await alice.sync();
    other.relay('topic-1', 'secret payload');
    await other.sync();
    await alice.sync();
    const sent = alice.received[0].length;
    await alice.close();
    const all = await lines(is('disconnected'));
    expect(all.slice(0, 2)).toEqual([
      {
        time: WHEN,
        event: 'connected',
        connection: 1,
        address: '127.0.0.1',
        principal: 'alice',
        proof: 'token',
        protocol: 'cairn-signal',
      },
      { time: WHEN, event: 'connected', connection: 2, address: '127.0.0.1', principal: 'alice', proof: 'token' },
    ]);
    expect(all[2]).toEqual({
      time: WHEN,
      event: 'disconnected',
      connection: 1,
      address: '127.0.0.1',
      principal: 'alice',
      code: 1005,
      by: 'peer',
      seconds: expect.any(Number),
      messagesIn: 2,
      bytesIn: expect.any(Number),
      messagesOut: 1,
      // The head of a short frame has two bytes.
      bytesOut: sent + 2,
      topics: 2,
    });
    expect(JSON.stringify(all)).not.toMatch(/s3cret|topic-|payload/);
  });

  it.each([
    ['the server', 1009, 'server', (peer: Peer): void => peer.send(Buffer.alloc(2000))],
    ['the peer, with a code', 4321, 'peer', (peer: Peer): void => peer.socket.close(4321, 'bye, stranger')],
    ['the network', 1006, 'network', (peer: Peer): void => void peer.tcp.destroy()],
    ['broken framing', 1002, 'server', (peer: Peer): void => void peer.tcp.write(Buffer.from([0xff, 0xff]))],
  ] as const)('O8: says who ended a connection: %s', async (_what, code, by, end) => {
    const { running, lines } = await audited({ maxMessageBytes: 1024 });
    const peer = await Peer.connect(running.url);
    peer.socket.on('error', () => undefined);
    end(peer);
    const [, line] = await lines(is('disconnected'));
    expect(line).toMatchObject({ code, by });
    expect(line.reason !== undefined).toBe(by === 'server');
    expect(JSON.stringify(line)).not.toContain('stranger');
  });

  it('O8: a drain is an end by the server, and its lines are written before the server is gone', async () => {
    const { running, lines } = await audited();
    await Peer.connect(running.url);
    await running.close();
    const all = await lines(is('disconnected'));
    expect(all.at(-1)).toMatchObject({ code: 1001, by: 'server', reason: expect.stringMatching(/^restart; retry in/) });
  });

  it('O8: a connection that the server cuts was ended by the server', async () => {
    const { running, lines } = await audited({ drainTimeout: '0s' });
    const deaf = await RawConnection.upgraded(running.port);
    await running.close();
    expect(await lines(is('disconnected'))).toMatchObject([{}, { by: 'server' }]);
    await deaf.ended;
  });

  it.each([
    ['nothing', {}, { reason: 'token_missing', status: 401 }],
    ['a wrong token', { Authorization: 'Bearer guess-me' }, { reason: 'token_wrong', status: 401 }],
    ['a web page', { Origin: 'https://evil.example' }, { reason: 'origin', status: 403 }],
  ])('O8: tells of a refusal: %s', async (_what, headers, told) => {
    const { running, lines } = await audited({ authToken: 's3cret', allowedOrigins: 'https://good.example' });
    await Peer.refused(running.url, { headers });
    expect(await lines(is('refused'))).toEqual([{ time: WHEN, event: 'refused', address: '127.0.0.1', ...told }]);
  });

  it.each([
    ['not HTTP', 'hello\r\n\r\n', 'not_http'],
    ['a malformed handshake', HANDSHAKE.replace('Version: 13', 'Version: 7'), 'malformed'],
    ['a PROXY header', `PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n${HANDSHAKE}`, 'proxy_header'],
    ['two hosts', HANDSHAKE.replace('Host: localhost', 'Host: a\r\nHost: b'), 'malformed'],
    ['too many headers', `GET / HTTP/1.1\r\nHost: a\r\n${'A: b\r\n'.repeat(200)}\r\n`, 'headers'],
    ['CONNECT', 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n', 'malformed'],
  ])('O8: tells of what is refused before it is an upgrade: %s', async (_what, request, reason) => {
    const { running, lines } = await audited();
    await exchange(running.port, request);
    const line = (await lines(because(reason))).find(because(reason));
    expect(line).toMatchObject({ event: 'refused', address: '127.0.0.1' });
  });

  it('O8: a refusal of the connection check is one, too', async () => {
    const { running, lines } = await audited({ authToken: 's3cret' });
    await fetch(`${running.http}/check/auth`);
    expect(await lines(is('refused'))).toMatchObject([{ reason: 'token_missing' }]);
  });

  it('O8: names the token of somebody whom a guard refused', async () => {
    class Never {
      canActivate(_context: ExecutionContext): boolean {
        return false;
      }
    }
    const tokens = join(folder, 'tokens-of-bob');
    writeFileSync(tokens, `${namedTokenLine('bob', 's3cret-b')}\n`);
    const { running, lines } = await audited({ authTokenFile: tokens }, { guards: [Never] });
    await Peer.refused(running.url, bearer('s3cret-b'));
    const told = { principal: 'bob', proof: 'token', reason: 'guard', status: 403 };
    expect(await lines(is('refused'))).toMatchObject([told]);
    expect(running.log.filter(({ msg }) => msg === 'refused an upgrade')).toMatchObject([
      { principal: 'bob', reason: 'guard' },
    ]);
  });

  it.each([
    ['a big integer', 1n],
    ['an object that holds itself', cyclic()],
    ['a line break', 'a\nb'],
  ])('O8: a guard that sets %s as the principal breaks no line', async (_what, principal) => {
    class Odd {
      canActivate(context: ExecutionContext): boolean {
        Object.assign(context.switchToHttp().getRequest<object>(), { principal });
        return true;
      }
    }
    const { running, lines } = await audited({}, { guards: [Odd] });
    await Peer.refused(running.url);
    expect(await lines(is('refused'))).toMatchObject([{ reason: 'guard_nonsense', status: 503 }]);
  });

  it('O8: without an audit, nothing is counted of a connection', async () => {
    const running = await startServer();
    await Peer.connect(running.url);
    expect([...running.connections][0].tally).toBeUndefined();
  });
});

describe('the issuer of a refused JWT', () => {
  const soon = (): number => Math.floor(Date.now() / 1000) + 60;
  const TENANT = '8eaef023-2b34-4da1-9baa-8bc8c9d6a490';
  const DOMAIN = 'spiffe://example.org';

  async function refusedWith(
    token: (issuer: TestIssuer) => Promise<string> | string,
  ): Promise<{ line: Line; log: Line }> {
    const issuer = await TestIssuer.start();
    issuer.keys = [key.jwk];
    const bundle = join(folder, 'bundle.json');
    writeFileSync(bundle, JSON.stringify({ keys: [{ ...key.jwk, use: 'jwt-svid' }] }));
    const { running, lines } = await audited({
      jwtIssuer: [issuer.name, `${issuer.name}/{tenantid}`, DOMAIN],
      jwtTenant: [`${issuer.name}/{tenantid} ${TENANT}`],
      jwtJwksUrl: [issuer.name, `${issuer.name}/{tenantid}`].map((name) => `${name} ${issuer.keysUrl}`),
      jwtPublicKey: [`${DOMAIN} ${bundle}`],
      jwtAudience: 'cairn',
      jwtRequireClaim: 'role=peer',
    });
    await Peer.refused(running.url, bearer(await token(issuer)));
    const [line] = await lines(is('refused'));
    const named = (issuerNamed: unknown): unknown =>
      typeof issuerNamed === 'string' ? issuerNamed.replace(issuer.name, 'the issuer') : issuerNamed;
    const log = running.log.find(({ msg }) => msg === 'refused an upgrade')!;
    return { line: { ...line, issuer: named(line.issuer) }, log: { ...log, issuer: named(log.issuer) } };
  }

  it.each([
    [
      'proved: it has expired',
      (issuer: TestIssuer) => sign(key, { iss: issuer.name, aud: 'cairn', sub: 'a', exp: soon() - 3600 }),
      { reason: 'token_expired', issuer: 'the issuer', claimed: undefined },
    ],
    [
      'proved: it is for another service',
      (issuer: TestIssuer) => sign(key, { iss: issuer.name, aud: 'other', sub: 'a', exp: soon() }),
      { reason: 'token_audience', issuer: 'the issuer', claimed: undefined },
    ],
    [
      'proved: it lacks a claim',
      (issuer: TestIssuer) => sign(key, { iss: issuer.name, aud: 'cairn', sub: 'a', exp: soon() }),
      { reason: 'token_claim', issuer: 'the issuer', claimed: undefined },
    ],
    [
      'proved: it is a logout token',
      (issuer: TestIssuer) =>
        sign(key, { iss: issuer.name, aud: 'cairn', sub: 'a', exp: soon() }, { typ: 'logout+jwt' }),
      { reason: 'token_type', issuer: 'the issuer', claimed: undefined },
    ],
    [
      'proved: its times are none',
      (issuer: TestIssuer) => sign(key, { iss: issuer.name, aud: 'cairn', sub: 'a', exp: soon() * 1000 }),
      { reason: 'token_malformed', issuer: 'the issuer', claimed: undefined },
    ],
    [
      'proved: its limits are none',
      (issuer: TestIssuer) =>
        sign(key, { iss: issuer.name, aud: 'cairn', sub: 'a', exp: soon(), role: 'peer', limits: 3 }),
      { reason: 'token_malformed', issuer: 'the issuer', claimed: undefined },
    ],
    [
      'proved: it is one of a tenant',
      (issuer: TestIssuer) =>
        sign(key, { iss: `${issuer.name}/${TENANT}`, tid: TENANT, aud: 'other', sub: 'a', exp: soon() }),
      { reason: 'token_audience', issuer: `the issuer/${TENANT}`, claimed: undefined },
    ],
    [
      'proved: it is an SVID, which has no iss',
      () => sign(key, { aud: 'other', sub: `${DOMAIN}/a`, exp: soon() }),
      { reason: 'token_audience', issuer: DOMAIN, claimed: undefined },
    ],
    [
      'claimed: it is an SVID whose signature is wrong',
      () => compact({ alg: 'ES256', kid: 'key' }, { aud: 'cairn', sub: `${DOMAIN}/a`, exp: soon() }, 'x'.repeat(64)),
      { reason: 'token_signature', issuer: DOMAIN, claimed: true },
    ],
    [
      'claimed: the signature is wrong',
      (issuer: TestIssuer) =>
        compact(
          { alg: 'ES256', kid: 'key' },
          { iss: issuer.name, aud: 'cairn', sub: 'a', exp: soon() },
          'x'.repeat(64),
        ),
      { reason: 'token_signature', issuer: 'the issuer', claimed: true },
    ],
    [
      "not told: it is a stranger's text",
      () => compact({ alg: 'ES256' }, { iss: 'https://evil.example/"\n', aud: 'cairn', sub: 'a', exp: soon() }, 'x'),
      { reason: 'token_issuer', issuer: undefined, claimed: undefined },
    ],
    [
      'not told: there are no claims to read',
      () => compact({ alg: 'ES256' }, 'null', 'x'),
      { reason: 'token_malformed', issuer: undefined, claimed: undefined },
    ],
  ])('A9: is in the audit and in the log, %s', async (_what, token, told) => {
    const { line, log } = await refusedWith(token);
    for (const { reason, issuer, claimed } of [line, log]) expect({ reason, issuer, claimed }).toEqual(told);
    expect(JSON.stringify([line, log])).not.toContain('evil');
  });
});

describe('in an application that embeds the server', () => {
  afterEach(closeMounted);

  it('O8: it is the same', async () => {
    const path = join(folder, 'embedded');
    descriptor = openSync(path, 'a');
    const { url } = await mount({ settings: { audit: `fd:${descriptor}`, authToken: 's3cret' } });
    await Peer.refused(url);
    await (await Peer.connect(url, bearer('s3cret'))).close();
    await until(() => readFileSync(path, 'utf8').includes('"event":"disconnected"'));
    const lines = readFileSync(path, 'utf8').trim().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as Line).event)).toEqual(['refused', 'connected', 'disconnected']);
  });
});

describe('where the audit goes', () => {
  it('O8: standard output, as JSON, whatever RUST_LOG and log-format are', async () => {
    const program = new Program(['--listen-addr', '127.0.0.1:0', '--audit', 'on', '--log-format', 'pretty'], {
      RUST_LOG: 'cairn_signal::server=info',
    });
    const [, port] = await program.printed(/listening on ws:\/\/127\.0\.0\.1:(\d+)/);
    const peer = await Peer.connect(`ws://127.0.0.1:${port}`);
    await peer.close();
    await program.printed(/^\{.*"event":"disconnected".*\}$/m);
    program.signal('SIGTERM');
    const { stdout } = await program.ended;
    const events = stdout.split('\n').filter((line) => line.startsWith('{'));
    expect(events.map((line) => (JSON.parse(line) as Line).event)).toEqual(['connected', 'disconnected']);
  });

  it.each([
    ['fd:3', 'audit fd:3: this file descriptor is not open'],
    ['fd:900', 'audit fd:900: this file descriptor is not open for writing'],
  ])('O8: %s is refused at the start where nobody passed it on', async (audit, fault) => {
    const program = new Program(['--listen-addr', '127.0.0.1:0', '--audit', audit]);
    const { code, stderr } = await program.ended;
    expect(code).toBe(1);
    expect(stderr).toContain(fault);
  });

  it('O8: lines that are not taken are dropped and counted, and nobody waits for them', async () => {
    descriptor = openSync('/dev/full', 'a');
    const running = await startServer({ audit: `fd:${descriptor}`, managementAddr: '127.0.0.1:0' });
    const peer = await Peer.connect(running.url);
    const lines = async (result: string): Promise<number | undefined> =>
      (await scrape(`${running.management}/metrics`)).get(`cairn_signal_audit_lines_total{result="${result}"}`);
    await until(async () => (await lines('dropped')) === 1);
    expect(await lines('written')).toBe(0);
    await peer.close();
  });

  it('O8: a pipe that nobody reads any more takes nothing down', async () => {
    const script = 'exec 3> >(exec true); exec "$@"';
    const program = new Program(['--listen-addr', '127.0.0.1:0', '--audit', 'fd:3'], {}, undefined, [
      'bash',
      '-c',
      script,
      'bash',
    ]);
    const port = await program.port();
    for (let i = 0; i < 3; i++) await (await Peer.connect(`ws://127.0.0.1:${port}`)).close();
    program.signal('SIGTERM');
    expect((await program.ended).code).toBe(0);
  });
});
