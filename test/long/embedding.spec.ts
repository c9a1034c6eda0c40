import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { WebSocket } from 'ws';
import { EmbeddedApplication } from '../support/embedded-application.js';
import { makeKey, sign } from '../support/issuer.js';
import type { SigningKey } from '../support/issuer.js';
import { NatsServer, describeWithNats } from '../support/nats-server.js';
import { payloadOf, Peer, settle } from '../support/peer.js';
import { scrape } from '../support/scrape.js';
import { startServer, stopServers } from '../support/server.js';

/** For packing, installing and compiling on a busy machine. */
const INSTALLING_MS = 240_000;

/** The page for people who extend the server, and its code blocks in order. */
const PAGE = readFileSync(new URL('../../docs/extending.md', import.meta.url), 'utf8');
const [
  officeHours,
  oneEach,
  policy,
  roomPolicy,
  mount,
  fromConfiguration,
  useBoth,
  takingPart,
  wakeUp,
  observed,
  health,
] = [...PAGE.matchAll(/```(?:js|ts)\n(.*?)```/gs)].map(([, code]) => code);
/** Blocks whose fences tell them from the others. */
const [claims, withIce] = [...PAGE.matchAll(/```typescript\n(.*?)```/gs)].map(([, code]) => code);
const [, iceProvider] = /```javascript\n(.*?)```/s.exec(PAGE)!;
/** Names in the page that Nest or the reader's application has. */
const OF_OTHERS = [
  'EventEmitter',
  'Inject',
  'Logger',
  'LoggerService',
  'PinoLogger',
  'Registry',
  'ThrottlerGuard',
  'WsAdapter',
];
/** What the policy of the page goes by. */
const DIRECTORY = `export class Directory {
  onChange(_told: (principal: string) => void): void {}
  isMember(principal: string | undefined, _topic: string): Promise<boolean> {
    return Promise.resolve(principal !== undefined);
  }
}
`;
/** What the observer of the page tells. */
const PUSH = `export class Push {
  wakePartnerOf(_topic: string, _principal: string | undefined): Promise<void> {
    return Promise.resolve();
  }
  forget(_topic: string, _id: number): void {}
}
`;
const ALICE_TOKEN = 's3cret';

/** Prints the figure of a metric from a registry of another version, while the application runs and after its end. */
const OTHER_REGISTRY = `
  import 'reflect-metadata';
  import { NestFactory } from '@nestjs/core';
  import { CairnSignalModule, CborWsAdapter } from 'cairn-signal';
  import prom from 'prom-client-of-another-version';
  const register = new prom.Registry();
  const registration = CairnSignalModule.forRoot({ register, settings: { maxConnections: 9 } });
  const app = await NestFactory.create(registration, { logger: false });
  app.useWebSocketAdapter(new CborWsAdapter(app));
  await app.init();
  const [, ready] = /^cairn_signal_ready (\\d)$/m.exec(await register.metrics());
  await app.close();
  console.log(ready, register.getMetricsAsArray().length);
`;

let application: EmbeddedApplication;
let key: SigningKey;
beforeAll(async () => {
  key = await makeKey('key');
  application = await EmbeddedApplication.install({
    'src/one-each.ts': oneEach,
    'src/room.policy.ts': roomPolicy,
    'src/directory.ts': DIRECTORY,
    'src/claims.ts': claims,
    'src/mount.ts': mount,
    'src/from-configuration.ts': fromConfiguration,
    'src/use-both.ts': useBoth,
    'src/taking-part.ts': takingPart,
    'src/wake-up.ts': wakeUp,
    'src/with-ice.module.ts': withIce,
    'src/push.ts': PUSH,
    'src/observed.module.ts': observed,
    'src/health.controller.ts': health,
    'other-registry.mjs': OTHER_REGISTRY,
    'office-hours.js': officeHours,
    'policy.js': policy,
    'ice.js': iceProvider,
    'key.pem': key.pem,
    tokens: `alice:sha256:${createHash('sha256').update(ALICE_TOKEN).digest('hex')}\n`,
  });
}, INSTALLING_MS);
afterAll(() => application.remove());

const ADA = { headers: { 'X-Badge': '4711' } };
const GRACE = { headers: { 'X-Badge': '4712' } };

