import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:tls';
import type { ConnectionOptions, Server, TLSSocket } from 'node:tls';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { SettingsInput } from '../../src/config/settings.js';
import type { Extensions } from '../../src/extensions.js';
import { CertificateExpiry } from '../../src/metrics/certificate-expiry.js';
import { RefusalCounts } from '../../src/metrics/refusal-counts.js';
import { KeyUsageFlags, TestAuthority } from '../support/authority.js';
import type { Shown } from '../support/authority.js';
import { makeCertificates } from '../support/certificates.js';
import type { Certificates } from '../support/certificates.js';
import { makeKey, sign } from '../support/issuer.js';
import type { SigningKey } from '../support/issuer.js';
import { Peer } from '../support/peer.js';
import type { PeerOptions } from '../support/peer.js';
import { endPrograms, Program } from '../support/program.js';
import { SettlingClock } from '../support/settling-clock.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';
import { until } from '../support/until.js';

const HOUR_MS = 3_600_000;

/** A wall clock that a test sets forward. */
class ForwardClock extends SettlingClock {
  forward = 0;

  override now(): number {
    return super.now() + this.forward;
  }
}

let server: Certificates;
let root: TestAuthority;
let issuing: TestAuthority;
let other: TestAuthority;
let alice: Shown;
let bob: Shown;
const folder = mkdtempSync(join(tmpdir(), 'cairn-signal-ends-'));
const tlsClientCa = join(folder, 'authorities.pem');
const tlsClientCrl = join(folder, 'lists.crl');

beforeAll(async () => {
  [server, root, other] = await Promise.all([
    makeCertificates(),
    TestAuthority.make('root'),
    TestAuthority.make('other'),
  ]);
  issuing = await TestAuthority.make('issuing', { above: root });
  [alice, bob] = await Promise.all([issuing.issue({ subject: 'CN=alice' }), other.issue({ subject: 'CN=bob' })]);
  // With the chain, as peers show it.
  alice = { ...alice, cert: alice.cert + issuing.certificate };
});
afterEach(async () => {
  endPrograms();
  await stopServers();
});
afterAll(() => {
  server.remove();
  rmSync(folder, { recursive: true });
});

let clock: ForwardClock;
function start(input: SettingsInput = {}, guards: Extensions['guards'] = []): Promise<RunningServer> {
  clock = new ForwardClock();
  const settings = { tlsCert: server.chain, tlsKey: server.key, tlsClientCa, ...input };
  return startServer(settings, 'trace', clock, { guards });
}

/** A guard that answers when a test says so. */
class SlowGuard {
  static answer: () => Promise<boolean>;

  canActivate(): Promise<boolean> {
    return SlowGuard.answer();
  }
}
const trust = (...all: readonly TestAuthority[]): void =>
  writeFileSync(tlsClientCa, all.map(({ certificate }) => certificate).join(''));
const showing = (shown: Shown): PeerOptions => ({ ca: server.ca, ...shown });
const refused = async (running: RunningServer, shown: Shown): Promise<[number, string]> => {
  const { status, body } = await Peer.refused(running.url, showing(shown));
  return [status, body.trim()];
};
const EXPIRED = { code: 4001, reason: 'certificate expired; come back with a new one' };
const REVOKED = { code: 4001, reason: 'certificate revoked; come back with a new one' };
const isOpen = ({ socket }: Peer): boolean => socket.readyState === socket.OPEN;

