import { createHash, createSign, generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { JWTPayload } from 'jose';
import { grantedDigest } from '../../src/auth/jwt/granted-topics.js';
import { digestOf, namedTokenLine } from '../../src/auth/named-token.js';
import { RefusalCounts } from '../../src/metrics/refusal-counts.js';
import type { SettingsInput } from '../../src/config/settings.js';
import { REFUSAL_REASONS } from '../../src/protocol/refusal-reasons.js';
import type { RefusalReason } from '../../src/protocol/refusal-reasons.js';
import { compact, makeKey, sign, stopIssuers, TestIssuer } from '../support/issuer.js';
import type { SigningKey } from '../support/issuer.js';
import { ManualClock } from '../support/manual-clock.js';
import { Peer, settle } from '../support/peer.js';
import type { PeerOptions } from '../support/peer.js';
import { exchange, HANDSHAKE, RawConnection } from '../support/raw-http.js';
import { scrape } from '../support/scrape.js';
import { SettlingClock } from '../support/settling-clock.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';
import { until } from '../support/until.js';

const bearer = (token: string): PeerOptions => ({ headers: { Authorization: `Bearer ${token}` } });
const offered = (token: string): PeerOptions => ({
  protocols: ['cairn-signal', `bearer.${Buffer.from(token).toString('base64url')}`],
});

let folder: string;
let key: SigningKey;
let other: SigningKey;
let clock: ManualClock;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cairn-signal-authentication-'));
  [key, other] = await Promise.all([makeKey('key'), makeKey('key')]);
});
beforeEach(() => {
  clock = new ManualClock();
});
afterEach(async () => {
  await stopServers();
  await stopIssuers();
});
afterAll(() => rmSync(folder, { recursive: true }));

const principals = (running: RunningServer): string[] =>
  [...running.connections].map(({ principal }) => principal ?? 'nobody');

/** What was refused, and how often. */
function refusals(running: RunningServer): Partial<Record<RefusalReason, number>> {
  const counts = running.server.app.get(RefusalCounts, { strict: false });
  const reasons = Object.keys(REFUSAL_REASONS) as RefusalReason[];
  return Object.fromEntries(
    reasons.map((reason) => [reason, counts.of(reason)]).filter(([, count]) => count !== 0),
  ) as never;
}

describe('named tokens', () => {
  const file = (): string => join(folder, 'tokens');
  const write = (...lines: string[]): void => writeFileSync(file(), `${lines.join('\n')}\n`);
  const withFile = (input: SettingsInput = {}): Promise<RunningServer> =>
    startServer({ authTokenFile: file(), ...input }, 'trace', new SettlingClock());

  it('A1: the name is the principal, in the debug log and for the bounds of a source; the token appears nowhere', async () => {
    write(namedTokenLine('alice', 's3cret-a'), namedTokenLine('bob', 's3cret-b'), 's3cret-plain');
    const running = await withFile({ recordsPerSource: 1 });
    const [alice, again, bob, plain] = await Promise.all(
      ['s3cret-a', 's3cret-a', 's3cret-b', 's3cret-plain'].map((token) => Peer.connect(running.url, bearer(token))),
    );
    expect(principals(running).toSorted()).toEqual(['alice', 'alice', 'bob', 'nobody']);
    expect(
      running.log
        .filter(({ msg }) => msg === 'connected')
        .map(({ principal }) => (principal as string | undefined) ?? 'nobody')
        .toSorted(),
    ).toEqual(['alice', 'alice', 'bob', 'nobody']);

    const announce = { type: 'announce', topic: 't', peer_id: '00', addresses: ['quic://192.0.2.1:1'] };
    expect(await alice.say(announce)).toMatchObject([{ type: 'ack' }]);
    expect(await again.say({ ...announce, topic: 'u' })).toMatchObject([{ type: 'error', code: 'quota_exceeded' }]);
    expect(await bob.say(announce)).toMatchObject([{ type: 'ack' }]);
    expect(await plain.say(announce)).toMatchObject([{ type: 'ack' }]);
    expect(JSON.stringify(running.log)).not.toContain('s3cret');
  });

  it('A1: the line of the file does not work as a token', async () => {
    write(namedTokenLine('alice', 's3cret'));
    const running = await withFile();
    for (const token of [
      namedTokenLine('alice', 's3cret'),
      digestOf('s3cret').toString('hex'),
      'alice',
      'alice:s3cret',
    ]) {
      expect((await Peer.refused(running.url, bearer(token))).status).toBe(401);
    }
    expect(refusals(running)).toEqual({ token_wrong: 4 });
  });

  it('A2: are replaced without a restart: old and new work side by side, then the old one is removed and its connections close', async () => {
    const [old, fresh] = [namedTokenLine('alice', 'old'), namedTokenLine('alice', 'new')];
    write(old);
    const running = await withFile({ revokeCloses: 'on' });
    const before = await Peer.connect(running.url, bearer('old'));
    write(old, fresh);
    await running.server.reload();
    const after = await Peer.connect(running.url, bearer('new'));
    await before.sync();
    expect(principals(running)).toEqual(['alice', 'alice']);
    write(fresh);
    await running.server.reload();
    expect(await before.closed).toEqual({ code: 4001, reason: 'token revoked; come back with a new one' });
    await after.sync();
    expect((await Peer.refused(running.url, bearer('old'))).status).toBe(401);
  });

  it('A2: a file with a malformed line changes nothing, and its line is not in the log', async () => {
    write(namedTokenLine('alice', 'good'));
    const running = await withFile();
    write('alice:sha256:5ecret');
    await running.server.reload();
    expect(running.log.at(-1)).toMatchObject({
      level: 'error',
      msg: expect.stringMatching(/line 1: expected NAME:sha256:DIGEST.*: keeping the current tokens$/),
    });
    await Peer.connect(running.url, bearer('good'));
    expect(JSON.stringify(running.log)).not.toContain('5ecret');
  });
});

