import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HttpException, Inject, Injectable, Module, Scope, UnauthorizedException } from '@nestjs/common';
import type { CanActivate, ExecutionContext, Type } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { afterEach, describe, expect, it } from '@jest/globals';
import { of } from 'rxjs';
import { upgradeOf } from '../../../src/auth/upgrade-request.js';
import { SystemClock } from '../../../src/clock/clock.js';
import type { Clock } from '../../../src/clock/clock.js';
import { parseSettings } from '../../../src/config/load-settings.js';
import { Settings } from '../../../src/config/settings.js';
import { loadExtensions } from '../../../src/extensions.js';
import type { SettingsInput } from '../../../src/config/settings.js';
import { ConnectionRegistry } from '../../../src/presence/connection-registry.js';
import { RefusalCounts } from '../../../src/metrics/refusal-counts.js';
import type { RefusalReason } from '../../../src/protocol/refusal-reasons.js';
import { ManualClock } from '../../support/manual-clock.js';
import { Peer } from '../../support/peer.js';
import type { Refusal } from '../../support/peer.js';
import { startServer, stopServers } from '../../support/server.js';
import type { RunningServer } from '../../support/server.js';

afterEach(stopServers);

const file = (name: string): string => fileURLToPath(new URL(`../../support/extensions/${name}`, import.meta.url));

/** A server with one guard that behaves like this. */
function guarded(
  canActivate: CanActivate['canActivate'],
  input: SettingsInput = {},
  clock?: Clock,
): Promise<RunningServer> {
  class AddedGuard implements CanActivate {
    readonly canActivate = canActivate;
  }
  return startServer(input, 'trace', clock, { guards: [AddedGuard] });
}

/** How the server refuses, and how often it counted that. */
async function refusedBy(running: RunningServer, reason: RefusalReason): Promise<Refusal> {
  const counts = running.server.app.get(RefusalCounts, { strict: false });
  const before = counts.of(reason);
  const refused = await Peer.refused(running.url);
  expect(counts.of(reason) - before).toBe(1);
  return refused;
}

/** A clock on which nobody waits. */
class HastyClock extends SystemClock {
  override sleep(): Promise<void> {
    return Promise.resolve();
  }
}