describe('an application that mounts the server', () => {
  it('uses its own copy of Nest, and there is only one', () => {
    expect(application.manifestOf('@nestjs/core').version).toMatch(/^12\./);
    expect(() => application.manifestOf('cairn-signal/node_modules/@nestjs/core')).toThrow('ENOENT');
  });

  it('G1: lets in the peers that its own guard allows, and relays by its own policy', async () => {
    const running = await application.start();
    const refused = await Peer.refused(running.url);
    expect([refused.status, refused.body]).toEqual([401, 'Show your badge in X-Badge.\n']);

    const [ada, grace] = [await Peer.connect(running.url, ADA), await Peer.connect(running.url, GRACE)];
    for (const peer of [ada, grace]) for (const topic of ['announcements', 'free']) peer.subscribe(topic);
    await settle([ada, grace], []);
    ada.relay('announcements', 'from ada');
    grace.relay('announcements', 'from grace');
    grace.relay('free', 'free');
    await settle([ada, grace], [ada, grace]);
    const heard = (peer: Peer): string[] =>
      peer.received.map((message) => /from ada|from grace|free$/.exec(message.toString('latin1'))![0]);
    expect([heard(ada), heard(grace)]).toEqual([['free'], ['from ada']]);

    const metrics = await scrape(`${running.http}/metrics`);
    expect(metrics.get('cairn_signal_messages_dropped_total{reason="forbidden"}')).toBe(1);
    expect(metrics.get('cairn_signal_ready')).toBe(1);
    expect(metrics.get('process_start_time_seconds')).toBeGreaterThan(0);
  });

  it('E1, E2, E4: takes part, sees who is connected, and sends them home', async () => {
    const running = await application.start();
    const grace = await Peer.connect(running.url, GRACE);
    for (const topic of ['announcements', 'help']) grace.subscribe(topic);
    await grace.sync();
    const ask = async (path: string, init?: RequestInit): Promise<unknown> =>
      (await fetch(`${running.http}/people${path}`, init)).json();
    const headers = { 'Content-Type': 'application/json' };
    const announcement = { method: 'POST', headers, body: '{"text":"lunch"}' };
    expect(await ask('/announcements', announcement)).toEqual({ listeners: 1 });
    expect(payloadOf(await grace.next()).toString()).toBe('lunch');
    grace.relay('help', 'printer');
    expect(payloadOf(await grace.next()).toString()).toBe('we look into: printer');
    expect(await ask('')).toEqual([{ id: 1, principal: 'grace', address: '127.0.0.1' }]);
    expect(await ask('/grace', { method: 'DELETE' })).toEqual({ closed: 1 });
    expect(await grace.closed).toEqual({ code: 4002, reason: 'see you tomorrow' });
    const checked = await (await fetch(`${running.http}/health`)).json();
    expect(checked).toMatchObject({ status: 'ok', details: { signaling: { phase: 'serving' } } });
  });

  it('may have another version of prom-client', async () => {
    expect(await application.run('other-registry.mjs')).toBe('1 0\n');
  });

  it('serves its own gateway beside it', async () => {
    const running = await application.start();
    const notices = new WebSocket(`${running.url}/notices`);
    await once(notices, 'open');
    notices.send('{"event":"latest"}');
    const [answer] = (await once(notices, 'message')) as [Buffer];
    expect(JSON.parse(answer.toString())).toEqual({ event: 'notice', data: 'The canteen opens at noon.' });
    notices.close();
    expect((await Peer.connect(running.url, ADA)).isOpen).toBe(true);
  }, 30_000);

  it.each([
    ['nodenext', []],
    ['commonjs', ['--moduleResolution', 'node10', '--ignoreDeprecations', '6.0']],
    ['commonjs', ['--moduleResolution', 'bundler']],
  ])(
    'compiles with module %s %j',
    async (module, flags) => {
      expect(await application.compile(['src/company.module.ts'], ['--module', module, ...flags])).toBe('');
    },
    60_000,
  );

  it('D2: drains when it shuts down', async () => {
    const running = await application.start();
    const peer = await Peer.connect(running.url, ADA);
    running.stop();
    expect((await peer.closed).code).toBe(1001);
    await running.ended;
  });
});

describe('docs/extending.md', () => {
  it('G1: its guard in ten lines works, and so does its policy', async () => {
    expect(officeHours.trim().split('\n').slice(1).length).toBeLessThanOrEqual(10);
    const files = ['--guard', 'office-hours.js', '--topic-policy', 'policy.js', '--ice-provider', 'ice.js'];
    expect(await application.checkConfig(files)).toMatch(/^the configuration is valid/);
  });

  it('A11: its guard goes by the claims of a JWT in ten lines', async () => {
    expect(claims.trim().split('\n').length).toBeLessThanOrEqual(11);
    const running = await application.serve([
      '--jwt-issuer=https://id.example.com',
      '--jwt-audience=cairn',
      '--jwt-public-key=key.pem',
      '--guard=dist/claims.js',
    ]);
    const shown = async (roles: string[]): Promise<object> => {
      const exp = Math.floor(Date.now() / 1000) + 300;
      const token = await sign(key, { iss: 'https://id.example.com', aud: 'cairn', sub: 'alice', exp, roles });
      return { headers: { Authorization: `Bearer ${token}` } };
    };
    await Peer.connect(running.url, await shown(['operator']));
    expect((await Peer.refused(running.url, await shown(['guest']))).status).toBe(403);
  });

  it('G1: its guard with injection lets each principal in once', async () => {
    const running = await application.serve([
      '--auth-token-file',
      'tokens',
      '--guard',
      'dist/one-each.js',
      '--topic-policy',
      'policy.js',
    ]);
    const alice = { headers: { Authorization: `Bearer ${ALICE_TOKEN}` } };
    await Peer.connect(running.url, alice);
    expect((await Peer.refused(running.url, alice)).status).toBe(403);
  });

  it('names only what the package exports', async () => {
    const exported = Object.keys(await import('../../src/embedding.js'));
    const named = [...PAGE.matchAll(/`([A-Z][A-Za-z]+)`/g)].map(([, name]) => name);
    expect(named).toContain('RecordStore');
    expect(named.filter((name) => ![...OF_OTHERS, ...exported].includes(name))).toEqual([]);
  });
});

describeWithNats('an application that mounts the server, over NATS', () => {
  afterEach(async () => {
    await stopServers();
    await NatsServer.stopAll();
  });

  it('N1: relays between its own peers and those of a standalone server', async () => {
    const nats = await NatsServer.start();
    const embedded = await application.start({ NATS_URL: nats.url });
    const standalone = await startServer({ natsUrl: nats.url });
    const [here, there] = [await Peer.connect(embedded.url, ADA), await Peer.connect(standalone.url)];
    here.subscribe('t');
    there.subscribe('t');
    await settle([here, there], []);
    const outward = here.relay('t', 'outward');
    const inward = there.relay('t', 'inward');
    expect(await there.next()).toEqual(outward);
    expect(await here.next()).toEqual(inward);
  });
});
