import { fileURLToPath } from 'node:url';
import { Injectable, Module } from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';
import { NEVER, of } from 'rxjs';
import { upgradeOf } from '../../../src/auth/upgrade-request.js';
import { SystemClock } from '../../../src/clock/clock.js';
import type { Clock } from '../../../src/clock/clock.js';
import { Permissions } from '../../../src/embedding.js';
import type { TopicAction } from '../../../src/embedding.js';
import { PolicyCounts } from '../../../src/metrics/policy-counts.js';
import { RecordStore } from '../../../src/records/record-store.js';
import { ManualClock } from '../../support/manual-clock.js';
import { Peer } from '../../support/peer.js';
import { startServer, stopServers } from '../../support/server.js';
import type { RunningServer } from '../../support/server.js';
import { until } from '../../support/until.js';

afterEach(stopServers);

type Allows = (principal: string | undefined, action: TopicAction, topic: string) => unknown;

/** The principal is the path. */
class ByPath {
  canActivate(context: Parameters<typeof upgradeOf>[0]): boolean {
    const request = upgradeOf(context);
    request.principal = request.url!.slice(1) || undefined!;
    return true;
  }
}

function ruled(allows: Allows, clock?: Clock): Promise<RunningServer> {
  class CompanyPolicy {
    readonly allows = allows as () => boolean;
  }
  return startServer({}, 'trace', clock, { guards: [ByPath], topicPolicy: CompanyPolicy });
}

const ENDED = { code: 4003, reason: 'you may not use one of your topics any more; come back for the others' };

const recordsOf = (running: RunningServer): number => running.server.app.get(RecordStore, { strict: false }).size;

