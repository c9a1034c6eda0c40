import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { parse, stringify } from 'yaml';
import { ROOT } from '../support/deploy/compose.js';
import { alertsOf, PROMTOOL_CASES, readMonitoring, recordingsOf } from '../support/deploy/monitoring.js';
import type { Monitoring } from '../support/deploy/monitoring.js';
import { plainPromql } from '../support/deploy/promql.js';
import { describeWithPromtool, promtool } from '../support/deploy/promtool.js';
import { expressionsOf } from '../support/deploy/query-rules.js';

const RULES = 'cairn-signal.rules.yaml';
const [CASES] = PROMTOOL_CASES;

/** What cairn-signal.test.yaml holds. */
interface Cases {
  tests: unknown[];
}

const text = (file: string): string => readFileSync(new URL(`deploy/prometheus/${file}`, ROOT), 'utf8');

/** What the dashboard and the runbooks ask for, as rules, which promtool reads. */
function asRules(monitoring: Monitoring): string {
  const asked = expressionsOf(monitoring).filter(({ by }) => by !== 'alert' && by !== 'recording');
  return stringify({
    groups: [
      {
        name: 'dashboard',
        rules: asked.map(({ where, expr }, index) => ({
          record: `asked:${index}`,
          expr: plainPromql(expr),
          labels: { where },
        })),
      },
    ],
  });
}

describeWithPromtool('promtool', () => {
  it('finds nothing wrong with the alert rules', () => {
    const { ok, said } = promtool(['check', 'rules', RULES]);
    const monitoring = readMonitoring();
    expect(said).toContain(`SUCCESS: ${alertsOf(monitoring).length + recordingsOf(monitoring).length} rules found`);
    expect(ok).toBe(true);
  });

  it.each(PROMTOOL_CASES)(
    'sees each alert fire when its tests say so, and only then: %s',
    (cases) => {
      expect(promtool(['test', 'rules', cases])).toEqual({ ok: true, said: expect.stringContaining('SUCCESS') });
    },
    300_000,
  );

  it('can evaluate everything that the dashboard and the runbooks ask for', () => {
    expect(promtool(['check', 'rules', 'asked.yaml'], { 'asked.yaml': asRules(readMonitoring()) })).toMatchObject({
      ok: true,
    });
  });

  it.each([
    ['a rate of no range', 'rate(cairn_signal_deliveries_total)', /expected type range vector/],
    ['a range of no rate', 'cairn_signal_ready[5m] == 0', /binary expression must contain only scalar and instant/],
    ['a range of a sum', 'sum(cairn_signal_ready[5m])', /expected type instant vector in aggregation/],
    ['a function that does not exist', 'rates(cairn_signal_ready[5m])', /unknown function/],
    ['what cannot be read', 'up{job="cairn-signal"', /unexpected end of input/],
  ])('finds, in an alert and in a panel: %s', (_what, expr, fault) => {
    const monitoring = readMonitoring();
    const [rule] = alertsOf(monitoring);
    monitoring.dashboard.panels.find(({ title }) => title === 'Bytes')!.targets![0].expr = expr;
    rule.expr = expr;
    for (const rules of [stringify({ groups: monitoring.groups }), asRules(monitoring)]) {
      const { ok, said } = promtool(['check', 'rules', 'rules.yaml'], { 'rules.yaml': rules });
      expect(said).toMatch(fault);
      expect(ok).toBe(false);
    }
  });

  it('finds an alert that fires at another time than its tests say', () => {
    const later = text(RULES).replace(/^( *- alert: CairnSignalNodeDown\n[^]*?for: )2m$/m, '$130m');
    expect(later).not.toBe(text(RULES));
    const { tests, ...rest } = parse(text(CASES)) as Cases;
    const some = stringify({
      ...rest,
      tests: tests.filter((one) => JSON.stringify(one).includes('CairnSignalNodeDown')),
    });
    expect(promtool(['test', 'rules', CASES], { [RULES]: text(RULES), [CASES]: some })).toMatchObject({ ok: true });
    const { ok, said } = promtool(['test', 'rules', CASES], { [RULES]: later, [CASES]: some });
    expect(said).toContain('FAILED');
    expect(ok).toBe(false);
  });
});
