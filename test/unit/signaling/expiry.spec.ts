import { beforeEach, describe, expect, it } from '@jest/globals';
import { parseSettings } from '../../../src/config/load-settings.js';
import type { SettingsInput } from '../../../src/config/settings.js';
import { Logs } from '../../../src/logging/log.js';
import { Expiry } from '../../../src/signaling/expiry.js';
import { ManualClock } from '../../support/manual-clock.js';
import { StandIn } from '../../support/stand-in.js';

describe('A8: connections whose tokens expire', () => {
  const ALL = 1_000_000;
  let clock: ManualClock;
  let expiry: Expiry;
  let lines: { msg: string; connections: number }[];

  function start(input: SettingsInput = {}): void {
    clock = new ManualClock();
    lines = [];
    const logs = new Logs({
      format: 'json',
      destination: { write: (line) => void lines.push(JSON.parse(line) as (typeof lines)[0]) },
    });
    expiry = new Expiry(parseSettings({ jwtIssuer: 'https://id.example', jwtAudience: 'a', ...input }), clock, logs);
  }
  beforeEach(() => start());

  /** Makes connections whose credentials expire after these numbers of milliseconds. */
  function connect(...ends: (number | undefined)[]): StandIn[] {
    return ends.map((end, id) => {
      const connection = new StandIn(id, end === undefined ? undefined : clock.now() + end, undefined);
      expiry.add(connection);
      return connection;
    });
  }

  const open = (connections: StandIn[]): number[] => connections.filter((each) => each.open).map(({ id }) => id);

  it('are closed with 4001 after these have expired, in any order; no others are', () => {
    const connections = connect(3000, 1000, undefined, 2000, 1000);
    clock.pass(999);
    expect([expiry.check(ALL, ALL), open(connections)]).toEqual([false, [0, 1, 2, 3, 4]]);
    clock.pass(1);
    expect([expiry.check(ALL, ALL), open(connections)]).toEqual([false, [0, 2, 3]]);
    clock.pass(2000);
    expect([expiry.check(ALL, ALL), open(connections)]).toEqual([false, [2]]);
    expect(connections[0].closes).toEqual([{ code: 4001, text: 'token expired; come back with a new one' }]);
    expect(lines.map(({ connections: count }) => count)).toEqual([2, 2]);
  });

  it('are closed only once, even if the peer takes its time to leave', () => {
    const [connection] = connect(0);
    for (let i = 0; i < 3; i++) expiry.check(ALL, ALL);
    expect(connection.closes).toHaveLength(1);
  });

  it('are forgotten once they are gone', () => {
    const [connection] = connect(0);
    expiry.remove(connection);
    expiry.check(ALL, ALL);
    expect(connection.closes).toEqual([]);
  });

  it('are checked in bounded steps, and all of them in a round', () => {
    const connections = connect(...Array<number>(10).fill(0));
    expect([expiry.check(4, ALL), open(connections).length]).toEqual([true, 6]);
    expect([expiry.check(ALL, 3), open(connections).length]).toEqual([true, 3]);
    expect([expiry.check(ALL, ALL), open(connections).length]).toEqual([false, 0]);
    expect(lines).toEqual([
      expect.objectContaining({ msg: 'closed connections whose token has expired', connections: 10 }),
    ]);
  });

  it('can come and go in the middle of a round', () => {
    const connections = connect(0, 0, 0, 0);
    connections[0].onClose = (): void => {
      expiry.remove(connections[0]);
      expiry.remove(connections[1]);
      connections.push(...connect(0));
    };
    expect(expiry.check(1, ALL)).toBe(true);
    expect(expiry.check(ALL, ALL)).toBe(false);
    expect(connections.map((each) => each.open)).toEqual([false, true, false, false, false]);
  });

  it('follow the wall clock: they are closed when it is set forward, and not when it is set back', () => {
    const connections = connect(1000, 5000);
    clock.setWallClock(-60_000);
    clock.pass(30_000);
    expect([expiry.check(ALL, ALL), open(connections)]).toEqual([false, [0, 1]]);
    clock.setWallClock(60_000);
    expect([expiry.check(ALL, ALL), open(connections)]).toEqual([false, []]);
  });

  it('stay open if jwt-expiry-closes is off', () => {
    start({ jwtExpiryCloses: 'off' });
    const connections = connect(0);
    expect([expiry.check(ALL, ALL), open(connections)]).toEqual([false, [0]]);
  });
});