describe('permissions that end', () => {
  it('P4, P6: a subscriber whose answer has turned at its end is closed with 4003, and nobody else is', async () => {
    const clock = new ManualClock();
    let allowed = true;
    const running = await ruled(
      (_principal, _action, topic) => (topic === 'theirs' ? { allowed, seconds: 60 } : true),
      clock,
    );
    const [ended, other] = [await Peer.connect(running.url), await Peer.connect(running.url)];
    ended.subscribe('theirs');
    ended.subscribe('open');
    other.subscribe('open');
    await ended.sync();
    await other.sync();
    allowed = false;
    clock.pass(59_000);
    expect(await ended.closed).toEqual(ENDED);
    await until(() => running.connections.size === 1);
    await other.sync();
    expect(running.topics.subscriptions).toBe(1);
    const back = await Peer.connect(running.url);
    back.subscribe('theirs');
    back.subscribe('open');
    await back.sync();
    expect([running.topics.size, running.topics.subscriptions]).toEqual([1, 2]);
  });

  it('P4: an answer is remembered for its seconds, to the millisecond, and then asked for again', async () => {
    const clock = new ManualClock();
    let asked = 0;
    const running = await ruled(() => ({ allowed: (asked += 1) < 2, seconds: 60 }), clock);
    const peer = await Peer.connect(running.url);
    const relay = async (): Promise<number> => {
      peer.relay('t', 'x');
      await peer.sync();
      return asked;
    };
    expect([await relay(), await relay()]).toEqual([1, 1]);
    clock.pass(59_999);
    expect(await relay()).toBe(1);
    clock.pass(1);
    expect(await relay()).toBe(2);
    expect(running.traffic.dropped.forbidden).toBe(1);
  });

  it.each([
    [0, 1],
    [0.25, 1],
    [1, 1],
    [2.5, 2.5],
    [86_400, 86_400],
    [31_536_000, 86_400],
    [1e20, 86_400],
    [Infinity, 86_400],
    [Number.MIN_VALUE, 1],
    [-0, 1],
  ])('P4: %d seconds count as %d', async (seconds, counted) => {
    const clock = new ManualClock();
    let asked = 0;
    const running = await ruled(() => (asked += 1) > 0 && { allowed: true, seconds }, clock);
    const peer = await Peer.connect(running.url);
    for (const milliseconds of [0, 1000 * counted - 1, 1]) {
      clock.pass(milliseconds);
      peer.relay('t', 'x');
      await peer.sync();
    }
    expect([asked, running.traffic.dropped.forbidden]).toEqual([2, 0]);
    expect(running.log.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('P6: a record whose peer may not publish it any more is found no more; the peer hears of it when it speaks', async () => {
    const clock = new ManualClock();
    let allowed = true;
    const running = await ruled(
      (_principal, action) => (action === 'publish' ? { allowed, seconds: 60 } : true),
      clock,
    );
    const [peer, other] = [await Peer.connect(running.url), await Peer.connect(running.url)];
    const publish = { type: 'publish', topic: 't', payload: 'eA==' };
    expect(await peer.say(publish)).toEqual([{ type: 'ack', topic: 't' }]);
    expect(await other.say({ type: 'query', topic: 't' })).toMatchObject([{ payload: 'eA==' }]);
    allowed = false;
    clock.pass(59_000);
    await until(() => recordsOf(running) === 0);
    expect(await other.say({ type: 'query', topic: 't' })).toMatchObject([{ type: 'result', payload: null }]);
    expect(await peer.say(publish)).toEqual([
      { type: 'error', topic: 't', code: 'forbidden', message: 'you may not do that with this topic' },
    ]);
    expect(await peer.say({ type: 'query', topic: 't' })).toMatchObject([{ type: 'result', payload: null }]);
  });

  it('P5: forget(principal) has a turned answer heard, for that principal alone, and forget() for all', async () => {
    const allowed = new Set(['alice', 'bob']);
    const running = await ruled((principal) => allowed.has(principal!));
    const permissions = running.server.app.get(Permissions);
    const [alice, bob] = [await Peer.connect(`${running.url}/alice`), await Peer.connect(`${running.url}/bob`)];
    for (const peer of [alice, bob]) {
      peer.subscribe('t');
      await peer.sync();
    }
    allowed.clear();
    permissions.forget('nobody');
    permissions.forget('alice');
    expect(await alice.closed).toEqual(ENDED);
    await bob.sync();
    expect(running.topics.subscriptions).toBe(1);
    permissions.forget();
    expect(await bob.closed).toEqual(ENDED);
  });

  it('P5: forget() reaches anonymous peers, and those that turned to yes', async () => {
    let allowed = false;
    const running = await ruled(() => allowed);
    const peer = await Peer.connect(running.url);
    peer.subscribe('t');
    await peer.sync();
    allowed = true;
    peer.subscribe('t');
    await peer.sync();
    expect(running.topics.size).toBe(0);
    running.server.app.get(Permissions).forget();
    peer.subscribe('t');
    await peer.sync();
    expect(running.topics.size).toBe(1);
  });

  it('P5: is for guards, policies and services of an application to inject', async () => {
    @Injectable()
    class Directory {
      constructor(readonly permissions: Permissions) {}
    }
    @Module({ providers: [Directory], exports: [Directory] })
    class DirectoryModule {}
    @Injectable()
    class Guard {
      constructor(readonly permissions: Permissions) {}

      canActivate(): boolean {
        this.permissions.forget('somebody');
        return true;
      }
    }
    let allowed = true;
    @Injectable()
    class Policy {
      constructor(
        readonly permissions: Permissions,
        readonly directory: Directory,
      ) {}

      allows(): boolean {
        return allowed && this.permissions === this.directory.permissions;
      }
    }
    const extensions = { guards: [Guard], topicPolicy: Policy, imports: [DirectoryModule] };
    const running = await startServer({}, 'trace', undefined, extensions);
    const peer = await Peer.connect(running.url);
    peer.subscribe('t');
    await peer.sync();
    expect(running.topics.size).toBe(1);
    allowed = false;
    running.server.app.get(Directory, { strict: false }).permissions.forget();
    expect(await peer.closed).toEqual(ENDED);
  });

  it('P5: works for a policy from a file, which injects it', async () => {
    const topicPolicy = fileURLToPath(new URL('../../support/extensions/withdrawing-policy.js', import.meta.url));
    const running = await startServer({ topicPolicy });
    const [peer, operator] = [await Peer.connect(running.url), await Peer.connect(running.url)];
    peer.subscribe('secret');
    await peer.sync();
    operator.relay('withdraw', 'x');
    expect(await peer.closed).toEqual(ENDED);
    await operator.sync();
  });

  it('P5: without a policy there is nothing to forget', async () => {
    const running = await startServer();
    const peer = await Peer.connect(running.url);
    peer.subscribe('t');
    await peer.sync();
    running.server.app.get(Permissions).forget();
    await peer.sync();
    expect(running.topics.size).toBe(1);
  });
});

describe('what a policy answers', () => {
  it.each([
    ['a promise of an object', () => Promise.resolve({ allowed: true, seconds: 60 })],
    ['an object without seconds', () => ({ allowed: true })],
    ['seconds that are undefined', () => ({ allowed: true, seconds: undefined })],
    ['an observable, whose last value counts', () => of(false, true)],
    ['a promise of an observable', () => Promise.resolve(of({ allowed: true, seconds: 9 }))],
    ['a frozen object with more in it', () => Object.freeze({ allowed: true, why: 'owner' })],
  ])('P8: allows with %s', async (_what, allows) => {
    const running = await ruled(allows);
    const peer = await Peer.connect(running.url);
    peer.subscribe('t');
    await peer.sync();
    expect([running.topics.size, running.log.filter(({ level }) => level === 'error')]).toEqual([1, []]);
  });

  it.each([
    ['1', 1, 'number'],
    ['undefined', undefined, 'undefined'],
    ['null', null, 'null'],
    ['a word', 'yes', 'string'],
    ['a function', () => true, 'function'],
    ['a promise of 1', Promise.resolve(1), 'number'],
    ['an observable of 1', of(1), 'number'],
    ['an object without allowed', {}, 'an object whose "allowed" is neither true nor false'],
    ['allowed: 1', { allowed: 1 }, 'an object whose "allowed" is neither true nor false'],
    ['a list', [true], 'an object whose "allowed" is neither true nor false'],
    ['negative seconds', { allowed: true, seconds: -5 }, 'an object whose "seconds" is not a number from 0'],
    ['NaN', { allowed: true, seconds: NaN }, 'an object whose "seconds" is not a number from 0'],
    ['seconds as text', { allowed: true, seconds: '60' }, 'an object whose "seconds" is not a number from 0'],
    ['seconds as a big integer', { allowed: true, seconds: 60n }, 'an object whose "seconds" is not a number from 0'],
    ['null seconds', { allowed: true, seconds: null }, 'an object whose "seconds" is not a number from 0'],
  ])('P8: refuses, and logs once which policy it is, with %s', async (_what, answer, named) => {
    const running = await ruled(() => answer, new ManualClock());
    const peer = await Peer.connect(running.url);
    for (let i = 0; i < 3; i++) peer.subscribe('t0pic');
    await peer.sync();
    expect([running.topics.size, running.traffic.dropped.forbidden]).toEqual([0, 3]);
    const { failures } = running.server.app.get(PolicyCounts, { strict: false });
    expect(failures).toEqual({ failed: 0, timeout: 0, nonsense: 3 });
    expect(running.log.filter(({ level }) => level === 'error')).toEqual([
      expect.objectContaining({
        msg: `the topic policy answered with ${named}, so the action is refused`,
        policy: 'CompanyPolicy',
      }),
    ]);
    expect(JSON.stringify(running.log)).not.toContain('t0pic');
  });

  const trap = (): never => {
    throw new Error('the t0pic');
  };
  it.each([
    ['a getter that throws', () => Object.defineProperty({}, 'allowed', { get: trap })],
    // oxlint-disable-next-line unicorn/no-thenable -- as a broken library might have it
    ['a then that throws', () => Object.defineProperty({}, 'then', { get: trap })],
    ['a proxy that throws', () => new Proxy({}, { get: trap, getPrototypeOf: trap })],
    ['a proxy thrown', () => Promise.reject(new Proxy({}, { get: trap, getPrototypeOf: trap }))],
    [
      'an error whose texts throw',
      () => Promise.reject(Object.defineProperties(new Error('x'), { name: { get: trap }, stack: { get: trap } })),
    ],
    ['an observable without a value', () => of()],
  ])('P3: refuses with %s, and the server goes on', async (_what, allows) => {
    const running = await ruled(allows);
    const peer = await Peer.connect(running.url);
    peer.subscribe('t');
    await peer.sync();
    expect([running.topics.size, running.traffic.dropped.forbidden]).toEqual([0, 1]);
    expect(JSON.stringify(running.log)).not.toContain('t0pic');
  });

  it('P3: an observable that never ends refuses in time', async () => {
    class HastyClock extends SystemClock {
      override sleep(): Promise<void> {
        return Promise.resolve();
      }
    }
    class Policy {
      readonly allows = (): boolean => NEVER as unknown as boolean;
    }
    const running = await startServer({}, 'trace', new HastyClock(), { topicPolicy: Policy });
    const peer = await Peer.connect(running.url);
    peer.subscribe('t');
    await peer.sync();
    expect(running.traffic.dropped.forbidden).toBe(1);
  });
});
