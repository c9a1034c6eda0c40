import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { HonestPair } from '../support/honest-pair.js';
import { makeKey, sign, stopIssuers, TestIssuer } from '../support/issuer.js';
import type { SigningKey } from '../support/issuer.js';
import { ManualClock } from '../support/manual-clock.js';
import { Peer } from '../support/peer.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';

/**
 * Names of keys that do not exist, one after the other. A token that is signed with a new key is a reason to ask the
 * issuer for its keys again. Without a pause in between, a stranger could make this server send the issuer a request
 * for each token, and wait for each.
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
    running = await startServer(
      { jwtIssuer: issuer.name, jwtJwksUrl: issuer.keysUrl, jwtAudience: 'cairn', drainTimeout: '0s' },
      'trace',
      clock,
    );
  });
  afterEach(async () => {
    await stopServers();
    await stopIssuers();
  });

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
      expect(await attempts()).toEqual(Array(50).fill(401));
      expect(issuer.asked).toHaveLength(asked);
      clock.pass(30_000);
    }
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
