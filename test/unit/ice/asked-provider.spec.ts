import { describe, expect, it } from '@jest/globals';
import { of } from 'rxjs';
import { parseSettings } from '../../../src/config/load-settings.js';
import { AskedProvider } from '../../../src/ice/asked-provider.js';
import { IceProvider, IceProviderSource } from '../../../src/ice/ice-provider.js';
import type { IceQuestion } from '../../../src/ice/ice-provider.js';
import type { Told } from '../../../src/ice/ice-servers.js';
import { LogFilter } from '../../../src/logging/log-filter.js';
import { Logs } from '../../../src/logging/log.js';
import { IceCounts } from '../../../src/metrics/ice-counts.js';
import { ICE_DENIED, ICE_FAILED } from '../../../src/protocol/error-codes.js';
import { HeldClock } from '../../support/held-clock.js';
import type { LogLine } from '../../support/server.js';

const GOOD = { iceServers: [{ urls: 'turn:h', username: 'u', credential: 's3cret' }], ttl: 600 };
const never = new Promise<never>(() => undefined);

/** A provider that does as it is told, on a clock that stands still. */
function asked(answer: (question: IceQuestion) => unknown, traits: PropertyDescriptorMap = {}) {
  class Scripted extends IceProvider {
    readonly questions: IceQuestion[] = [];

    iceServers(question: IceQuestion): never {
      this.questions.push(question);
      return answer(question) as never;
    }
  }
  const log: LogLine[] = [];
  const logs = new Logs({
    format: 'json',
    filter: LogFilter.parse('info')!,
    destination: { write: (line: string) => void log.push(JSON.parse(line) as LogLine) },
  });
  const [provider, clock, counts] = [Object.defineProperties(new Scripted(), traits), new HeldClock(), new IceCounts()];
  const source = new IceProviderSource(() => provider);
  const servers = new AskedProvider(source, parseSettings({ turnTtl: '10m' }), clock, counts, logs);
  const issue = (who: string): Told | Promise<Told> => servers.issue({ principal: who, source: `principal ${who}` });
  return { issue, clock, counts, log, questions: provider.questions };
}

