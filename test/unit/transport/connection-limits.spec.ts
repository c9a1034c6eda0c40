import { describe, expect, it } from '@jest/globals';
import { parseSettings } from '../../../src/config/load-settings.js';
import type { SettingsInput } from '../../../src/config/settings.js';
import { Logs } from '../../../src/logging/log.js';
import { LogFilter } from '../../../src/logging/log-filter.js';
import { LimitCounts } from '../../../src/metrics/limit-counts.js';
import { ConnectionLimits } from '../../../src/transport/connection-limits.js';
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
