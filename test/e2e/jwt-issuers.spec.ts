import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ExecutionContext } from '@nestjs/common';
import type { JWTPayload } from 'jose';
import { upgradeOf } from '../../src/auth/upgrade-request.js';
import type { Proof } from '../../src/connection/connection.js';
import { RefusalCounts } from '../../src/metrics/refusal-counts.js';
import type { RefusalReason } from '../../src/protocol/refusal-reasons.js';
import type { SettingsInput } from '../../src/config/settings.js';
import { makeKey, sign, stopIssuers, TestIssuer } from '../support/issuer.js';
import type { SigningKey } from '../support/issuer.js';
import { ManualClock } from '../support/manual-clock.js';
import { Peer } from '../support/peer.js';
import { startServer, stopServers } from '../support/server.js';
import type { RunningServer } from '../support/server.js';

const folder = mkdtempSync(join(tmpdir(), 'cairn-signal-issuers-'));
afterAll(() => rmSync(folder, { recursive: true }));

let key: SigningKey;
let other: SigningKey;
let clock: ManualClock;
let issuer: TestIssuer;
beforeAll(async () => {
  [key, other] = await Promise.all([makeKey('key'), makeKey('other')]);
});
beforeEach(async () => {
  clock = new ManualClock();
  issuer = await TestIssuer.start();
  issuer.keys = [key.jwk];
});
afterEach(stopServers);
afterEach(stopIssuers);

const start = (input: SettingsInput): Promise<RunningServer> =>
  startServer({ jwtAudience: 'cairn', maxWrongTokens: 0, ...input }, 'trace', clock);
const token = (claims: JWTPayload, signedBy = key, header: object = {}): Promise<string> =>
  sign(signedBy, { aud: 'cairn', sub: 'alice', exp: Math.floor(clock.now() / 1000) + 60, ...claims }, header);
const bearer = (shown: string): object => ({ headers: { authorization: `Bearer ${shown}` } });
const file = (name: string, content: string): string => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};

/** The principal of a peer that connects with this token, or the sentence of the refusal. */
async function outcome(running: RunningServer, shown: string): Promise<string | undefined> {
  const before = new Set(running.connections);
  const sentence = await Peer.connect(running.url, bearer(shown)).then(
    () => undefined,
    async () => (await Peer.refused(running.url, bearer(shown))).body.trim(),
  );
  return sentence ?? [...running.connections].find((connection) => !before.has(connection))?.principal;
}

/** How many refusals had a reason. `outcome` asks twice. */
const refused = (running: RunningServer, reason: RefusalReason): number =>
  running.server.app.get(RefusalCounts, { strict: false }).of(reason) / 2;

/** A7: of a key that is not among those that were fetched a moment ago. */
const UNKNOWN_KEY =
  'This server does not know the key of this token yet, and has asked its issuer for keys a moment ago; try again.';