describe('a custom guard', () => {
  it.each([
    ['true', () => true],
    ['a promise of true', () => Promise.resolve(true)],
    ['an observable of true', () => of(true)],
  ])('G1: lets in with %s', async (_what, answer) => {
    const running = await guarded(answer);
    const peer = await Peer.connect(running.url);
    expect(peer.socket.readyState).toBe(peer.socket.OPEN);
  });

  it.each([null, '', 42, { id: 1 }, 'a\nb', '\u202Ex', 'x'.repeat(256)])(
    'G3: is at fault if it sets the principal %j: peers without a principal would share one',
    async (principal) => {
      const running = await guarded((context) => {
        (upgradeOf(context) as { principal: unknown }).principal = principal;
        return true;
      });
      expect(await refusedBy(running, 'guard_nonsense')).toMatchObject({ status: 503 });
      expect(running.log).toContainEqual(
        expect.objectContaining({
          level: 'error',
          msg: expect.stringMatching(
            /^a guard set a principal that is not text of 1 to 255 characters .* so the peer is refused$/,
          ),
          guard: 'AddedGuard',
        }),
      );
    },
  );

  it.each([
    ['false', () => false],
    ['a promise of false', () => Promise.resolve(false)],
    ['an observable of false', () => of(false)],
  ])('G2: refuses with 403 by %s', async (_what, answer) => {
    const running = await guarded(answer);
    expect(await refusedBy(running, 'guard')).toMatchObject({
      status: 403,
      body: 'This server does not let you in.\n',
    });
  });

  it.each([
    ["Nest's exceptions", new UnauthorizedException('Log in first.'), { status: 401, body: 'Log in first.\n' }],
    [
      'an exception with retryAfter',
      new HttpException({ message: 'Later.', retryAfter: 60 }, 429),
      { status: 429, body: 'Later.\n', retryAfter: '60' },
    ],
    [
      'an error with a status',
      Object.assign(new Error('Pay first.'), { status: 402 }),
      { status: 402, body: 'Pay first.\n' },
    ],
    ['an object with a status alone', { status: 503 }, { status: 503, body: 'This server does not let you in.\n' }],
    [
      'an exception of another copy of Nest',
      Object.assign(new Error('Gone.'), {
        getStatus: () => 410,
        getResponse: () => ({ message: 'Gone.', retryAfter: 60 }),
      }),
      { status: 410, body: 'Gone.\n', retryAfter: '60' },
    ],
  ])('G2: chooses the status with %s', async (_what, thrown, answer) => {
    const running = await guarded(() => {
      throw thrown as Error;
    });
    const refused = await refusedBy(running, 'guard');
    expect({ status: refused.status, body: refused.body, retryAfter: refused.headers['retry-after'] }).toEqual(answer);
  });

  it.each([
    ['an error', { status: 429, retryAfter: -5 }, '0'],
    ['an error, as text', { status: '429', retryAfter: '1.5' }, '2'],
    ['an exception', new HttpException({ message: 'Later.', retryAfter: 1e20 }, 429), '31536000'],
    ['an exception itself', Object.assign(new HttpException('Later.', 429), { retryAfter: NaN }), '5'],
    ['an exception with a status as text', new HttpException('Later.', '429' as unknown as number), undefined],
  ])('G2: tells a valid Retry-After of %s', async (_what, thrown, retryAfter) => {
    const running = await guarded(() => {
      throw thrown as Error;
    });
    const refused = await refusedBy(running, 'guard');
    expect([refused.status, refused.headers['retry-after']]).toEqual([429, retryAfter]);
  });

  it('G2: tells a valid Retry-After where a guard sets the header itself', async () => {
    const running = await guarded((context) => {
      upgradeOf(context).res.status(429).setHeader('Retry-After', -5);
      return false;
    });
    const refused = await refusedBy(running, 'guard');
    expect([refused.status, refused.headers['retry-after']]).toEqual([429, '0']);
  });

  it.each([1000, 399, 99, NaN, Infinity, -1])('G5: a status of %p is none, so false is 403', async (status) => {
    const running = await guarded((context) => {
      upgradeOf(context).res.status(status);
      return false;
    });
    expect((await refusedBy(running, 'guard')).status).toBe(403);
  });

  const trap = (): never => {
    throw new Error('the s3cret');
  };
  it.each([
    ['null', null, 'threw object'],
    ['a frozen object', Object.freeze({ code: 'the s3cret' }), 'threw object'],
    ['a proxy that throws', new Proxy({}, { get: trap, getPrototypeOf: trap }), 'threw object'],
    ['an error whose name throws', Object.defineProperty(new Error('x'), 'name', { get: trap }), 'threw object'],
    ['an error whose stack throws', Object.defineProperty(new Error('x'), 'stack', { get: trap }), 'threw Error'],
    ['an error whose status throws', Object.defineProperty(new Error('x'), 'status', { get: trap }), 'threw Error'],
    ['an error whose getStatus throws', Object.assign(new Error('x'), { getStatus: trap }), 'threw Error'],
    ['an exception whose getResponse throws', Object.assign(new HttpException('x', 403), { getResponse: trap }), ''],
  ])('G3: fails closed when it throws %s, and the server goes on', async (_what, thrown, logged) => {
    const running = await guarded(() => Promise.reject(thrown));
    const refused = await refusedBy(running, 'guard_failed');
    expect([refused.status, refused.headers['retry-after']]).toEqual([503, '5']);
    expect(running.log.filter(({ level }) => level === 'error')).toMatchObject([
      { guard: 'AddedGuard', msg: expect.stringContaining(`a guard ${logged}`) },
    ]);
    expect(JSON.stringify(running.log.filter(({ level }) => level !== 'debug'))).not.toContain('s3cret');
  });

  it.each([
    ['a status of 100', new HttpException('x', 100)],
    ['a status of 9999', new HttpException('x', 9999)],
    ['a proxy', new Proxy({}, { get: trap, getPrototypeOf: trap })],
  ])('G4: a global guard that throws %s is 500, a fault', async (_what, thrown) => {
    const canActivate = (): Promise<never> => Promise.reject(thrown);
    @Module({ providers: [{ provide: APP_GUARD, useValue: { canActivate } }] })
    class GlobalModule {}
    const running = await startServer({}, 'info', undefined, { imports: [GlobalModule] });
    expect(await refusedBy(running, 'fault')).toMatchObject({ status: 500 });
  });

  const mutations: [string, (request: Record<string, unknown>) => unknown][] = [
    ['takes its headers away', (request) => (request.headers = {})],
    ['removes what the handshake needs', ({ headers }) => delete (headers as never)['sec-websocket-key']],
    ['changes the method', (request) => (request.method = 'POST')],
    ['takes the response away', (request) => delete request.res],
    ['says that it comes from elsewhere', (request) => (request.peerNetwork = 7)],
  ];
  it.each(mutations)('G1: lets in a peer whose request it changes: %s', async (_what, mutate) => {
    const running = await guarded((context) => {
      mutate(upgradeOf(context) as never);
      return true;
    });
    const peer = await Peer.connect(running.url);
    expect([...running.connections].map(({ source }) => source)).toEqual(['127.0.0.1']);
    await peer.sync();
  });

  it('G3: that freezes the request lets nobody in, and the peer gets an answer', async () => {
    const running = await guarded((context) => Object.isFrozen(Object.freeze(upgradeOf(context))));
    expect((await refusedBy(running, 'fault')).status).toBe(500);
  });

  it('G3: fails closed when it sets a header that would break the answer', async () => {
    const running = await guarded((context) => {
      upgradeOf(context).res.setHeader('X-Name', 'a\r\nSet-Cookie: b=c');
      return true;
    });
    const refused = await refusedBy(running, 'guard_failed');
    expect(refused.headers).not.toHaveProperty('set-cookie');
  });

  it.each([
    ['an error', new TypeError('the s3cret'), 'threw TypeError'],
    [
      'an error with a status that refuses nothing',
      Object.assign(new Error('the s3cret'), { status: 200 }),
      'threw Error',
    ],
    ['an exception with a status that refuses nothing', new HttpException('the s3cret', 101), 'threw HttpException'],
    ['something that is no error', 'the s3cret', 'threw string'],
    ['nothing at all', undefined, 'threw undefined'],
  ])(
    'G3: fails closed when it throws %s: 503, and the log names the error without its text',
    async (_what, thrown, logged) => {
      const running = await guarded(() => {
        throw thrown as Error;
      });
      const refused = await refusedBy(running, 'guard_failed');
      expect([refused.status, refused.headers['retry-after'], refused.body]).toEqual([
        503,
        '5',
        'This server cannot tell whether you may connect; try again.\n',
      ]);
      const lines = running.log.filter(({ level }) => level === 'error');
      expect(lines).toMatchObject([{ guard: 'AddedGuard', msg: `a guard ${logged}, so the peer is refused` }]);
      expect(JSON.stringify(running.log.filter(({ level }) => level !== 'debug'))).not.toContain('s3cret');
    },
  );

  it.each([
    ['undefined', undefined],
    ['a word', 'yes'],
    ['a number', 1],
    ['an object', {}],
    ['a promise of nothing', Promise.resolve()],
  ])('G3: fails closed when it answers %s', async (_what, answer) => {
    const running = await guarded(() => answer as boolean);
    expect((await refusedBy(running, 'guard_nonsense')).status).toBe(503);
  });

  it('G3: fails closed when it does not answer in time', async () => {
    const running = await guarded(() => new Promise<boolean>(() => undefined), {}, new HastyClock());
    expect((await refusedBy(running, 'guard_timeout')).status).toBe(503);
    expect(running.log.filter(({ level }) => level === 'error')).toMatchObject([
      { msg: 'a guard did not answer within 5 s, so the peer is refused' },
    ]);
  });

  it('G3: that fails for many peers is logged once a second', async () => {
    const running = await guarded(() => {
      throw new Error('down');
    });
    await Promise.all(Array.from({ length: 20 }, () => Peer.refused(running.url)));
    expect(running.log.filter(({ level }) => level === 'error').length).toBeLessThan(20);
  });

  it('G1: is not asked if a built-in guard refuses', async () => {
    let asked = 0;
    const running = await guarded(() => (asked += 1) > 0, { authToken: 's3cret' });
    expect((await Peer.refused(running.url)).status).toBe(401);
    await Peer.connect(running.url, { headers: { Authorization: 'Bearer s3cret' } });
    expect(asked).toBe(1);
  });

  it('G1: sees the request and where it comes from, and may say who the peer is', async () => {
    let seen: unknown;
    const running = await guarded((context: ExecutionContext) => {
      const request = upgradeOf(context);
      seen = {
        address: request.peerAddress,
        url: request.url,
        agent: request.headers['user-agent'],
        type: context.getType(),
        gateway: context.getClass().name,
      };
      request.principal = 'alice';
      return true;
    });
    await Peer.connect(`${running.url}/a?b`, { headers: { 'User-Agent': 'me' } });
    expect(seen).toEqual({ address: '127.0.0.1', url: '/a?b', agent: 'me', type: 'http', gateway: 'SignalingGateway' });
    expect([...running.connections].map(({ principal, source }) => [principal, source])).toEqual([
      ['alice', 'principal alice'],
    ]);
  });

  it('G1: may inject what the server and the modules next to it provide', async () => {
    @Injectable()
    class Directory {
      readonly most = 1;
    }
    @Module({ providers: [Directory], exports: [Directory] })
    class DirectoryModule {}
    @Injectable()
    class Few implements CanActivate {
      constructor(
        private readonly connections: ConnectionRegistry,
        private readonly directory: Directory,
        private readonly settings: Settings,
      ) {}

      canActivate(): boolean {
        return this.connections.size < this.directory.most && this.settings.maxConnections > 0;
      }
    }
    const running = await startServer({}, 'trace', undefined, { guards: [Few], imports: [DirectoryModule] });
    await Peer.connect(running.url);
    expect((await Peer.refused(running.url)).status).toBe(403);
  });

  it('G1: may come from a file, which needs no imports', async () => {
    const running = await startServer({ guards: [file('office-hours.js')] });
    await Peer.connect(running.url, { headers: { 'X-Hour': 'ten' } });
    expect((await Peer.refused(running.url, { headers: { 'X-Hour': 'holiday' } })).status).toBe(403);
    const late = await Peer.refused(running.url, { headers: { 'X-Hour': 'late' } });
    expect([late.status, late.headers['retry-after'], late.body]).toEqual([429, '3600', 'Come back at nine.\n']);
  });

  it('G1: all guards of a file are asked in the order of their names, and files in the order given', async () => {
    const running = await startServer({ guards: [file('two-guards.js'), file('office-hours.js')] });
    expect((await Peer.refused(running.url, { headers: { 'X-Refused-By': 'AAA', 'X-Hour': 'late' } })).status).toBe(
      403,
    );
    const report = await Peer.refused(running.url, { headers: { 'X-Report': 'yes' } });
    expect([report.status, report.body]).toEqual([418, 'AAA, AAA\n']);
  });

  it.each([
    ['nowhere.js', 'there is no such file'],
    ['no-class.js', 'it exports no class with a method "canActivate"'],
    ['topic-policy.js', 'it exports no class with a method "canActivate"'],
  ])('G1: a file that cannot be used stops the start: %s', async (name, why) => {
    await expect(startServer({ guards: [file('office-hours.js'), file(name)] })).rejects.toThrow(
      `guards ${JSON.stringify(file(name))}: ${why}`,
    );
  });

  it.each([
    ['is no JavaScript', 'export class {', 'SyntaxError: '],
    [
      'reads another file that is not there',
      "import { readFileSync } from 'node:fs';\nreadFileSync('nowhere.txt');",
      "Error: ENOENT: no such file or directory, open 'nowhere.txt'",
    ],
    ['throws something else than an error', 'throw 7;', 'it threw number'],
  ])('G1: a file that %s stops the start', async (_what, text, why) => {
    const folder = mkdtempSync(join(tmpdir(), 'cairn-signal-guards-'));
    const broken = join(folder, 'broken.mjs');
    writeFileSync(broken, text);
    await expect(startServer({ guards: [broken] })).rejects.toThrow(`guards ${JSON.stringify(broken)}: ${why}`);
    rmSync(folder, { recursive: true });
  });

  it('G1: a file that never loads stops the start', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'cairn-signal-guards-'));
    const waiting = join(folder, 'waiting.mjs');
    writeFileSync(waiting, 'await new Promise(() => {}); export class Never { canActivate() {} }');
    await expect(loadExtensions(parseSettings({ guards: [waiting] }), new HastyClock())).rejects.toThrow(
      `guards ${JSON.stringify(waiting)}: it did not load within 10 s`,
    );
    rmSync(folder, { recursive: true });
  });

  it('G1: a directory stops the start', async () => {
    await expect(startServer({ guards: [tmpdir()] })).rejects.toThrow(
      `guards ${JSON.stringify(tmpdir())}: it is a directory`,
    );
  });

  it('G1: stops the start if it injects what nobody provides, and the message names it', async () => {
    class Missing {}
    @Injectable()
    class Lonely implements CanActivate {
      constructor(readonly missing: Missing) {}

      canActivate(): boolean {
        return true;
      }
    }
    await expect(startServer({}, 'off', undefined, { guards: [Lonely as Type<CanActivate>] })).rejects.toThrow(
      /^a guard or the topic policy cannot be made: Nest can't resolve dependencies of the Lonely .*Missing/,
    );
  });

  it('G1: a global guard of an application is asked too', async () => {
    @Module({ providers: [{ provide: APP_GUARD, useValue: { canActivate: () => false } }] })
    class GlobalModule {}
    const running = await startServer({}, 'off', undefined, { imports: [GlobalModule] });
    expect((await Peer.refused(running.url)).status).toBe(403);
  });

  it('G4: a global guard that does not answer is 503 after a timeout', async () => {
    @Module({ providers: [{ provide: APP_GUARD, useValue: { canActivate: () => new Promise(() => undefined) } }] })
    class GlobalModule {}
    const running = await startServer({}, 'trace', new HastyClock(), { imports: [GlobalModule] });
    expect(await refusedBy(running, 'guard_timeout')).toMatchObject({ status: 503, headers: { 'retry-after': '5' } });
  });

  it('G4: a global guard that throws lets nobody in, and is logged once, without its text', async () => {
    const canActivate = (): never => {
      throw new TypeError('a s3cret');
    };
    @Module({ providers: [{ provide: APP_GUARD, useValue: { canActivate } }] })
    class GlobalModule {}
    const running = await startServer({}, 'info', new ManualClock(), { imports: [GlobalModule] });
    for (let i = 0; i < 3; i++) expect(await refusedBy(running, 'fault')).toMatchObject({ status: 500 });
    expect(running.log.filter(({ level }) => level === 'error')).toEqual([
      expect.objectContaining({
        msg: 'failed to decide an upgrade',
        error: expect.stringMatching(/^TypeError at /),
      }),
    ]);
    expect(JSON.stringify(running.log)).not.toContain('s3cret');
  });

  it.each([
    ['a big integer', 1n],
    ['an object', {}],
    ['nothing', null],
    ['no characters', ''],
  ])('G4: a global guard that sets %s as the principal lets nobody in', async (_what, principal) => {
    const canActivate = (context: ExecutionContext): true => {
      Object.assign(context.switchToHttp().getRequest<object>(), { principal });
      return true;
    };
    @Module({ providers: [{ provide: APP_GUARD, useValue: { canActivate } }] })
    class GlobalModule {}
    const running = await startServer({}, 'info', undefined, { imports: [GlobalModule] });
    expect(await refusedBy(running, 'fault')).toMatchObject({ status: 500 });
    expect(running.connections.size).toBe(0);
  });

  it('G1: is never skipped: request scope stops the start', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class Scoped {
      canActivate(): boolean {
        return false;
      }
    }
    @Module({ providers: [Scoped], exports: [Scoped] })
    class ScopedModule {}
    @Injectable()
    class ByDependency {
      constructor(@Inject(Scoped) readonly scoped: Scoped) {}

      canActivate(): boolean {
        return this.scoped.canActivate();
      }
    }
    @Module({ providers: [{ provide: APP_GUARD, useClass: Scoped }] })
    class GlobalModule {}
    for (const extensions of [
      { guards: [Scoped] },
      { guards: [ByDependency], imports: [ScopedModule] },
      { imports: [GlobalModule] },
    ]) {
      await expect(startServer({}, 'off', undefined, extensions)).rejects.toThrow(
        'a guard, or something it injects, has request scope',
      );
    }
  });
});
