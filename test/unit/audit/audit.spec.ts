import { beforeEach, describe, expect, it } from '@jest/globals';
import { Audit } from '../../../src/audit/audit.js';
import { LineWriter } from '../../../src/logging/line-writer.js';
import { AuditCounts } from '../../../src/metrics/audit-counts.js';
import { ManualClock } from '../../support/manual-clock.js';

const REFUSED = { reason: 'token_missing', status: 401, address: '192.0.2.1' } as const;

describe('the audit', () => {
  let works: boolean;
  let taken: string;
  let counts: AuditCounts;
  let audit: Audit;

  beforeEach(() => {
    works = true;
    taken = '';
    counts = new AuditCounts();
    const writer = new LineWriter(
      (bytes, done) => {
        if (!works) return done(Object.assign(new Error('full'), { code: 'ENOSPC' }), 0);
        taken += bytes.toString();
        return done(null, bytes.length);
      },
      () => undefined,
    );
    audit = new Audit(writer, new ManualClock(), counts);
  });

  const events = (): unknown[] =>
    taken
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as unknown);

  it('O8: the next line that is written says how many were dropped', () => {
    audit.refused(REFUSED);
    works = false;
    for (let i = 0; i < 3; i++) audit.refused(REFUSED);
    works = true;
    audit.refused(REFUSED);
    audit.refused(REFUSED);
    expect(events()).toMatchObject([
      { event: 'refused' },
      { event: 'dropped', lines: 3 },
      { event: 'refused' },
      { event: 'refused' },
    ]);
    expect(counts).toEqual({ written: 3, dropped: 3 });
  });

  it('O8: a line that says so and is dropped itself loses no count', () => {
    works = false;
    for (let i = 0; i < 5; i++) audit.refused(REFUSED);
    works = true;
    audit.refused(REFUSED);
    expect(events()).toMatchObject([{ event: 'dropped', lines: 5 }, { event: 'refused' }]);
    expect(counts).toEqual({ written: 1, dropped: 5 });
  });

  it('O8: is a line, whatever a principal has in it', () => {
    audit.refused({ ...REFUSED, principal: 'a\n{"event":"connected"}\u2028' });
    expect(taken.split('\n')).toHaveLength(2);
  });

  it('O8: bounds what waits for a device that takes nothing', () => {
    const stuck = new Audit(new LineWriter(() => undefined), new ManualClock(), counts);
    for (let i = 0; i < 20_000; i++) stuck.refused(REFUSED);
    expect(counts.written * 100).toBeLessThan(1024 * 1024);
    expect(counts.written + counts.dropped).toBe(20_000);
  });
});
