import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Injectable, Module, Scope } from '@nestjs/common';
import type { Type } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { SystemClock } from '../../../src/clock/clock.js';
import type { Clock } from '../../../src/clock/clock.js';
import type { SettingsInput } from '../../../src/config/settings.js';
import { CairnSignalModule, CborWsAdapter, ConfigurationError, IceProvider } from '../../../src/embedding.js';
import type { IceProviderAnswer, IceQuestion } from '../../../src/embedding.js';
import { closeMounted, listen, mount } from '../../support/mounted-application.js';
import { endPrograms, Program } from '../../support/program.js';
import { scrape } from '../../support/scrape.js';
import { startServer, stopServers } from '../../support/server.js';
import type { RunningServer } from '../../support/server.js';
import { until } from '../../support/until.js';
import { V2Peer } from '../../support/v2-peer.js';

const TOKEN = { authToken: 'let-me-in' };
const ALICE = { headers: { Authorization: 'Bearer let-me-in' } };
const SERVER = { urls: ['turn:h?transport=udp'], username: 'u', credential: 'c' };
const never = new Promise<never>(() => undefined);

/** The system's time, where nobody waits for 5 s. */
class Hasty extends SystemClock {
  override sleep(milliseconds: number, over?: AbortSignal): Promise<void> {
    return super.sleep(milliseconds === 5000 ? 50 : milliseconds, over);
  }
}

/** A class that answers so, and what it was asked. */
function provider(answer: (question: IceQuestion) => unknown): { type: Type<IceProvider>; questions: IceQuestion[] } {
  const questions: IceQuestion[] = [];
  class Scripted extends IceProvider {
    iceServers(question: IceQuestion): Promise<IceProviderAnswer> {
      questions.push(question);
      return answer(question) as Promise<IceProviderAnswer>;
    }
  }
  return { type: Scripted, questions };
}

const start = (
  answer: (question: IceQuestion) => unknown,
  settings: SettingsInput = {},
  clock: Clock = new Hasty(),
): ReturnType<typeof serve> => serve(provider(answer), settings, clock);

async function serve(
  { type, questions }: ReturnType<typeof provider>,
  settings: SettingsInput,
  clock: Clock,
): Promise<{ running: RunningServer; questions: IceQuestion[] }> {
  const running = await startServer({ ...TOKEN, ...settings }, 'info', clock, { iceProvider: type });
  return { running, questions };
}

const get = ({ http }: RunningServer): Promise<Response> => fetch(`${http}/ice`, ALICE);

afterEach(async () => {
  await stopServers();
  await closeMounted();
  endPrograms();
});