describe('A3: where the keys of issuers are', () => {
  it('can be a different place for each: discovery, an address, a file', async () => {
    const second = await TestIssuer.start();
    second.keys = [other.jwk];
    const third = await makeKey('third');
    const running = await start({
      jwtIssuer: [issuer.name, second.name, 'id'],
      jwtJwksUrl: `${second.name} ${second.keysUrl}`,
      jwtPublicKey: `id ${file('third.pem', third.pem)}`,
    });
    for (const [iss, signedBy] of [
      [issuer.name, key],
      [second.name, other],
      ['id', third],
    ] as const) {
      await Peer.connect(running.url, bearer(await token({ iss }, signedBy)));
    }
    expect([...running.connections].map(({ principal }) => principal)).toEqual([
      `${issuer.name}|alice`,
      `${second.name}|alice`,
      'id|alice',
    ]);
    expect([issuer.asked, second.asked]).toEqual([['/.well-known/openid-configuration', '/keys'], ['/keys']]);
    // No key counts for another issuer.
    for (const [iss, signedBy] of [
      [issuer.name, other],
      [second.name, third],
      ['id', key],
    ] as const) {
      const { status } = await Peer.refused(running.url, bearer(await token({ iss }, signedBy)));
      // A7: keys that are fetched may have changed since.
      expect(status).toBe(iss === 'id' ? 401 : 503);
    }
  });

  it('A4: give principals that are as long as the issuer and the longest subject together', async () => {
    const running = await start({ jwtIssuer: issuer.name });
    const sub = 'x'.repeat(255);
    await Peer.connect(running.url, bearer(await token({ iss: issuer.name, sub })));
    expect([...running.connections].map(({ principal }) => principal)).toEqual([`${issuer.name}|${sub}`]);
  });

  it('can ask for a bearer token, whose file is read again for every fetch', async () => {
    const seen: [string | undefined, string | undefined][] = [];
    issuer.answer = (response: ServerResponse, path: string): void => {
      const { authorization } = response.req.headers;
      seen.push([path, authorization]);
      if (!/^Bearer (?:first|second)$/.test(authorization ?? '')) response.writeHead(401).end();
      else if (path === '/keys') response.end(JSON.stringify({ keys: issuer.keys }));
      else response.end(JSON.stringify({ issuer: issuer.name, jwks_uri: issuer.keysUrl }));
    };
    const jwtJwksTokenFile = file('token', 'first\n');
    const running = await start({ jwtIssuer: issuer.name, jwtJwksTokenFile });
    await Peer.connect(running.url, bearer(await token({ iss: issuer.name })));
    file('token', 'second');
    clock.pass(10 * 60_000 + 1);
    await Peer.connect(running.url, bearer(await token({ iss: issuer.name })));
    expect(seen).toEqual([
      ['/.well-known/openid-configuration', 'Bearer first'],
      ['/keys', 'Bearer first'],
      ['/.well-known/openid-configuration', 'Bearer second'],
      ['/keys', 'Bearer second'],
    ]);
    expect(JSON.stringify(running.log)).not.toMatch(/Bearer|"first|"second/);
  });

  it('is shown no bearer token where a redirect leads', async () => {
    const elsewhere = await TestIssuer.start();
    issuer.answer = (response): void => void response.writeHead(302, { location: elsewhere.keysUrl }).end();
    const running = await start({ jwtIssuer: issuer.name, jwtJwksTokenFile: file('token', 'first') });
    expect((await Peer.refused(running.url, bearer(await token({ iss: issuer.name })))).status).toBe(503);
    expect(elsewhere.asked).toEqual([]);
  });

  it.each([
    ['that is not there', (): string => join(folder, 'none'), 'there is no such file'],
    ['with several lines', (): string => file('lines', 'a\nb'), 'expected one line of visible ASCII characters'],
    ['without a token', (): string => file('empty', ''), 'expected one line of visible ASCII characters'],
  ])('a file of a bearer token %s stops the start', async (_what, path, why) => {
    await expect(start({ jwtIssuer: issuer.name, jwtJwksTokenFile: path() })).rejects.toThrow(why);
  });

  it('can be http: beyond loopback by consent alone, of the metadata as well', async () => {
    // This address reaches the machine itself, but is not one of loopback.
    const inCluster = issuer.name.replace('127.0.0.1', '0.0.0.0');
    issuer.answer = (response, path): void => {
      if (path === '/keys') response.end(JSON.stringify({ keys: issuer.keys }));
      else response.end(JSON.stringify({ issuer: inCluster, jwks_uri: `${inCluster}/keys` }));
    };
    await expect(start({ jwtIssuer: inCluster })).rejects.toThrow(
      'consent to http: by naming the issuer in jwt-allow-http',
    );
    const running = await start({ jwtIssuer: inCluster, jwtAllowHttp: inCluster });
    await Peer.connect(running.url, bearer(await token({ iss: inCluster })));
    expect(running.connections.size).toBe(1);
  });

  it('of tenants are found for each tenant by its own name, when one of its tokens comes', async () => {
    const name = (tenant: string): string => `${issuer.name}/${tenant}/v2.0`;
    issuer.answer = (response, path): void => {
      const [, tenant, ...what] = path.split('/');
      if (what.join('/') === 'keys') response.end(JSON.stringify({ keys: tenant === 'one' ? [key.jwk] : [other.jwk] }));
      else response.end(JSON.stringify({ issuer: name(tenant), jwks_uri: `${issuer.name}/${tenant}/keys` }));
    };
    const running = await start({ jwtIssuer: `${issuer.name}/{tenantid}/v2.0`, jwtTenant: 'one,two' });
    expect(issuer.asked).toEqual([]);
    await Peer.connect(running.url, bearer(await token({ iss: name('one') })));
    await Peer.connect(running.url, bearer(await token({ iss: name('two') }, other)));
    expect([...running.connections].map(({ principal }) => principal)).toEqual([
      `${name('one')}|alice`,
      `${name('two')}|alice`,
    ]);
    const answers = [
      await outcome(running, await token({ iss: name('three') })),
      await outcome(running, await token({ iss: name('{tenantid}') })),
      await outcome(running, await token({ iss: name('two') })),
    ];
    expect(answers).toEqual([
      'This server does not know the issuer of this token.',
      'This server does not know the issuer of this token.',
      UNKNOWN_KEY,
    ]);
    expect(issuer.asked.filter((path) => path.includes('three'))).toEqual([]);
  });

  it('may be one set for all tenants; a key in it that names a tenant counts for that one', async () => {
    const name = (tenant: string): string => `https://login.example/${tenant}/v2.0`;
    issuer.keys = [
      { ...key.jwk, issuer: name('{tenantid}') },
      { ...other.jwk, issuer: name('consumer') },
    ];
    const running = await start({
      jwtIssuer: name('{tenantid}'),
      jwtTenant: ['company', 'consumer'],
      jwtJwksUrl: issuer.keysUrl,
    });
    await Peer.connect(running.url, bearer(await token({ iss: name('company') })));
    await Peer.connect(running.url, bearer(await token({ iss: name('consumer') }, other)));
    expect(await outcome(running, await token({ iss: name('company') }, other))).toBe(UNKNOWN_KEY);
  });

  it('can be the bundle endpoint of a SPIFFE trust domain', async () => {
    const x509 = await makeKey('x509');
    issuer.answer = (response): void =>
      void response.end(
        JSON.stringify({
          spiffe_sequence: 7,
          spiffe_refresh_hint: 300,
          keys: [
            { ...x509.jwk, kid: 'x509', use: 'x509-svid', x5c: ['AAAA'] },
            { ...key.jwk, use: 'jwt-svid' },
          ],
        }),
      );
    const running = await start({ jwtIssuer: 'spiffe://example.org', jwtJwksUrl: issuer.keysUrl });
    const sub = 'spiffe://example.org/ns/peers/sa/relay';
    await Peer.connect(running.url, bearer(await token({ sub })));
    // SPIRE may be set up to write an issuer of OpenID Connect, too.
    await Peer.connect(running.url, bearer(await token({ sub, iss: 'https://oidc.example.org' })));
    expect([...running.connections].map(({ principal, credential }) => [principal, credential?.proof.issuer])).toEqual([
      [sub, 'spiffe://example.org'],
      [sub, 'spiffe://example.org'],
    ]);
    const answers = [
      await outcome(running, await token({ sub }, x509)),
      await outcome(running, await token({ sub: 'spiffe://example.com/ns/peers/sa/relay' })),
      await outcome(running, await token({ sub: 'alice', iss: 'spiffe://example.org' })),
    ];
    expect(answers).toEqual([
      UNKNOWN_KEY,
      'This server does not know the issuer of this token.',
      'The subject of this token is not a SPIFFE ID of its issuer.',
    ]);
  });
});

