import { createHmac, createPublicKey } from 'node:crypto';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { JWTHeaderParameters } from 'jose';
import { HonestPair } from '../support/honest-pair.js';
import { compact, makeKey, sign, stopIssuers, TestIssuer } from '../support/issuer.js';
import type { SigningKey } from '../support/issuer.js';
import { ManualClock } from '../support/manual-clock.js';
import { Peer } from '../support/peer.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';

/**
 * JWTs that nobody issued. Without a list of algorithms, a token could say that it needs no signature, or that its
 * signature is an HMAC with the public key, which everyone has. If the server did not find keys its own way, a token
 * could bring its key along, or name an address where the attacker has put one, and make this server call there.
 */
describe('forged JWTs', () => {
  let key: SigningKey;
  let mallory: SigningKey;
  let issuer: TestIssuer;
  let attacker: TestIssuer;
  let running: RunningServer;
  let claims: Record<string, unknown>;
  let clock: ManualClock;

  beforeAll(async () => {
    [key, mallory] = await Promise.all([makeKey('key', 'RS256'), makeKey('key', 'RS256')]);
  });
  beforeEach(async () => {
    [issuer, attacker] = await Promise.all([TestIssuer.start(), TestIssuer.start()]);
    issuer.keys = [key.jwk];
    attacker.keys = [mallory.jwk];
    clock = new ManualClock();
    claims = { iss: issuer.name, aud: 'cairn', sub: 'alice', exp: clock.now() / 1000 + 600 };
    running = await startServer(
      {
        jwtIssuer: issuer.name,
        jwtJwksUrl: issuer.keysUrl,
        jwtAudience: 'cairn',
        maxWrongTokens: 0,
        drainTimeout: '0s',
      },
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

  /** The outcome of such tokens, after honest peers were served. */
  async function show(tokens: readonly string[]): Promise<object> {
    const statuses = new Set<number>();
    for (const token of tokens) statuses.add((await Peer.refused(running.url, bearer(token))).status);
    const pair = await HonestPair.connect(running.url, bearer(await sign(key, claims)));
    await pair.isServed();
    const complaints = running.log.filter(({ level }) => level === 'warn' || level === 'error');
    return {
      statuses: [...statuses],
      connections: running.connections.size,
      issuerAsked: issuer.asked,
      attackerAsked: attacker.asked,
      complaints,
    };
  }
  /** Only the issuer was asked for keys, once. */
  const NOTHING = { statuses: [401], connections: 2, issuerAsked: ['/keys'], attackerAsked: [], complaints: [] };

  it('without a signature', async () => {
    expect(await show(['none', 'None', 'nOnE', ''].map((alg) => compact({ alg, kid: 'key' }, claims)))).toEqual(
      NOTHING,
    );
  });

  it('with an HMAC signature whose secret is the public key', async () => {
    const der = createPublicKey(key.pem).export({ type: 'spki', format: 'der' });
    const forged = [key.pem, key.pem.trim(), der, JSON.stringify(key.jwk)].flatMap((secret) =>
      ['256', '384', '512'].map((bits) => {
        const header = { alg: `HS${bits}`, kid: 'key' };
        return compact(
          header,
          claims,
          createHmac(`sha${bits}`, secret).update(compact(header, claims).slice(0, -1)).digest(),
        );
      }),
    );
    expect(await show(forged)).toEqual(NOTHING);
  });

  it('that bring their key along, or say where to find it', async () => {
    const headers: Partial<JWTHeaderParameters>[] = [
      { jwk: mallory.jwk },
      { jku: attacker.keysUrl },
      { x5u: `${attacker.name}/certificate` },
      { x5c: [Buffer.from(mallory.pem).toString('base64')] },
    ];
    expect(await show(await Promise.all(headers.map((header) => sign(mallory, claims, header))))).toEqual(NOTHING);
  });

  it('that bring a key along which nobody knows, with or without a name: they cannot be judged yet', async () => {
    const unknown = { jku: attacker.keysUrl, jwk: mallory.jwk };
    const names = [{ kid: attacker.keysUrl }, { kid: '' }, { kid: undefined as never }];
    const tokens = await Promise.all(names.map((name) => sign(mallory, claims, { ...unknown, ...name })));
    expect(await show(tokens)).toEqual({ ...NOTHING, statuses: [503] });
    // As soon as the issuer may be asked again, they are judged.
    for (const [i, token] of tokens.entries()) {
      clock.pass(30_000);
      const { status } = await Peer.refused(running.url, bearer(token));
      expect([status, issuer.asked.length, attacker.asked]).toEqual([401, i + 2, []]);
    }
  });

  it('that name the attacker as their issuer', async () => {
    const names = [attacker.name, `${issuer.name}@${attacker.name.slice(7)}`, `${issuer.name}/`, `${issuer.name}#`];
    expect(await show(await Promise.all(names.map((iss) => sign(mallory, { ...claims, iss }))))).toEqual(NOTHING);
  });
});