describe('an ICE provider', () => {
  it('V11, V13: is told over both ways, after stun-urls, and asked once', async () => {
    const { running, questions } = await start(async () => ({ iceServers: [SERVER] }), { stunUrls: 'stun:h' });
    const peer = await V2Peer.connect(running.url, ALICE);
    expect(peer.welcome.features).toContain('ice');
    const { IceServers } = await peer.answer({ IceServers: {} });
    expect(IceServers!.servers).toEqual([{ urls: ['stun:h'] }, SERVER]);
    const response = await get(running);
    expect([response.status, response.headers.get('cache-control')]).toEqual([200, 'no-store']);
    expect((await response.json()) as object).toMatchObject({ iceServers: IceServers!.servers });
    expect(questions).toMatchObject([{ principal: undefined, ttl: 3600 }]);
  });

  it('V2, V11: an answer that takes its time is in its turn, and no other connection waits for it', async () => {
    let answer!: (value: object) => void;
    const { running, questions } = await start(() => new Promise((resolve) => (answer = resolve)));
    const peer = await V2Peer.connect(running.url, ALICE);
    const other = await V2Peer.connect(running.url, ALICE);
    peer.tell({ Subscribe: { topic: 'a', id: 1 } });
    peer.tell({ IceServers: { id: 2 } });
    peer.tell({ Ping: { id: 3 } });
    peer.tell({ Unsubscribe: { topic: 'a', id: 4 } });
    peer.tell({ IceServers: { id: 5 } });
    await until(() => questions.length === 1);
    expect(await other.answer({ Subscribe: { topic: 'b' } })).toEqual({ Ack: { id: 1 } });
    answer({ iceServers: [SERVER] });
    const heard = await peer.heard();
    expect(
      heard.map((message) => Object.entries(message).map(([kind, fields]) => [kind, (fields as { id: number }).id])[0]),
    ).toEqual([
      ['Ack', 1],
      ['IceServers', 2],
      ['Pong', 3],
      ['Ack', 4],
      ['IceServers', 5],
    ]);
    expect(questions).toHaveLength(1);
  });

  it('V11: a connection that goes away while it waits is told nothing, and leaves no trace', async () => {
    let answer!: (value: object) => void;
    const { running, questions } = await start(() => new Promise((resolve) => (answer = resolve)));
    const peer = await V2Peer.connect(running.url, ALICE);
    peer.tell({ IceServers: { id: 1 } });
    const over = new AbortController();
    const gone = fetch(`${running.http}/ice`, { ...ALICE, signal: over.signal }).catch(() => 'gone');
    await until(() => questions.length === 1);
    peer.socket.terminate();
    over.abort();
    expect(await gone).toBe('gone');
    answer({ iceServers: [SERVER] });
    await until(() => running.connections.size === 0);
    expect((await get(running)).status).toBe(200);
    expect(running.log.filter(({ level }) => level !== 'info' && level !== 'warn')).toEqual([]);
  });

  it('V11: that hangs is asked a few times for 1,000 requests of one peer, and each is answered, in order', async () => {
    const { running, questions } = await start(() => never, { maxMessagesPerSecond: 0 });
    const peer = await V2Peer.connect(running.url, ALICE);
    for (let id = 1; id <= 1000; id++) peer.tell({ IceServers: { id } });
    const response = await get(running);
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1']);
    expect(await response.json()).toMatchObject({ message: 'This server could not get any ICE servers just now.' });
    for (let id = 1; id <= 1000; id++) {
      expect(await peer.take('Error')).toMatchObject({ id, code: 'unavailable', retry: 1000 });
    }
    expect(questions.length).toBeLessThan(100);
    expect(running.log.filter(({ target, level }) => target === 'cairn_signal::ice' && level === 'error')).toEqual(
      expect.arrayContaining([expect.objectContaining({ msg: expect.stringContaining('did not answer within 5 s') })]),
    );
  });

  it('V13: that hangs is asked once for 1,000 requests of one source over HTTP, most of which are throttled', async () => {
    const { running, questions } = await start(() => never, { maxMessagesPerSecond: 1, messageBurst: 30 });
    const statuses = await Promise.all(Array.from({ length: 1000 }, async () => (await get(running)).status));
    expect(new Set(statuses)).toEqual(new Set([503, 429]));
    expect(statuses.filter((status) => status === 503).length).toBeLessThan(100);
    expect(questions.length).toBeLessThan(20);
  });

  it('V11: may have none for a peer', async () => {
    const { running } = await start(() => false);
    const peer = await V2Peer.connect(running.url, ALICE);
    const said = { code: 'unavailable', message: 'this server has no ICE servers for you' };
    expect(await peer.answer({ IceServers: {} })).toEqual({ Error: { id: 1, ...said } });
    const response = await get(running);
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ message: 'This server has no ICE servers for you.' });
  });

  it('V11: an open server asks it only with turn-open', async () => {
    const { type, questions } = provider(() => ({ iceServers: [SERVER] }));
    const closed = await startServer({ stunUrls: 'stun:h' }, 'info', undefined, { iceProvider: type });
    expect(closed.log.map(({ msg }) => msg).join()).toContain('ice-provider is set, but anyone may connect');
    expect((await fetch(`${closed.http}/ice`)).status).toBe(403);
    expect(questions).toEqual([]);
    const open = await startServer({ turnOpen: 'on' }, 'info', undefined, { iceProvider: type });
    expect((await fetch(`${open.http}/ice`)).status).toBe(200);
    expect(questions).toHaveLength(1);
  });

  it('D2: a server that stops waits for no answer', async () => {
    const { running, questions } = await start(() => never, { drainTimeout: '0s' }, new SystemClock());
    const asking = get(running).catch(() => 'cut');
    await until(() => questions.length === 1);
    const peer = await V2Peer.connect(running.url, ALICE);
    peer.tell({ IceServers: { id: 1 } });
    await running.close();
    expect(await asking).toBe('cut');
    expect((await peer.closed).code).toBe(1001);
  });

  it('is in the metrics', async () => {
    const { running } = await start(() => never, { metricsToken: 'for-metrics' });
    await (await get(running)).text();
    const figures = await scrape(`${running.http}/metrics`, 'for-metrics');
    expect(figures.get('cairn_signal_ice_requests_total{outcome="http_failed"}')).toBe(1);
    expect(figures.get('cairn_signal_ice_provider_failures_total{reason="timeout"}')).toBe(1);
    expect(figures.get('cairn_signal_ice_provider_seconds_count')).toBe(1);
  });
});