describe('A11: what a token must be', () => {
  const claim = 'the setting is jwt-require-claim.';

  it('several values of a claim: any of them; several claims: all; the sentence names the claim alone', async () => {
    const running = await start({
      jwtIssuer: issuer.name,
      jwtRequireClaim: ['roles=s3cret-peer', 'roles=s3cret-admin', 'realm_access.team=s3cret-blue'],
    });
    const realm_access = { team: 's3cret-blue' };
    const said = async (claims: object): Promise<string | undefined> =>
      outcome(running, await token({ iss: issuer.name, ...claims }));
    expect([
      await said({ roles: ['s3cret-admin'], realm_access }),
      await said({ roles: 's3cret-peer', realm_access }),
      await said({ realm_access }),
      await said({ roles: 's3cret-peer', realm_access: { team: 's3cret-red' } }),
    ]).toEqual([
      `${issuer.name}|alice`,
      `${issuer.name}|alice`,
      `This token lacks the claim roles, which this server requires; ${claim}`,
      `The claim realm_access.team of this token holds no value that this server requires; ${claim}`,
    ]);
    expect(refused(running, 'token_claim')).toBe(2);
    expect(JSON.stringify(running.log)).not.toContain('s3cret');
  });

  it('an issuer has its own values of a claim, or else those of all issuers', async () => {
    const second = await TestIssuer.start();
    second.keys = [other.jwk];
    const running = await start({
      jwtIssuer: [issuer.name, second.name],
      jwtAudience: ['cairn', `${second.name} staging`],
      jwtPrincipalClaim: ['sub', `${second.name} client.id`],
      jwtRequireClaim: ['env=prod', 'team=blue', `${second.name} env=staging`],
    });
    const of = (iss: string, signedBy: SigningKey, claims: object): Promise<string | undefined> =>
      token({ iss, team: 'blue', ...claims }, signedBy).then((shown) => outcome(running, shown));
    expect([
      await of(issuer.name, key, { env: 'prod' }),
      await of(issuer.name, key, { env: 'staging' }),
      await of(issuer.name, key, { env: 'prod', aud: 'staging' }),
      await of(second.name, other, { env: 'staging', aud: 'staging', client: { id: 'relay' } }),
      await of(second.name, other, { env: 'staging' }),
      await of(second.name, other, { env: 'staging', aud: 'staging', team: 'red' }),
    ]).toEqual([
      `${issuer.name}|alice`,
      expect.stringContaining('The claim env'),
      'This token is for another service.',
      `${second.name}|relay`,
      'This token is for another service.',
      expect.stringContaining('The claim team'),
    ]);
  });

  it.each([
    ['none', undefined, 'accepted'],
    ['JWT', 'JWT', 'accepted'],
    ['in other letters', 'jwt', 'accepted'],
    ['of RFC 9068', 'at+jwt', 'accepted'],
    ['of RFC 9068, in full', 'application/AT+JWT', 'accepted'],
    ['of a logout token', 'logout+jwt', 'token_type'],
    ['of a logout token, in full', 'application/logout+jwt', 'token_type'],
    ['of a security event', 'secevent+jwt', 'token_type'],
    ['of a proof of possession', 'dpop+jwt', 'token_type'],
    ['of an introspection', 'token-introspection+jwt', 'token_type'],
    ['of a credential', 'vc+sd-jwt', 'token_type'],
    ['that nobody knows', 'made-up', 'token_type'],
    ['empty', '', 'token_type'],
    ['that is a number', 7, 'token_type'],
    ['that is a list', ['JWT'], 'token_type'],
  ])('the type %s: %s', async (_what, typ, expected) => {
    const running = await start({ jwtIssuer: issuer.name });
    const said = await outcome(running, await token({ iss: issuer.name }, key, typ === undefined ? {} : { typ }));
    expect(said).toMatch(expected === 'accepted' ? /\|alice$/ : /^This token is no access token for this server/);
    expect(refused(running, 'token_type')).toBe(expected === 'accepted' ? 0 : 1);
  });

  it.each([
    ['a nonce', { nonce: 'n' }, {}],
    ['the digest of an access token', { at_hash: 'h' }, {}],
    ['the digest of a code, and a scope', { c_hash: 'h', scope: 'openid' }, {}],
    ['the type of Keycloak', { typ: 'ID' }, {}],
    ['the use of Cognito', { token_use: 'id' }, {}],
  ])(
    'an ID token, known by %s, is refused, unless the settings allow those of its issuer',
    async (_what, claims, header) => {
      const shown = await token({ iss: issuer.name, ...claims }, key, header);
      const [strict, lenient] = [
        await start({ jwtIssuer: issuer.name }),
        await start({ jwtIssuer: issuer.name, jwtAllowIdTokens: issuer.name }),
      ];
      expect(await outcome(strict, shown)).toMatch(/^This is an ID token/);
      expect(await outcome(lenient, shown)).toBe(`${issuer.name}|alice`);
    },
  );

  it.each([
    ['a nonce, and a scope', { nonce: 'n', scope: 'openid' }, {}],
    ['a nonce, and the client', { nonce: 'n', client_id: 'portal' }, {}],
    ['a nonce, and the type of Keycloak', { nonce: 'n', typ: 'Bearer' }, {}],
    ['a nonce, and the type of RFC 9068', { nonce: 'n' }, { typ: 'at+jwt' }],
    ['events that are a list', { events: ['created'] }, {}],
  ])('an access token with %s is none', async (_what, claims, header) => {
    const running = await start({ jwtIssuer: issuer.name });
    expect(await outcome(running, await token({ iss: issuer.name, ...claims }, key, header))).toMatch(/\|alice$/);
  });

  it('a logout token is refused also where ID tokens are allowed and its header has no type', async () => {
    const running = await start({ jwtIssuer: issuer.name, jwtAllowIdTokens: issuer.name });
    const events = { 'http://schemas.openid.net/event/backchannel-logout': {} };
    expect(await outcome(running, await token({ iss: issuer.name, events }))).toMatch(/^This token is no access token/);
  });

  it('claims that are nested too deep are refused, and do no harm', async () => {
    const running = await start({ jwtIssuer: issuer.name, jwtRequireClaim: 'a.a.a=x' });
    const deep = `${'{"a":'.repeat(900)}1${'}'.repeat(900)}`;
    const shown = await token({ iss: issuer.name, deep: JSON.parse(deep) as unknown });
    expect(await outcome(running, shown)).toBe('The claims of this token are nested more than 32 deep.');
    expect(await outcome(running, await token({ iss: issuer.name, a: { a: { a: 'x' } } }))).toMatch(/\|alice$/);
  });

  it('a list of 1,400 groups, as many as fit into a token, is looked through', async () => {
    const running = await start({ jwtIssuer: issuer.name, jwtRequireClaim: 'groups=z' });
    const groups = Array.from({ length: 1400 }, () => 'a');
    expect(await outcome(running, await token({ iss: issuer.name, groups: [...groups, 'z'] }))).toMatch(/\|alice$/);
    expect(await outcome(running, await token({ iss: issuer.name, groups }))).toContain('The claim groups');
  });
});