describe('JWTs', () => {
  let issuer: TestIssuer;
  beforeEach(async () => {
    issuer = await TestIssuer.start();
    issuer.keys = [key.jwk];
  });

  const start = (input: SettingsInput = {}): Promise<RunningServer> =>
    startServer({ jwtIssuer: issuer.name, jwtJwksUrl: issuer.keysUrl, jwtAudience: 'cairn', ...input }, 'trace', clock);
  const seconds = (): number => Math.floor(clock.now() / 1000);
  const token = (claims: JWTPayload = {}, signedBy = key): Promise<string> =>
    sign(signedBy, { iss: issuer.name, aud: 'cairn', sub: 'alice', exp: seconds() + 60, ...claims });

  it('A3: open the server by header and by subprotocol; the connection gets their principal and topics', async () => {
    const running = await start();
    await Peer.connect(running.url, bearer(await token({ topics: ['t'] })));
    await Peer.connect(running.url, offered(await token({ sub: 'bob' })));
    const [alice, bob] = [...running.connections];
    expect(principals(running)).toEqual([`${issuer.name}|alice`, `${issuer.name}|bob`]);
    expect([alice.source, bob.source]).toEqual([`principal ${issuer.name}|alice`, `principal ${issuer.name}|bob`]);
    expect(['t', 'u'].map((topic) => alice.credential?.topics?.has(topic))).toEqual([true, false]);
    expect(bob.credential?.topics).toBeUndefined();
    expect(running.log.find(({ msg }) => msg === 'connected')).toMatchObject({
      level: 'debug',
      principal: `${issuer.name}|alice`,
    });
    expect(running.log.find(({ msg }) => msg.startsWith('listening'))).toMatchObject({ auth: 'on', jwt: 'on' });
  });

  it('A6: the bearer may use only the topics of its token, in either dialect', async () => {
    const running = await start();
    const narrow = await Peer.connect(running.url, bearer(await token({ topics: ['mine'] })));
    const wide = await Peer.connect(running.url, bearer(await token({ sub: 'bob' })));
    for (const peer of [narrow, wide]) for (const topic of ['mine', 'other']) peer.subscribe(topic);
    await settle([narrow, wide], []);
    for (const peer of [narrow, wide]) for (const topic of ['mine', 'other']) peer.relay(topic, 'x');
    narrow.send(JSON.stringify({ type: 'query', topic: 'other' }));
    narrow.send(JSON.stringify({ type: 'query', topic: 'mine' }));
    await settle([narrow, wide], [narrow, wide]);
    expect([narrow.received.length, wide.received.length, running.topics.subscriptions]).toEqual([1, 1, 3]);
    expect(narrow.texts.map((text) => JSON.parse(text) as object)).toMatchObject([
      { type: 'error', topic: 'other', code: 'forbidden' },
      { type: 'result', topic: 'mine' },
    ]);
  });

  it('A6: a token with an empty list of topics may use none', async () => {
    const running = await start();
    const peer = await Peer.connect(running.url, bearer(await token({ topics: [] })));
    peer.subscribe('t');
    await peer.sync();
    expect(running.topics.size).toBe(0);
  });

  it('A9: the log has the principal, and no other claim and no token', async () => {
    const running = await start();
    await Peer.connect(
      running.url,
      bearer(await token({ topics: ['private-topic'], email: 'private-mail', jti: 'private-id' })),
    );
    await Peer.refused(
      running.url,
      bearer(await token({ sub: 'private-wrong', aud: 'private-audience', jti: 'private-id' })),
    );
    await running.close();
    const log = JSON.stringify(running.log);
    expect(log).toContain(`${issuer.name}|alice`);
    for (const secret of ['private', 'eyJ', 'cairn"']) expect(log).not.toContain(secret);
  });

  it("A3: without a URL for the keys they are found through the issuer's name", async () => {
    const running = await startServer({ jwtIssuer: issuer.name, jwtAudience: 'cairn' }, 'trace', clock);
    await Peer.connect(running.url, bearer(await token()));
    expect(issuer.asked).toEqual(['/.well-known/openid-configuration', '/keys']);
  });

  it('A3: each of several issuers has its own keys, and its own alice', async () => {
    const second = await TestIssuer.start();
    second.keys = [other.jwk];
    const running = await start({
      jwtIssuer: [issuer.name, second.name],
      jwtJwksUrl: [issuer.keysUrl, second.keysUrl],
    });
    await Peer.connect(running.url, bearer(await token()));
    await Peer.connect(running.url, bearer(await token({ iss: second.name }, other)));
    expect(principals(running)).toEqual([`${issuer.name}|alice`, `${second.name}|alice`]);
    // Each may sign what it likes, but not in the other's name.
    expect((await Peer.refused(running.url, bearer(await token({}, other)))).status).toBe(401);
    expect((await Peer.refused(running.url, bearer(await token({ iss: second.name })))).status).toBe(401);
    expect(refusals(running)).toEqual({ token_signature: 2 });
  });

  it('A3: listed tokens still open the server', async () => {
    const running = await start({ authToken: 's3cret' });
    await Peer.connect(running.url, bearer('s3cret'));
    await Peer.connect(running.url, bearer(await token()));
    expect((await Peer.refused(running.url)).status).toBe(401);
    expect((await Peer.refused(running.url, bearer('wrong'))).status).toBe(401);
    expect(refusals(running)).toEqual({ token_missing: 1, token_wrong: 1 });
  });

  it('A5: every wrong one gets 401 with a sentence and is counted by its reason; the answer and the log repeat nothing of it', async () => {
    const running = await start({ maxWrongTokens: 0 });
    // The issuer may be asked for a key that nobody has.
    await Peer.connect(running.url, bearer(await token()));
    clock.pass(30_000);
    const wrong: [RefusalReason, string][] = [
      ['token_wrong', 's3cret'],
      ['token_malformed', 'a.b.c'],
      ['token_too_long', `${await token()}${'A'.repeat(8192)}`],
      ['token_algorithm', compact({ alg: 'none' }, { iss: issuer.name })],
      ['token_issuer', await token({ iss: 'https://s3cret.example' })],
      [
        'token_key',
        await sign({ ...key, kid: 's3cret' }, { iss: issuer.name, aud: 'cairn', sub: 's3cret', exp: seconds() + 60 }),
      ],
      ['token_signature', await token({ sub: 's3cret' }, other)],
      ['token_audience', await token({ aud: 's3cret' })],
      ['token_expired', await token({ exp: seconds() - 60, sub: 's3cret' })],
      ['token_not_yet_valid', await token({ nbf: seconds() + 60, sub: 's3cret' })],
    ];
    for (const [reason, each] of wrong) {
      const { status, body, headers } = await Peer.refused(running.url, bearer(each));
      expect([reason, status, headers['www-authenticate']]).toEqual([reason, 401, 'Bearer']);
      expect(body).not.toMatch(/s3cret|eyJ/);
    }
    expect(refusals(running)).toEqual(Object.fromEntries(wrong.map(([reason]) => [reason, 1])));
    expect(JSON.stringify(running.log)).not.toMatch(/s3cret|eyJ/);
  });

  const topicsOf = (count: number): string[] =>
    Array.from({ length: count }, (_, i) => createHash('sha256').update(`${i}`).digest('hex'));

  it('A12, A13: 1,024 topics of cairn open the server, by header and by subprotocol, and no other topic', async () => {
    const all = topicsOf(1025);
    const running = await start({ maxJwtBytes: 94_208, maxHeaderBytes: 128_000, managementAddr: '127.0.0.1:0' });
    const held = async (): Promise<number> =>
      (await scrape(`${running.management}/metrics`)).get('cairn_signal_granted_topics_bytes')!;
    expect(await held()).toBe(0);
    const peers: Peer[] = [];
    for (const claims of [
      { topics: all.slice(0, 1024) },
      { topics_sha256: all.slice(0, 1024).map(grantedDigest) },
      { topics: all.slice(0, 512), topics_sha256: all.slice(512, 1024).map(grantedDigest) },
    ]) {
      for (const shown of [bearer, offered]) peers.push(await Peer.connect(running.url, shown(await token(claims))));
    }
    for (const peer of peers) {
      for (const topic of [all[0], all[600], all[1023], all[1024]]) peer.subscribe(topic);
      await peer.sync();
    }
    expect([running.topics.subscriptions, running.topics.size]).toEqual([3 * peers.length, 3]);
    // Each topic or digest, and 64 bytes.
    expect(await held()).toBe(2 * 1024 * (64 + 64) + 2 * 1024 * (22 + 64) + 1024 * (64 + 64) + 1024 * (22 + 64));
    for (const peer of peers) await peer.close();
    await until(async () => (await held()) === 0);
  });

  it('A13: as many topics as a refusal says do fit by default, and 431 says what to set', async () => {
    const running = await start();
    const refused = async (count: number, shown = bearer): Promise<[number, string]> => {
      const { status, body } = await Peer.refused(running.url, shown(await token({ topics: topicsOf(count) })));
      return [status, body];
    };
    const [status, body] = await refused(100);
    const [, fit] = /^This token has more than 8192 characters; .* About (\d+) of cairn's topics/.exec(body)!;
    expect(status).toBe(401);
    for (const shown of [bearer, offered]) {
      await Peer.connect(running.url, shown(await token({ topics: topicsOf(Number(fit)) })));
    }
    expect(await refused(200)).toEqual([431, expect.stringMatching(/16 KB of them; the setting is max-header-bytes/)]);
    expect(await refused(150, offered)).toEqual([431, expect.stringContaining('long tokens')]);
    expect(refusals(running)).toEqual({ token_too_long: 1, headers: 2 });
  });

  it('A5: an encrypted token (JWE) is malformed, and counts as a wrong one', async () => {
    const running = await start();
    const encrypted = `${Buffer.from('{"alg":"dir","enc":"A256GCM"}').toString('base64url')}..aXY.Y2lwaGVy.dGFn`;
    for (const shown of [bearer, offered]) {
      const { status, body } = await Peer.refused(running.url, shown(encrypted));
      expect([status, body]).toEqual([401, expect.stringContaining('it is encrypted (JWE, five parts)')]);
    }
    expect(refusals(running)).toEqual({ token_malformed: 2 });
  });

  it('A7: a right token whose key its issuer has just begun to use is 503 until the keys may be asked for', async () => {
    const running = await start();
    await Peer.connect(running.url, bearer(await token()));
    const fresh = await makeKey('fresh');
    issuer.keys = [key.jwk, fresh.jwk];
    clock.pass(7000);
    for (let i = 0; i < 13; i++) {
      const { status, headers, body } = await Peer.refused(running.url, bearer(await token({}, fresh)));
      expect([status, headers['retry-after'], headers['www-authenticate']]).toEqual([503, '23', undefined]);
      expect(body).toMatch(/^This server does not know the key of this token yet/);
    }
    clock.pass(23_000);
    await Peer.connect(running.url, bearer(await token({}, fresh)));
    expect(refusals(running)).toEqual({ token_key_unknown: 13 });
    expect(issuer.asked).toHaveLength(2);
  });

  it('A5: a token in the largest headers that HTTP allows does no harm', async () => {
    const running = await start();
    expect((await Peer.refused(running.url, bearer('a.b.c'.padEnd(15_000, 'c')))).status).toBe(401);
    expect((await Peer.refused(running.url, bearer('a.b.c'.padEnd(17_000, 'c')))).status).toBe(431);
    await Peer.connect(running.url, bearer(await token()));
    expect(refusals(running)).toEqual({ headers: 1, token_too_long: 1 });
  });

  it('L9: wrong ones count as wrong tokens, and a right one still opens the server', async () => {
    const running = await start({ maxWrongTokens: 2, trustedProxies: '192.0.2.1' });
    const [expired, stolen] = [await token({ exp: seconds() - 60 }), await token({}, other)];
    const statuses = [];
    for (const each of [expired, stolen, expired, 'wrong']) {
      statuses.push((await Peer.refused(running.url, bearer(each))).status);
    }
    expect(statuses).toEqual([401, 401, 429, 429]);
    await Peer.connect(running.url, bearer(await token()));
    expect(refusals(running)).toEqual({ token_expired: 1, token_signature: 1, token_throttled: 2 });
  });

  it('A7: while the issuer does not answer, the server starts, refuses its tokens with 503, and lets other peers in', async () => {
    issuer.answer = (response: ServerResponse): void => void response.writeHead(503).end();
    const running = await start({ authToken: 's3cret', maxWrongTokens: 1, trustedProxies: '192.0.2.1' });
    for (let i = 0; i < 3; i++) {
      const { status, headers, body } = await Peer.refused(running.url, bearer(await token()));
      expect([status, headers['retry-after'], body]).toEqual([
        503,
        '5',
        "This server cannot get the keys of this token's issuer at the moment; try again.\n",
      ]);
    }
    await Peer.connect(running.url, bearer('s3cret'));
    // None of that was the peer's fault.
    expect(refusals(running)).toEqual({ keys_unavailable: 3 });
    expect(running.log.filter(({ level }) => level === 'warn')).toEqual([
      expect.objectContaining({
        msg: 'the keys of a JWT issuer cannot be fetched',
        issuer: issuer.name,
        why: 'the answer was 503',
        keys: 0,
      }),
    ]);
    issuer.answer = undefined;
    clock.pass(5000);
    await Peer.connect(running.url, bearer(await token()));
    expect(issuer.asked).toEqual(['/keys', '/keys']);
  });

  it('A7: newcomers wait together for a slow issuer, and other peers do not wait for them', async () => {
    let answer!: () => void;
    const asked = issuer.heard();
    issuer.answer = (response): void => {
      answer = (): void => void response.end(JSON.stringify({ keys: [key.jwk] }));
    };
    const running = await start({ authToken: 's3cret' });
    const good = await token();
    const waiting = Promise.all(Array.from({ length: 20 }, () => Peer.connect(running.url, bearer(good))));
    await asked;
    await Peer.connect(running.url, bearer('s3cret'));
    answer();
    await waiting;
    expect([running.connections.size, issuer.asked]).toEqual([21, ['/keys']]);
  });

  it('A7: a peer that leaves while it waits for an issuer gives its place back once the issuer has answered', async () => {
    let answer!: () => void;
    const asked = issuer.heard();
    issuer.answer = (response): void => {
      answer = (): void => void response.end(JSON.stringify({ keys: [key.jwk] }));
    };
    const running = await start({ authToken: 's3cret', maxConnections: 1 });
    await asked;
    const waiting = await RawConnection.open(running.port);
    waiting.write(HANDSHAKE.replace('\r\n\r\n', `\r\nAuthorization: Bearer ${await token()}\r\n\r\n`));
    // It has the one place.
    await until(async () => !(await exchange(running.port, HANDSHAKE)).startsWith('HTTP/1.1 401'));
    waiting.socket.destroy();
    answer();
    await until(async () => !(await exchange(running.port, HANDSHAKE)).startsWith('HTTP/1.1 503'));
    const peer = await Peer.connect(running.url, bearer('s3cret'));
    await peer.sync();
    expect(running.connections.size).toBe(1);
  });

  it('A7: a server that stops does not wait for an issuer that hangs', async () => {
    const asked = issuer.heard();
    let hungUp!: Promise<unknown>;
    issuer.answer = (response): void => {
      hungUp = once(response, 'close');
    };
    const running = await start();
    await asked;
    await running.close();
    await hungUp;
    expect(running.log.filter(({ level }) => level === 'warn')).toEqual([]);
  });

  it('A5: a key that is too weak for its algorithm opens nothing, and is not logged as a fault of the server', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
    issuer.keys = [{ ...publicKey.export({ format: 'jwk' }), kid: 'weak' }];
    const running = await start();
    const claims = { iss: issuer.name, aud: 'cairn', sub: 'alice', exp: seconds() + 60 };
    const signature = createSign('sha256')
      .update(compact({ alg: 'RS256', kid: 'weak' }, claims).slice(0, -1))
      .sign(privateKey);
    expect(
      (await Peer.refused(running.url, bearer(compact({ alg: 'RS256', kid: 'weak' }, claims, signature)))).status,
    ).toBe(401);
    expect(refusals(running)).toEqual({ token_key: 1 });
  });

  describe('from a file of keys', () => {
    const file = (): string => join(folder, 'keys.pem');
    const startWithFile = (): Promise<RunningServer> =>
      startServer({ jwtIssuer: issuer.name, jwtAudience: 'cairn', jwtPublicKey: file() }, 'trace', clock);

    it('A3: open the server; the file is read again when it changes', async () => {
      writeFileSync(file(), key.pem);
      const running = await startWithFile();
      await Peer.connect(running.url, bearer(await token()));
      expect((await Peer.refused(running.url, bearer(await token({}, other)))).status).toBe(401);
      writeFileSync(file(), key.pem + other.pem);
      await until(() => running.log.some(({ msg, keys }) => msg === 'reloaded jwt-public-key' && keys === 2));
      await Peer.connect(running.url, bearer(await token({}, other)));
      writeFileSync(file(), other.pem);
      await running.server.reload();
      expect((await Peer.refused(running.url, bearer(await token()))).status).toBe(401);
      expect(issuer.asked).toEqual([]);
    });

    it('A3: a file that becomes unusable keeps the keys, with an error line; a file that is unusable stops the start', async () => {
      writeFileSync(file(), key.pem);
      const running = await startWithFile();
      writeFileSync(file(), 's3cret');
      await running.server.reload();
      expect(running.log.at(-1)).toMatchObject({
        level: 'error',
        msg: expect.stringMatching(/^jwt-public-key ".*": it contains no PEM public key: keeping the current keys$/),
      });
      await Peer.connect(running.url, bearer(await token()));
      await expect(startWithFile()).rejects.toThrow('it contains no PEM public key');
    });
  });

  describe('that expire', () => {
    it('A8: close their connections with 4001, and no others', async () => {
      const running = await start({ authToken: 's3cret' });
      const [soon, later, never] = [
        await Peer.connect(running.url, bearer(await token())),
        await Peer.connect(running.url, bearer(await token({ exp: seconds() + 3600 }))),
        await Peer.connect(running.url, bearer('s3cret')),
      ];
      // One that has left is neither closed nor counted.
      await (await Peer.connect(running.url, bearer(await token()))).close();
      await until(() => running.connections.size <= 3);
      clock.pass(64_000);
      await soon.sync();
      clock.pass(1000);
      expect(await soon.closed).toEqual({ code: 4001, reason: 'token expired; come back with a new one' });
      await Promise.all([later.sync(), never.sync()]);
      await until(() => running.connections.size <= 2);
      expect(running.log.filter(({ msg }) => msg.startsWith('closed connections'))).toEqual([
        expect.objectContaining({ msg: 'closed connections whose token has expired', connections: 1 }),
      ]);
    });

    it('A8: close a connection that is paused because it sends too fast', async () => {
      const running = await start({ maxMessagesPerSecond: 1, messageBurst: 1 });
      const peer = await Peer.connect(running.url, bearer(await token()));
      for (let i = 0; i < 50; i++) peer.relay('t', 'too fast');
      await until(() => running.counts.of('max-messages-per-second') !== 0);
      clock.setWallClock(66_000);
      expect((await peer.closed).code).toBe(4001);
    });

    it('A8: keep their connections if jwt-expiry-closes is off, but open no new ones', async () => {
      const running = await start({ jwtExpiryCloses: 'off', authToken: 's3cret' });
      const good = await token();
      const peer = await Peer.connect(running.url, bearer(good));
      clock.pass(3_600_000);
      expect((await Peer.refused(running.url, bearer(good))).status).toBe(401);
      await peer.sync();
    });
  });
});