describe('a file with an ICE provider', () => {
  let folder: string;
  let count = 0;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'cairn-signal-ice-provider-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  const write = (text: string): string => {
    const path = join(folder, `number-${++count}`, 'ice.mjs');
    mkdirSync(join(path, '..'));
    writeFileSync(path, text);
    return path;
  };
  const SERVE = ['--listen-addr', '127.0.0.1:0', '--auth-token', 'let-me-in'];
  const GOOD = `export default class Ours { iceServers({ principal, ttl }) {
    return { ttl, iceServers: [{ urls: 'turn:h', username: 'u', credential: 'c' }] };
  } }`;

  it('is loaded as guards are, and named on SIGHUP where it differs from what runs', async () => {
    const path = write(GOOD);
    const program = new Program([...SERVE, '--ice-provider', path]);
    const port = await program.port();
    expect(await (await fetch(`http://127.0.0.1:${port}/ice`, ALICE)).json()).toEqual({
      iceServers: [{ urls: ['turn:h'], username: 'u', credential: 'c' }],
      ttl: expect.closeTo(3600, -1),
    });
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).json()).toMatchObject({ links: { ice: '/ice' } });
    writeFileSync(path, `${GOOD}\n`);
    program.signal('SIGHUP');
    await program.printed(/ice-provider [^\n]* has changed: code is read only when the server starts/);
  });

  it.each<[string, string | undefined, string]>([
    ['missing', undefined, 'there is no such file'],
    ['without a class', 'export const x = 1;', 'it exports no class with a method "iceServers"'],
    ['with a function', 'export default () => [];', '"default" is a function'],
    ['with an object', 'export default { iceServers() {} };', '"default" is an object'],
    ['with a static method', 'export class I { static iceServers() {} }', '"iceServers" of "I" is static'],
    [
      'with two classes',
      `${GOOD} export class B { iceServers() {} }`,
      'more than one class with a method "iceServers"',
    ],
    ['that throws', 'throw new Error("not today");', 'Error: not today'],
    ['that is no JavaScript', 'export default class {', 'SyntaxError'],
  ])('%s stops the start and fails check-config, by its name', async (_, text, why) => {
    const path = text === undefined ? join(folder, 'nowhere.mjs') : write(text);
    for (const args of [SERVE, ['check-config', ...SERVE]]) {
      const { code, stderr } = await new Program([...args, '--ice-provider', path]).ended;
      expect(code).toBe(1);
      expect(stderr).toContain(`ice-provider ${JSON.stringify(path)}: `);
      expect(stderr).toContain(why);
    }
  });

  it('stops the start where it injects what is not there, or makes objects without the method', async () => {
    const path = write(
      'class Other {} export class I { constructor(o) {} iceServers() {} } Reflect.defineMetadata("design:paramtypes", [Other], I);',
    );
    const missing = await new Program([...SERVE, '--ice-provider', path]).ended;
    expect([missing.code, missing.stderr]).toEqual([1, expect.stringContaining('the ICE provider cannot be made')]);
    const without = await new Program([...SERVE, '--ice-provider', write('export class I { iceServers = 1; }')]).ended;
    expect(without.stderr).toContain('ICE provider: I makes objects without a method "iceServers"');
  });

  it('excludes turn-urls, and check-config warns where anyone may connect', async () => {
    const path = write(GOOD);
    const both = ['--ice-provider', path, '--turn-urls', 'turn:h', '--turn-secret-file', path];
    const { code, stderr } = await new Program(['check-config', ...SERVE, ...both]).ended;
    expect([code, stderr]).toEqual([2, expect.stringContaining('--turn-urls and --ice-provider are both set')]);
    const open = await new Program(['check-config', ...SERVE.slice(0, 2), '--ice-provider', path]).ended;
    expect([open.code, open.stderr]).toEqual([0, expect.stringContaining('warning: ice-provider is set, but anyone')]);
  });
});

