import { beforeEach, describe, expect, it } from '@jest/globals';
import { WrongTokens } from '../../../src/auth/wrong-tokens.js';
import type { UpgradeRequest } from '../../../src/auth/upgrade-request.js';
import { parseSettings } from '../../../src/config/load-settings.js';
import type { SettingsInput } from '../../../src/config/settings.js';
import { Logs } from '../../../src/logging/log.js';
import { LimitCounts } from '../../../src/metrics/limit-counts.js';
import { ManualClock } from '../../support/manual-clock.js';

describe('wrong tokens', () => {
  let clock: ManualClock;
  let counts: LimitCounts;
  let lines: string[];
  let wrongTokens: WrongTokens;

  function start(input: SettingsInput = {}): void {
    clock = new ManualClock();
    counts = new LimitCounts();
    lines = [];
    const logs = new Logs({ format: 'json', destination: { write: (line) => void lines.push(line) } });
    wrongTokens = new WrongTokens(parseSettings(input), clock, counts, logs);
  }

  /** Returns the answers to one wrong token after the other, from peers at `address`. */
  function show(times: number, address: string): (number | undefined)[] {
    const request = { peerAddress: address, peerNetwork: address } as UpgradeRequest;
    return Array.from({ length: times }, () => wrongTokens.shown(request));
  }

  beforeEach(() => start());

  it('L9: ten per minute are not throttled; the next is told to wait until the minute is over', () => {
    expect(show(10, '203.0.113.1')).toEqual(Array(10).fill(undefined));
    clock.pass(20_000);
    expect(show(2, '203.0.113.1')).toEqual([40, 40]);
    expect(counts.of('max-wrong-tokens')).toBe(2);
    clock.pass(39_999);
    expect(show(1, '203.0.113.1')).toEqual([1]);
    clock.pass(1);
    expect(show(11, '203.0.113.1')).toEqual([...Array<undefined>(10), 60]);
  });

  it('L9: each network is counted separately', () => {
    show(11, '203.0.113.1');
    expect(show(1, '203.0.113.2')).toEqual([undefined]);
  });

  it('L9: max-wrong-tokens sets the limit; 0 means no limit', () => {
    start({ maxWrongTokens: 2 });
    expect(show(3, '203.0.113.1')).toEqual([undefined, undefined, 60]);
    start({ maxWrongTokens: 0 });
    expect(show(100, '203.0.113.1')).toEqual(Array(100).fill(undefined));
  });

  it.each(['127.0.0.1', '10.1.2.3', '192.168.0.1', '172.31.0.1', '100.64.0.1', '::1', 'fd00::1', 'fe80::1', 'unknown'])(
    'L9: a private address (%s), which may be a proxy, gets one warning in the log instead',
    (address) => {
      expect(show(30, address)).toEqual(Array(30).fill(undefined));
      expect(lines).toHaveLength(1);
      expect(lines[0]).toContain('trusted-proxies');
    },
  );

  it('L9: with trusted-proxies, a private address has the limit like any other', () => {
    start({ trustedProxies: '10.0.0.1' });
    expect(show(11, '10.1.2.3').at(-1)).toBe(60);
    expect(lines).toEqual([]);
  });

  it('L9: at most 10,000 networks are remembered: a new one replaces the oldest', () => {
    start({ trustedProxies: '10.0.0.1' });
    show(11, 'first');
    expect(show(1, 'first')).toEqual([60]);
    for (let i = 0; i < 10_000; i++) show(1, `other ${i}`);
    expect(show(1, 'first')).toEqual([undefined]);
  });
});