describe('the end of a client certificate', () => {
  it('A15: closes its connection with 4001, and opens none on a TLS connection from before', async () => {
    trust(root, other);
    const running = await start();
    const short = await other.issue({ subject: 'CN=short', expiresIn: HOUR_MS / 2 });
    const [ends, stays] = await Promise.all([short, bob].map((shown) => Peer.connect(running.url, showing(shown))));
    const tls = await handshake(running, short);
    clock.forward = HOUR_MS / 2;
    expect(await ends.closed).toEqual(EXPIRED);
    expect(isOpen(stays)).toBe(true);
    expect(await upgradeOn(tls)).toMatch(/^HTTP\/1\.1 403 .*This client certificate has expired\./s);
  });

  it('A15: is also that of the authority above it', async () => {
    const short = await TestAuthority.make('short', { expiresIn: HOUR_MS / 2 });
    trust(short);
    const running = await start();
    const peer = await Peer.connect(running.url, showing(await short.issue({ subject: 'CN=a' })));
    clock.forward = HOUR_MS / 2;
    expect(await peer.closed).toEqual(EXPIRED);
  });

  it('A15: closes nothing with tls-client-expiry-closes off', async () => {
    trust(root, issuing, other);
    writeFileSync(tlsClientCrl, await other.list());
    const running = await start({ tlsClientCrl, tlsClientExpiryCloses: 'off' });
    const peers = await Promise.all([alice, bob].map((shown) => Peer.connect(running.url, showing(shown))));
    trust(other);
    writeFileSync(tlsClientCrl, await other.list({ revoked: [bob] }));
    await running.server.reload();
    expect(await refused(running, bob)).toEqual([403, 'This client certificate was revoked.']);
    await Promise.all(peers.map((peer) => peer.sync()));
  });

  describe('beside a token', () => {
    const iss = 'https://id.example.com';
    let key: SigningKey;
    beforeAll(async () => void (key = await makeKey('one')));

    it.each([
      [
        'the token is taken out of auth-token-file',
        '',
        { code: 4001, reason: 'token revoked; come back with a new one' },
      ],
      ['the certificate is revoked', 's3cret\n', REVOKED],
    ])('A15: the connection ends when %s', async (_what, tokens, closed) => {
      trust(other);
      const authTokenFile = join(folder, 'tokens');
      writeFileSync(authTokenFile, 's3cret\n');
      writeFileSync(tlsClientCrl, await other.list());
      const running = await start({ authTokenFile, revokeCloses: 'on', tlsClientCrl });
      const peer = await Peer.connect(running.url, { ...showing(bob), headers: { Authorization: 'Bearer s3cret' } });
      const [{ credential, principal }] = [...running.connections];
      expect([credential?.proof.kind, principal]).toEqual(['token', 'bob']);
      writeFileSync(authTokenFile, `${tokens}another\n`);
      if (closed === REVOKED) writeFileSync(tlsClientCrl, await other.list({ revoked: [bob] }));
      await running.server.reload();
      expect(await peer.closed).toEqual(closed);
    });

    it.each([
      ['the certificate, if that expires first', HOUR_MS / 2, 45 * 60, EXPIRED],
      ['the token, if that does', HOUR_MS, 30 * 60, { code: 4001, reason: 'token expired; come back with a new one' }],
    ])('A15: the connection ends with %s', async (_what, expiresIn, seconds, closed) => {
      trust(other);
      const jwtPublicKey = join(folder, 'issuer.pem');
      writeFileSync(jwtPublicKey, key.pem);
      const running = await start({ jwtIssuer: iss, jwtAudience: 'cairn', jwtPublicKey });
      const shown = await other.issue({ subject: 'CN=bob', expiresIn });
      const exp = Math.floor(Date.now() / 1000) + seconds;
      const token = await sign(key, { iss, aud: 'cairn', sub: 'bob', exp });
      const peer = await Peer.connect(running.url, {
        ...showing(shown),
        headers: { Authorization: `Bearer ${token}` },
      });
      const [{ credential, principal }] = [...running.connections];
      expect([credential?.proof.kind, principal]).toEqual(['jwt', `${iss}|bob`]);
      clock.forward = HOUR_MS / 2 + 10_000;
      expect(await peer.closed).toEqual(closed);
    });
  });
});