@Injectable()
class Vault {
  readonly key = 'k';
}
@Module({ providers: [Vault], exports: [Vault] })
class VaultModule {}
@Injectable()
class FromVault extends IceProvider {
  constructor(private readonly vault: Vault) {
    super();
  }

  iceServers(): IceProviderAnswer {
    return { iceServers: [{ ...SERVER, username: this.vault.key }] };
  }
}

describe('an ICE provider of an application', () => {
  const usernameAt = async (url: string): Promise<string | undefined> => {
    const peer = await V2Peer.connect(url, ALICE);
    return (await peer.answer({ IceServers: {} })).IceServers?.servers[0].username;
  };

  it('V11: is a class in the registration, which injects what imports provide', async () => {
    const { url } = await mount({ settings: TOKEN, iceProvider: FromVault, imports: [VaultModule] });
    expect(await usernameAt(url)).toBe('k');
  });

  it('V11: may stand beside a factory, and overrideProvider of @nestjs/testing replaces it', async () => {
    const registration = CairnSignalModule.forRootAsync({
      iceProvider: FromVault,
      imports: [VaultModule],
      useFactory: () => ({ settings: { ...TOKEN, maxConnections: 100 } }),
    });
    @Module({ imports: [registration] })
    class Company {}
    for (const replaced of [false, true]) {
      const testing = Test.createTestingModule({ imports: [Company] });
      const other = { iceServers: () => ({ iceServers: [{ ...SERVER, username: 'other' }] }) };
      if (replaced) testing.overrideProvider(IceProvider).useValue(other);
      const app = (await testing.compile()).createNestApplication();
      app.useWebSocketAdapter(new CborWsAdapter(app));
      app.useLogger(false);
      expect(await usernameAt((await listen(app)).url)).toBe(replaced ? 'other' : 'k');
    }
  });

  it('is checked with the other classes and settings', () => {
    class Nothing {}
    const faultsOf = (options: object): readonly string[] => {
      try {
        CairnSignalModule.forRoot(options);
      } catch (error) {
        if (error instanceof ConfigurationError) return error.faults;
        throw error;
      }
      return [];
    };
    const turn = { turnUrls: 'turn:h', turnSecretFile: '/nowhere' };
    expect(faultsOf({ iceProvider: Nothing, settings: { ...turn, iceProvider: './ice.js' } })).toEqual(
      expect.arrayContaining([
        'iceProvider: Nothing is not a class with a method "iceServers"',
        expect.stringMatching(/^iceProvider: an application passes the classes themselves/),
        'iceProvider and turnUrls are both set: set only one of them',
      ]),
    );
    expect(faultsOf({ iceProvider: FromVault })).toEqual([]);
  });

  it('must not have request scope', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class PerRequest extends FromVault {}
    await expect(mount({ iceProvider: PerRequest, imports: [VaultModule] })).rejects.toThrow(
      'the ICE provider, or something it injects, has request scope',
    );
  });
});