describe('A11: verified claims', () => {
  it('are there for guards and for the topic policy, with the issuer and the kind of proof', async () => {
    const seen: Proof[] = [];
    class OperatorsOnly {
      canActivate(context: ExecutionContext): boolean {
        const { proof } = upgradeOf(context).credential ?? {};
        seen.push(proof!);
        const roles = proof?.claims?.roles;
        return (
          proof?.kind === 'jwt' && proof.issuer === issuer.name && Array.isArray(roles) && roles.includes('operator')
        );
      }
    }
    class ByDepartment {
      allows(_principal: string | undefined, action: string, topic: string, proof?: Proof): boolean {
        return action === 'subscribe' && topic === proof?.claims?.department;
      }
    }
    const running = await startServer({ jwtIssuer: issuer.name, jwtAudience: 'cairn' }, 'trace', clock, {
      guards: [OperatorsOnly],
      topicPolicy: ByDepartment,
    });
    const claims = { iss: issuer.name, roles: ['operator'], department: 'blue' };
    const peer = await Peer.connect(running.url, bearer(await token(claims)));
    for (const topic of ['blue', 'red']) peer.subscribe(topic);
    await peer.sync();
    expect(running.topics.subscriptions).toBe(1);
    expect(seen).toEqual([{ kind: 'jwt', issuer: issuer.name, claims: expect.objectContaining(claims) }]);
    expect(Object.isFrozen(seen[0].claims)).toBe(true);
    expect((await Peer.refused(running.url, bearer(await token({ ...claims, roles: ['peer'] })))).status).toBe(403);
  });
});