describe('an authority that is taken out of tls-client-ca', () => {
  it('A15: ends the connections of its certificates, and no others', async () => {
    trust(root, other);
    const running = await start();
    const [gone, stays] = await Promise.all([alice, bob].map((shown) => Peer.connect(running.url, showing(shown))));
    const tls = await handshake(running, alice);
    trust(other);
    await running.server.reload();
    expect(await gone.closed).toEqual(REVOKED);
    await stays.sync();
    expect((await refused(running, alice))[1]).toContain(
      'No authority in tls-client-ca issued this client certificate',
    );
    expect(await upgradeOn(tls)).toMatch(/^HTTP\/1\.1 403 .*No authority in tls-client-ca/s);
  });

  it('A15: ends nothing if its renewed certificate takes its place', async () => {
    const before = await TestAuthority.make('root');
    const below = await TestAuthority.make('issuing', { above: before });
    const [direct, chained] = await Promise.all([before, below].map((one) => one.issue({ subject: 'CN=a' })));
    trust(before);
    const running = await start();
    const peers = await Promise.all(
      [direct, { ...chained, cert: chained.cert + below.certificate }].map((shown) =>
        Peer.connect(running.url, showing(shown)),
      ),
    );
    trust(await before.renewed());
    await running.server.reload();
    await Promise.all(peers.map((peer) => peer.sync()));
    trust(other);
    await running.server.reload();
    expect(await Promise.all(peers.map(({ closed }) => closed))).toEqual([REVOKED, REVOKED]);
  });

  it('A15: ends them too where Node does not show what a peer sent', async () => {
    trust(root, other);
    const running = await start();
    // What Node 24.21 does by itself: nodejs/node#65579.
    const hide = (socket: TLSSocket): void => void socket.getPeerX509Certificate();
    (running.server.app.getHttpServer() as Server).prependListener('secureConnection', hide);
    const [gone, stays] = await Promise.all([alice, bob].map((shown) => Peer.connect(running.url, showing(shown))));
    expect(running.log.filter(({ level }) => level === 'warn').map(({ msg }) => msg)).toEqual([
      expect.stringMatching(/^this version of Node does not show .*: add them to tls-client-ca/),
    ]);
    const tls = await handshake(running, alice);
    trust(await root.renewed(), other);
    await running.server.reload();
    await gone.sync();
    trust(other);
    await running.server.reload();
    expect(await gone.closed).toEqual(REVOKED);
    expect(await upgradeOn(tls)).toMatch(/^HTTP\/1\.1 403 .*No authority in tls-client-ca/s);
    await stays.sync();
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('A15: leaves no session that could be resumed (%s)', async (maxVersion) => {
    trust(other);
    const running = await start();
    const first = await handshake(running, bob, { maxVersion });
    first.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await once(first, 'data');
    const session = first.getSession();
    first.destroy();
    const again = await handshake(running, bob, { maxVersion, session });
    expect(again.isSessionReused()).toBe(false);
    again.destroy();
  });

  it('A15: cannot be put back by a renegotiation, which is refused', async () => {
    trust(other);
    const running = await start();
    const tls = await handshake(running, bob, { maxVersion: 'TLSv1.2' });
    const outcome = await new Promise((resolve) => {
      tls.on('error', () => resolve('refused'));
      tls.renegotiate({ rejectUnauthorized: false }, (error) => resolve(error === null ? 'done' : 'refused'));
    });
    expect(outcome).toBe('refused');
  });
});

describe('tls-client-crl', () => {
  const put = async (...lists: readonly Promise<string>[]): Promise<void> =>
    writeFileSync(tlsClientCrl, (await Promise.all(lists)).join(''));

  it('A15: refuses a revoked certificate and, once the file has changed, closes its connection', async () => {
    trust(other);
    await put(other.list());
    const running = await start({ tlsClientCrl });
    const stays = await other.issue({ subject: 'CN=stays' });
    const [gone, peer] = await Promise.all([bob, stays].map((shown) => Peer.connect(running.url, showing(shown))));
    const tls = await handshake(running, bob);
    await put(other.list({ revoked: [bob] }));
    await until(() => running.log.some(({ msg }) => msg === 'reloaded client authorities'));
    expect(running.log.find(({ msg }) => msg === 'reloaded client authorities')).toMatchObject({
      authorities: 1,
      lists: 1,
      revoked: 1,
    });
    expect(await gone.closed).toEqual(REVOKED);
    await peer.sync();
    expect(await refused(running, bob)).toEqual([403, 'This client certificate was revoked.']);
    expect(await upgradeOn(tls)).toMatch(/^HTTP\/1\.1 403 .*was revoked/s);
    expect(running.server.app.get(RefusalCounts, { strict: false }).of('certificate_revoked')).toBe(2);
  });

  it('A15: refuses a certificate that is revoked while a guard makes up its mind', async () => {
    trust(other);
    await put(other.list());
    let decide: (answer: boolean) => void = () => undefined;
    const asked = new Promise<void>((resolve) => {
      SlowGuard.answer = () => (resolve(), new Promise((answer) => (decide = answer)));
    });
    const running = await start({ tlsClientCrl }, [SlowGuard]);
    const answer = refused(running, bob);
    await asked;
    await put(other.list({ revoked: [bob] }));
    await running.server.reload();
    decide(true);
    expect(await answer).toEqual([403, 'This client certificate was revoked.']);
  });

  it('A15: refuses what a revoked authority issued', async () => {
    trust(root, issuing);
    const list = root.list({ revoked: [{ cert: issuing.certificate, key: '' }] });
    await put(list);
    const running = await start({ tlsClientCrl });
    expect(await refused(running, alice)).toEqual([403, 'This client certificate was revoked.']);
  });

  it('A15: has several lists; what one authority revokes says nothing of another', async () => {
    trust(root, issuing, other);
    await put(issuing.list({ revoked: [bob] }), root.list());
    const running = await start({ tlsClientCrl });
    await Promise.all([alice, bob].map((shown) => Peer.connect(running.url, showing(shown))));
    await put(issuing.list({ revoked: [bob] }), root.list(), other.list({ revoked: [bob] }));
    await running.server.reload();
    expect(await refused(running, bob)).toEqual([403, 'This client certificate was revoked.']);
    await Peer.connect(running.url, showing(alice));
  });

  it.each<[what: string, algorithm: object]>([
    [
      'RSA',
      { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', modulusLength: 2048, publicExponent: Buffer.from([1, 0, 1]) },
    ],
    ['ECDSA with P-384', { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' }],
    ['EdDSA', { name: 'Ed25519' }],
  ])('A15: takes a list signed with %s', async (_what, algorithm) => {
    const authority = await TestAuthority.make('some', {}, algorithm);
    trust(authority);
    const shown = await authority.issue({ subject: 'CN=a' });
    await put(authority.list({ revoked: [shown] }));
    expect(await refused(await start({ tlsClientCrl }), shown)).toEqual([403, 'This client certificate was revoked.']);
  });

  it('A15: when a list has expired, refuses newcomers that it may revoke with 503, and keeps the others', async () => {
    trust(other, root, issuing);
    await put(other.list({ expiresIn: HOUR_MS / 4 }));
    const running = await start({ tlsClientCrl });
    const before = await Peer.connect(running.url, showing(bob));
    clock.forward = HOUR_MS / 4;
    const answer = await Peer.refused(running.url, showing(bob));
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, '60']);
    expect(answer.body).toMatch(/^The revocation list for this client certificate has expired/);
    await Peer.connect(running.url, showing(alice));
    await before.sync();
  });

  const wrong: readonly (readonly [what: string, content: () => string | Buffer | Promise<string>, why: RegExp])[] = [
    ['is empty', () => '', /the file is empty/],
    ['is text', () => 'nothing', /not a PEM revocation list$/],
    ['is a certificate', () => other.certificate, /it is a certificate: authorities belong into tls-client-ca/],
    ['is a key', () => bob.key, /it is a private key/],
    ['is DER', async () => der(await other.list()) as never, /it is DER, not PEM: convert it with openssl crl/],
    ['is cut off', async () => (await other.list()).slice(0, 150), /it is cut off, or not a revocation list/],
    ['is of another authority', () => root.list(), /no authority in tls-client-ca signed it/],
    [
      'is of another authority with the same name',
      async () => (await TestAuthority.make('other')).list(),
      /no authority in tls-client-ca signed it/,
    ],
    ['has expired', () => other.list({ expiresIn: -1000 }), /it expired at \d{4}-.*: get the next list/],
    ['is of the future', () => other.list({ beginsIn: HOUR_MS / 2 }), /it is not valid before \d{4}-/],
    ['has one that is wrong', async () => (await other.list()) + (await root.list()), /list 2 of 2: no authority/],
  ];
  it.each(wrong)('A15: a file that %s stops the start, and changes nothing later', async (_what, content, why) => {
    trust(other);
    writeFileSync(tlsClientCrl, await content());
    await expect(start({ tlsClientCrl })).rejects.toThrow(why);
    await put(other.list({ revoked: [bob] }));
    const running = await start({ tlsClientCrl });
    writeFileSync(tlsClientCrl, await content());
    await running.server.reload();
    expect(running.log.filter(({ level }) => level === 'error').map(({ msg }) => msg)).toEqual([
      expect.stringMatching(/^tls-client-crl .*: keeping the current client authorities$/),
    ]);
    expect(await refused(running, bob)).toEqual([403, 'This client certificate was revoked.']);
  });

  it('A15: warns of a list that expires soon, and says when in the metrics', async () => {
    trust(other);
    await put(other.list({ expiresIn: HOUR_MS / 60 }));
    const running = await start({ tlsClientCrl });
    const { warnings, listsAt } = running.server.app.get(CertificateExpiry, { strict: false });
    expect(warnings).toEqual([expect.stringMatching(/^tls-client-crl: a list expires at \d{4}-.*renew it/)]);
    expect(listsAt! - Date.now()).toBeLessThan(HOUR_MS / 60);
  });

  it.each<[what: string, content: () => string | Promise<string>, why: string]>([
    ['a revocation list', () => other.list(), 'it is a revocation list, which belongs into tls-client-crl'],
    ['a key', () => bob.key, 'it is a private key'],
    ['empty', () => '', 'the file is empty'],
  ])('A10: says that tls-client-ca is %s', async (_what, content, why) => {
    writeFileSync(tlsClientCa, await content());
    await expect(start()).rejects.toThrow(`not a PEM certificate: ${why}`);
  });

  it('A15: check-config says everything that is wrong with the files, and warns of what will be', async () => {
    trust(other, issuing);
    await put(other.list({ expiresIn: HOUR_MS / 60 }));
    const files = ['--tls-cert', server.chain, '--tls-key', server.key, '--tls-client-ca', tlsClientCa];
    const check = (crl: string): Program => new Program(['check-config', ...files, '--tls-client-crl', crl]);
    const good = await check(tlsClientCrl).ended;
    expect([good.code, good.stderr]).toEqual([0, expect.stringMatching(/warning: tls-client-crl: a list expires at/)]);
    expect(good.stderr).toMatch(/warning: tls-client-ca: 1 of its authorities are not roots/);
    const bad = await check(tlsClientCa).ended;
    expect([bad.code, bad.stderr]).toEqual([1, expect.stringContaining('it is a certificate: authorities belong')]);
  });

  it('A15: needs tls-client-ca', async () => {
    await expect(startServer({ tlsClientCrl })).rejects.toThrow(/tlsClientCrl is set but tls-client-ca is not/);
  });
});

describe('a refusal of a client certificate', () => {
  it.each<[what: string, wanted: Parameters<TestAuthority['issue']>[0], sentence: RegExp]>([
    ['that is not valid yet', { beginsIn: HOUR_MS / 2 }, /is not valid yet/],
    ['of a server', { purposes: ['1.3.6.1.5.5.7.3.1'] }, /is not for clients/],
    ['of a key that may only encipher', { usage: KeyUsageFlags.keyEncipherment }, /is not for clients/],
  ])('A14: %s says so', async (_what, wanted, sentence) => {
    trust(other);
    const running = await start();
    expect(await refused(running, await other.issue({ subject: 'CN=a', ...wanted }))).toEqual([
      403,
      expect.stringMatching(sentence),
    ]);
  });

  it('A14: names no missing chain where an authority only has the name of one in tls-client-ca', async () => {
    trust(other);
    const impostor = await TestAuthority.make('other');
    expect(await refused(await start(), await impostor.issue({ subject: 'CN=bob' }))).toEqual([
      403,
      'No authority in tls-client-ca issued this client certificate.',
    ]);
  });

  it('A14: says that an authority has expired, or is there without its root', async () => {
    const gone = await TestAuthority.make('gone', { expiresIn: -1000 });
    trust(gone, issuing);
    const running = await start();
    expect(await refused(running, await gone.issue({ subject: 'CN=a' }))).toEqual([
      403,
      'An authority of this client certificate has expired.',
    ]);
    expect((await refused(running, alice))[1]).toMatch(/one of it is there, but not its root/);
    expect(running.server.app.get(CertificateExpiry, { strict: false }).warnings).toEqual([
      expect.stringContaining('1 of its authorities expired'),
      expect.stringContaining('1 of its authorities are not roots, and their roots are missing'),
    ]);
  });
});

function der(pem: string): Buffer {
  return Buffer.from(pem.replaceAll(/-----.*-----|\s/g, ''), 'base64');
}

/** A TLS connection on which nothing was asked yet. */
async function handshake({ port }: RunningServer, shown: Shown, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const tls = connect({ port, host: '127.0.0.1', ca: server.ca, ...shown, ...options });
  await once(tls, 'secureConnect');
  return tls;
}

/** Asks for a WebSocket on a TLS connection. Resolves to the answer. */
async function upgradeOn(tls: TLSSocket): Promise<string> {
  tls.write(
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  let answer = '';
  for await (const part of tls) answer += String(part);
  return answer;
}
