import { afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { WrongTokens } from '../../src/auth/wrong-tokens.js';
import type { SettingsInput } from '../../src/config/settings.js';
import { HonestPair } from '../support/honest-pair.js';
import { makeKey, sign, stopIssuers, TestIssuer } from '../support/issuer.js';
import type { SigningKey } from '../support/issuer.js';
import { ManualClock } from '../support/manual-clock.js';
import { Peer } from '../support/peer.js';
import type { PeerOptions } from '../support/peer.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';

/**
 * Names of keys that do not exist, one after the other. A token that is signed with a new key is a reason to ask the
 * issuer for its keys again. Without a pause in between, a stranger could make this server send the issuer a request
 * for each token, and wait for each. In the pause nobody can say whether such a token is wrong. If that did not count as
 * a wrong one, naming unknown keys would be a way around max-wrong-tokens.
 */
describe('made-up keys', () => {
  let key: SigningKey;
  let issuer: TestIssuer;
  let clock: ManualClock;
  let running: RunningServer;

  beforeAll(async () => {
    key = await makeKey('key');
  });
  beforeEach(async () => {
    issuer = await TestIssuer.start();
    issuer.keys = [key.jwk];
    clock = new ManualClock();
    running = await start({ maxWrongTokens: 0 });
  });
  afterEach(async () => {
    await stopServers();
    await stopIssuers();
  });

  const start = (input: SettingsInput): Promise<RunningServer> =>
    startServer(
      {
        jwtIssuer: issuer.name,
        jwtJwksUrl: issuer.keysUrl,
        jwtAudience: 'cairn',
        drainTimeout: '0s',
        trustedProxies: '127.0.0.1',
        ...input,
      },
      'trace',
      clock,
    );
  const bearer = (token: string): { headers: { Authorization: string } } => ({
    headers: { Authorization: `Bearer ${token}` },
  });
  const token = (kid = 'key'): Promise<string> =>
    sign(key, { iss: issuer.name, aud: 'cairn', sub: 'alice', exp: clock.now() / 1000 + 60 }, { kid });
  const attempt = async (kid: string): Promise<number> =>
    (await Peer.refused(running.url, bearer(await token(kid)))).status;
  const attempts = (): Promise<number[]> => Promise.all(Array.from({ length: 50 }, (_, i) => attempt(`made up ${i}`)));

  it('make the server ask the issuer once in 30 s, whatever their number', async () => {
    await HonestPair.connect(running.url, bearer(await token()));
    expect(issuer.asked).toHaveLength(1);
    for (const asked of [1, 2, 3]) {
      expect(await attempts()).toEqual(Array(50).fill(503));
      expect(issuer.asked).toHaveLength(asked);
      clock.pass(30_000);
      expect(await attempt('made up')).toBe(401);
    }
  });

  it('count as wrong tokens, do not keep others out, and do not keep out a right one once its key is known', async () => {
    await running.close();
    running = await start({ maxWrongTokens: 10 });
    const from = (address: string, shown: string): PeerOptions => ({
      headers: { ...bearer(shown).headers, 'X-Forwarded-For': address },
    });
    const pair = await HonestPair.connect(running.url, from('192.0.2.1', await token()));
    const asked = issuer.asked.length;
    clock.pass(10_000);
    const answers: [number, number][] = [];
    for (let i = 0; i < 12; i++) {
      const { status, headers } = await Peer.refused(running.url, from('192.0.2.1', await token(`made up ${i}`)));
      answers.push([status, Number(headers['retry-after'])]);
    }
    // Until the issuer may be asked again; not until the address is forgotten.
    expect(answers).toEqual(answers.map((_answer, i) => [i < 10 ? 503 : 429, 20]));
    expect(issuer.asked).toHaveLength(asked);
    const fresh = await makeKey('fresh');
    const right = await sign(fresh, { iss: issuer.name, aud: 'cairn', sub: 'bob', exp: clock.now() / 1000 + 600 });
    issuer.keys = [key.jwk, fresh.jwk];
    expect((await Peer.refused(running.url, from('192.0.2.1', right))).status).toBe(429);
    expect((await Peer.refused(running.url, from('192.0.2.2', right))).status).toBe(503);
    await pair.isServed();
    await HonestPair.connect(running.url, from('192.0.2.1', await token()));
    clock.pass(20_000);
    // The stranger is first, and has the keys fetched for everybody.
    expect((await Peer.refused(running.url, from('192.0.2.1', await token('made up')))).status).toBe(429);
    for (const address of ['192.0.2.1', '192.0.2.2']) await Peer.connect(running.url, from(address, right));
    expect(issuer.asked).toHaveLength(asked + 1);
  });

  it('cannot be shown without end while the issuer is silent', async () => {
    await HonestPair.connect(running.url, bearer(await token()));
    clock.pass(30_000);
    issuer.answer = (response): void => void response.writeHead(500).end();
    const shown = jest.spyOn(running.server.app.get(WrongTokens, { strict: false }), 'shown');
    expect(await attempts()).toEqual(Array(50).fill(503));
    expect(shown).toHaveBeenCalledTimes(50);
  });

  it('do not delay other peers, even if the issuer hangs', async () => {
    await HonestPair.connect(running.url, bearer(await token()));
    clock.pass(30_000);
    issuer.answer = 'never';
    const asked = issuer.heard();
    const waiting = attempts();
    await asked;
    // If it waited, it would take the whole timeout.
    const pair = await HonestPair.connect(running.url, bearer(await token()));
    await pair.isServed();
    await issuer.stop();
    expect(await waiting).toEqual(Array(50).fill(503));
    expect(issuer.asked).toHaveLength(2);
  });
});