describe('an ICE provider', () => {
  it('V11: is asked with the principal, the ttl and a signal', async () => {
    const { issue, questions } = asked(() => GOOD);
    expect(await issue('alice')).toEqual({
      ttl: 600,
      servers: [{ urls: ['turn:h'], username: 'u', credential: 's3cret' }],
    });
    expect(questions).toEqual([{ principal: 'alice', ttl: 600, signal: expect.any(AbortSignal) }]);
  });

  it.each([
    ['a promise', () => Promise.resolve(GOOD)],
    ['an observable', () => of(undefined, GOOD)],
    // oxlint-disable-next-line unicorn/no-thenable -- as the queries of some libraries
    ['a thenable', () => ({ then: (resolve: (value: unknown) => void) => resolve(GOOD) })],
  ])('V11: may answer with %s', async (_, answer) => {
    expect(await asked(answer).issue('alice')).toMatchObject({ ttl: 600 });
  });

  it('V11: is asked again for a principal after half of the ttl, and what is told meanwhile has what is left', async () => {
    const { issue, clock, questions } = asked(() => GOOD);
    await issue('alice');
    for (const [after, ttl] of [
      [100_500, 499],
      [199_499, 300],
    ]) {
      clock.pass(after);
      expect(issue('alice')).toMatchObject({ ttl });
    }
    await issue('bob');
    expect(questions.map(({ principal }) => principal)).toEqual(['alice', 'bob']);
    clock.pass(1);
    expect(await issue('alice')).toMatchObject({ ttl: 600 });
    expect(questions).toHaveLength(3);
  });

  it('V11: the time that it takes counts: credentials may have been made at its beginning', async () => {
    let answer!: (value: unknown) => void;
    const { issue, clock } = asked(() => new Promise((resolve) => (answer = resolve)));
    const told = issue('alice');
    clock.pass(4000);
    answer(GOOD);
    expect(await told).toMatchObject({ ttl: 596 });
  });

  it.each<[string, () => unknown, 'failed' | 'nonsense', string]>([
    [
      'throws',
      () => {
        throw new Error('s3cret');
      },
      'failed',
      'threw Error',
    ],
    [
      'throws text',
      () => {
        throw 's3cret';
      },
      'failed',
      'threw string',
    ],
    [
      'throws nothing',
      () => {
        throw undefined;
      },
      'failed',
      'threw undefined',
    ],
    ['rejects', () => Promise.reject(new TypeError('s3cret')), 'failed', 'threw TypeError'],
    [
      'throws when it is awaited',
      () => ({
        // oxlint-disable-next-line unicorn/no-thenable -- that is the point
        get then() {
          throw new Error('s3cret');
        },
      }),
      'failed',
      'threw Error',
    ],
    [
      'has a getter that throws',
      () => ({
        get iceServers() {
          throw new Error('s3cret');
        },
      }),
      'failed',
      'threw Error',
    ],
    [
      'answers through a proxy that throws',
      () =>
        new Proxy(
          {},
          {
            get: () => {
              throw new Error('s3cret');
            },
          },
        ),
      'failed',
      'threw Error',
    ],
    ['answers nothing', () => undefined, 'nonsense', 'answered with undefined'],
    ['answers with no URL', () => ({ iceServers: [{ urls: 's3cret' }] }), 'nonsense', 'URL of no STUN or TURN server'],
    [
      'answers with a megabyte',
      () => ({ iceServers: [{ urls: 's3cret'.repeat(200_000) }] }),
      'nonsense',
      'URL of no STUN',
    ],
  ])('V11: fails closed when it %s, and the log tells no secret', async (_, answer, failure, why) => {
    const { issue, counts, log, questions, clock } = asked(answer);
    expect(await issue('alice')).toBe(ICE_FAILED);
    expect(counts.providerFailures[failure]).toBe(1);
    expect(log).toEqual([
      expect.objectContaining({ level: 'error', msg: expect.stringContaining(why), provider: 'Scripted' }),
    ]);
    expect(JSON.stringify(log)).not.toContain('s3cret');
    clock.pass(999);
    expect(issue('alice')).toBe(ICE_FAILED);
    expect(questions).toHaveLength(1);
    clock.pass(1);
    await issue('alice');
    expect(questions).toHaveLength(2);
  });

  it('V11: is asked again after it failed, whatever it says of its class', async () => {
    const nothing = { constructor: { value: undefined } };
    const { issue, clock, log, questions } = asked(() => (questions.length === 1 ? undefined : GOOD), nothing);
    expect(await issue('alice')).toBe(ICE_FAILED);
    expect(log).toEqual([expect.objectContaining({ level: 'error', provider: 'Object' })]);
    clock.pass(1000);
    expect(await issue('alice')).toMatchObject({ ttl: 600 });
  });

  it('V11: may have none for a principal, which is no failure', async () => {
    const { issue, counts, log } = asked(({ principal }) => principal === 'alice' && GOOD);
    expect(await issue('bob')).toBe(ICE_DENIED);
    expect(await issue('alice')).toMatchObject({ ttl: 600 });
    expect([log, counts.providerFailures.nonsense]).toEqual([[], 0]);
  });

  it('V11: that hangs is asked once for all who ask for a principal, gives up after 5 s, and its late answer counts for nothing', async () => {
    let answer!: (value: unknown) => void;
    const { issue, clock, counts, questions } = asked(() => new Promise((resolve) => (answer = resolve)));
    const told = Promise.all(Array.from({ length: 1000 }, async () => issue('alice')));
    expect(questions).toHaveLength(1);
    expect(questions[0].signal.aborted).toBe(false);
    clock.pass(5000);
    expect(new Set(await told)).toEqual(new Set([ICE_FAILED]));
    expect(counts.providerFailures.timeout).toBe(1);
    expect(questions[0].signal.aborted).toBe(true);
    answer(GOOD);
    await Promise.resolve();
    expect(issue('alice')).toBe(ICE_FAILED);
    expect(clock.sleeping).toBe(0);
  });

  it('V11: is asked by 1,000 at a time, and further ones fail at once', async () => {
    const { issue, clock, counts, log, questions } = asked(() => never);
    const told = Promise.all(Array.from({ length: 1000 }, async (_, i) => issue(`p${i}`)));
    expect(issue('one too many')).toBe(ICE_FAILED);
    expect(issue('p0')).toBeInstanceOf(Promise);
    expect([questions.length, counts.providerFailures.busy]).toEqual([1000, 1]);
    clock.pass(5000);
    await told;
    expect(counts.providerFailures.timeout).toBe(1000);
    expect(log.length).toBeLessThan(4);
    void issue('one too many');
    expect(questions).toHaveLength(1001);
  });

  it('V11: 10,000 answers are remembered; the oldest is forgotten for one more', async () => {
    const { issue, questions } = asked(() => GOOD);
    for (let i = 0; i < 10_001; i++) await issue(`p${i}`);
    expect(issue('p1')).not.toBeInstanceOf(Promise);
    expect(issue('p0')).toBeInstanceOf(Promise);
    expect(questions).toHaveLength(10_002);
  });

  it('counts how long it takes', async () => {
    const { issue, clock, counts } = asked(() => never);
    const told = issue('alice');
    clock.pass(5000);
    await told;
    const { values } = await counts.provider.get();
    expect(values.find(({ metricName }) => metricName?.endsWith('_sum'))?.value).toBe(5);
  });
});
