import { describe, expect, it } from '@jest/globals';
import { parseSettings } from '../../../src/config/load-settings.js';
import type { SettingsInput } from '../../../src/config/settings.js';
import { Logs } from '../../../src/logging/log.js';
import { LogFilter } from '../../../src/logging/log-filter.js';
import { LimitCounts } from '../../../src/metrics/limit-counts.js';
import { Refusal } from '../../../src/connection/refusal.js';
import { ConnectionLimits } from '../../../src/transport/connection-limits.js';
import type { Place } from '../../../src/transport/connection-limits.js';
import { originAt } from '../../../src/transport/plain-sockets.js';

/** How many of 1,500 connections from `address` find a place, and the warnings that were logged. */
function placesFrom(address: string, input: SettingsInput = {}): [taken: number, warnings: string[]] {
  const warnings: string[] = [];
  const destination = { write: (line: string) => void warnings.push((JSON.parse(line) as { msg: string }).msg) };
  const logs = new Logs({ format: 'json', filter: LogFilter.parse('warn')!, destination });
  const limits = new ConnectionLimits(0, parseSettings(input), new LimitCounts(), logs.for('upgrade'));
  for (let i = 0; i < 1500; i++) limits.take(originAt(address));
  return [limits.taken, warnings];
}

describe('max-connections-per-ip, by default', () => {
  it.each(['203.0.113.7', '2001:db8::7', '100.128.0.1', '::ffff:203.0.113.7'])(
    'L6: is 1024 for %s, which is a public address',
    (address) => {
      expect(placesFrom(address)).toEqual([1024, []]);
    },
  );

  it.each([
    '127.0.0.1',
    '10.1.2.3',
    '192.168.0.9',
    '172.31.0.1',
    '100.64.0.1',
    '::1',
    'fd00::1',
    'fe80::1%eth0',
    '::ffff:10.1.2.3',
  ])('L6: does not exist for %s, which may be a proxy; the log warns once', (address) => {
    expect(placesFrom(address)).toEqual([1500, [expect.stringContaining('list it in trusted-proxies')]]);
  });

  it('L6: is 1024 also for a private address if trusted-proxies is set', () => {
    expect(placesFrom('10.1.2.3', { trustedProxies: '192.168.0.1' })).toEqual([1024, []]);
  });

  it('L6: a limit that is set applies to every address, and 0 is no limit', () => {
    expect(placesFrom('127.0.0.1', { maxConnectionsPerIp: 1024 })).toEqual([1024, []]);
    expect(placesFrom('203.0.113.7', { maxConnectionsPerIp: 0 })).toEqual([1500, []]);
  });

  it('L6: plain connections get what peers leave of it, and 16 for refusals', () => {
    const limits = new ConnectionLimits(
      0,
      { maxConnectionsPerIp: 5, trustedProxies: undefined },
      new LimitCounts(),
      new Logs({ format: 'json' }).for('upgrade'),
    );
    const [one, other] = [originAt('2001:db8::1'), originAt('2001:db8:0:1::1')];
    expect(limits.maxPlain(one, 1)).toBe(21);
    limits.take(one);
    limits.take(originAt('2001:db8::2'));
    expect([limits.maxPlain(one, 1), limits.maxPlain(other, 1)]).toEqual([19, 21]);
  });
});

describe('places that can be spared', () => {
  /** Limits of `most` in all and of `ofNetwork` from one network, and how to connect from an address. */
  function limited(
    most: number,
    ofNetwork: number,
  ): { limits: ConnectionLimits; connect: (address?: string) => Place } {
    const limits = new ConnectionLimits(
      most,
      { maxConnectionsPerIp: ofNetwork, trustedProxies: undefined },
      new LimitCounts(),
      new Logs({ format: 'json' }).for('upgrade'),
    );
    const connect = (address = '203.0.113.1'): Place => {
      const place = limits.take(originAt(address)) as Place;
      expect(place.claim()).toBeUndefined();
      return place;
    };
    return { limits, connect };
  }

  it('L5: a newcomer that is let in has the place that was spared longest ago', () => {
    const { limits, connect } = limited(3, 0);
    const [a, b, c] = [connect(), connect(), connect()];
    const cut: string[] = [];
    expect(limits.take(originAt('203.0.113.1'))).toMatchObject({ reason: 'connections' });
    b.spare(() => cut.push('b'));
    a.spare(() => cut.push('a'));
    const place = limits.take(originAt('203.0.113.1')) as Place;
    expect(cut).toEqual([]);
    expect(place.claim()).toBeUndefined();
    expect([cut, limits.taken]).toEqual([['b'], 3]);
    b.release();
    c.release();
    expect(limits.taken).toBe(2);
  });

  it('L5: nobody makes way for a newcomer that is refused, nor while a place is free', () => {
    const { limits, connect } = limited(2, 0);
    const cut: string[] = [];
    connect().spare(() => cut.push('a'));
    connect();
    (limits.take(originAt('203.0.113.1')) as Place).release();
    expect([cut, limits.taken]).toEqual([[], 2]);
  });

  it('L5: a newcomer is refused where the place that it was judged for is not spared any more', () => {
    const { limits, connect } = limited(1, 0);
    const a = connect();
    const cut: string[] = [];
    a.spare(() => cut.push('a'));
    const place = limits.take(originAt('203.0.113.1')) as Place;
    a.keep();
    expect(place.claim()).toMatchObject({ reason: 'connections' });
    place.release();
    expect(limits.take(originAt('203.0.113.1'))).toBeInstanceOf(Refusal);
    expect(cut).toEqual([]);
  });

  it('L5: there are never more newcomers to be judged than places that are spared, nor than 16', () => {
    const { limits, connect } = limited(40, 0);
    const places = Array.from({ length: 40 }, () => connect());
    const judged = (): number => {
      let taken = 0;
      while (!(limits.take(originAt('203.0.113.1')) instanceof Refusal)) taken += 1;
      return taken;
    };
    places[0].spare(() => undefined);
    expect(judged()).toBe(1);
    for (const place of places) place.spare(() => undefined);
    expect(judged()).toBe(15);
  });

  it('L6: an address takes only what its own connections spare', () => {
    const { limits, connect } = limited(0, 2);
    const [a, b] = [connect('203.0.113.1'), connect('203.0.113.2')];
    connect('203.0.113.1');
    const cut: string[] = [];
    b.spare(() => cut.push('b'));
    expect(limits.take(originAt('203.0.113.1'))).toMatchObject({ reason: 'connections_per_ip' });
    a.spare(() => cut.push('a'));
    connect('203.0.113.1');
    expect(cut).toEqual(['a']);
    expect(limits.take(originAt('203.0.113.1'))).toMatchObject({ reason: 'connections_per_ip' });
  });
});
