import { describe, expect, it } from '@jest/globals';
import { Logs } from '../../../src/logging/log.js';
import { ThrottledLog } from '../../../src/logging/throttled-log.js';
import { ManualClock } from '../../support/manual-clock.js';

describe('the throttled log', () => {
  it('has a line a second at most, and loses none of the count', () => {
    const lines: unknown[] = [];
    const logs = new Logs({
      format: 'json',
      destination: { write: (line: string) => void lines.push(JSON.parse(line)) },
    });
    const clock = new ManualClock();
    const refusals = new ThrottledLog(logs.for('upgrade'), clock);
    const refused = { status: 401, reason: 'wrong_token', remote: '192.0.2.7' };
    for (let i = 0; i < 1000; i++) refusals.write('upgrade_refused', refused);
    clock.pass(999);
    refusals.write('upgrade_refused', refused);
    expect(lines).toMatchObject([{ msg: 'refused an upgrade', status: 401, remote: '192.0.2.7' }]);
    clock.pass(1);
    refusals.write('upgrade_refused', { status: 503, reason: 'draining', remote: '192.0.2.8' });
    expect(lines[1]).toMatchObject({ status: 503, remote: '192.0.2.8', unmentionedBefore: 1000 });
  });
});
