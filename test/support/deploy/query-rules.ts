import { findMetric } from './known-metrics.js';
import type { KnownMetric } from './known-metrics.js';
import { alertsOf, chartsOf, recordingsOf } from './monitoring.js';
import type { Monitoring } from './monitoring.js';
import { readPromql } from './promql.js';
import type { Query, Selector } from './promql.js';
import { runbookQueries } from './runbook-rules.js';

/** What alerts and the dashboard must satisfy. Each rule returns the faults that it finds, one sentence each. */
export type MonitoringRule = (monitoring: Monitoring) => string[];

/** A query and who makes it. */
export interface Asked {
  readonly where: string;
  readonly expr: string;
  readonly query: Query;
  readonly by: 'alert' | 'recording' | 'runbook' | 'panel' | 'variable';
}

/** Returns the labels of a selector's series; undefined for a metric that does not exist. */
export function labelsOf(known: ReadonlyMap<string, KnownMetric>, { metric }: Selector): string[] | undefined {
  const found = findMetric(known, metric);
  return found && [...found.metric.target, ...found.metric.labels.keys(), ...(found.part === '_bucket' ? ['le'] : [])];
}

/** Returns the labels that the result of a query may have. */
export function labelsOfResult(known: ReadonlyMap<string, KnownMetric>, { kept, selectors }: Query): readonly string[] {
  return kept ?? selectors.flatMap((selector) => labelsOf(known, selector) ?? []);
}

/** What rules, runbooks, panels and variables ask for. */
export function expressionsOf(monitoring: Monitoring): Omit<Asked, 'query'>[] {
  return [
    ...alertsOf(monitoring).map(({ alert, expr }) => ({ where: alert, expr, by: 'alert' as const })),
    ...recordingsOf(monitoring).map(({ record, labels, expr }) => ({
      where: [record, ...Object.values(labels ?? {})].join(' '),
      expr,
      by: 'recording' as const,
    })),
    ...runbookQueries(monitoring).map((asked) => ({ ...asked, by: 'runbook' as const })),
    ...chartsOf(monitoring).flatMap(({ title, targets = [] }) =>
      targets.map(({ expr }) => ({ where: title, expr, by: 'panel' as const })),
    ),
    ...monitoring.dashboard.templating.list
      .filter(({ type }) => type === 'query')
      .map(({ name, query }) => ({
        where: `$${name}`,
        expr: /^label_values\((.+), \w+\)$/.exec(query)?.[1] ?? query,
        by: 'variable' as const,
      })),
  ];
}

/** Every query of rules, runbooks, panels and variables that can be read, and why the others cannot. */
export function queriesOf(monitoring: Monitoring): { asked: Asked[]; faults: string[] } {
  const asked: Asked[] = [];
  const faults: string[] = [];
  for (const { where, expr, by } of expressionsOf(monitoring)) {
    try {
      asked.push({ where, by, expr, query: readPromql(expr) });
    } catch (error) {
      faults.push(`${where}: ${(error as Error).message}`);
    }
  }
  return { asked, faults };
}

/** Metrics that other programs have too. */
const SHARED = /^(?:up|process_.*|nodejs_.*)$/;
/** Only alternatives, so that each is known to exist. */
const ALTERNATIVES = /^[\w-]+(?:\|[\w-]+)*$/;

/** `known`: the metrics that exist. `job`: the job name that the rules expect. */
export function queryRules(known: ReadonlyMap<string, KnownMetric>, job: string): Record<string, MonitoringRule> {
  /** Returns `[is it wrong, what is]` for each selector. */
  const each =
    (check: (selector: Selector, asked: Asked) => readonly (readonly [boolean, string])[]): MonitoringRule =>
    (monitoring) =>
      queriesOf(monitoring).asked.flatMap((asked) =>
        asked.query.selectors.flatMap((selector) =>
          check(selector, asked)
            .filter(([wrong]) => wrong)
            .map(([, fault]) => `${asked.where}: ${fault}`),
        ),
      );

  const expressions: MonitoringRule = (monitoring) => queriesOf(monitoring).faults;

  const names = each(({ metric }) => [
    [
      findMetric(known, metric) === undefined,
      known.has(metric) ? `${metric} is a histogram, and no series by itself` : `there is no metric ${metric}`,
    ],
  ]);

  const kinds = each(({ metric, calls }, { by }) => {
    const { metric: of, part } = findMetric(known, metric) ?? {};
    const rated = ['rate', 'increase'].includes(calls.at(-1) ?? '');
    return [
      [
        of !== undefined && (of.type === 'counter' || part !== '') && !rated && by !== 'variable',
        `${metric} only ever grows: it needs rate or increase`,
      ],
      [
        of?.type === 'gauge' && calls.some((call) => call === 'rate' || call === 'increase'),
        `${metric} is a gauge, and has no rate`,
      ],
    ];
  });

  const quantiles = each(({ metric, matchers, calls, grouped }) => {
    const found = findMetric(known, metric);
    const bucket = found?.part === '_bucket';
    const asked = calls.includes('histogram_quantile');
    const bound = matchers.find(({ label }) => label === 'le');
    if (bucket && !asked && bound !== undefined) {
      const exists = bound.operator === '=' && found.metric.bounds?.has(bound.value) === true;
      return [[!exists, `${metric} has no bound ${bound.value}`]];
    }
    return [
      [
        bucket !== asked,
        bucket ? `${metric} is for histogram_quantile` : `histogram_quantile of ${metric}, which has no buckets`,
      ],
      [bucket && !grouped.includes('le'), `histogram_quantile of ${metric} without le`],
    ];
  });

  const labels: MonitoringRule = (monitoring) => [
    ...each((selector) => {
      const own = labelsOf(known, selector);
      const missing = [...selector.matchers.map(({ label }) => label), ...selector.grouped].filter(
        (label) => own?.includes(label) === false,
      );
      return missing.map((label) => [true, `${selector.metric} has no label ${label}`]);
    })(monitoring),
    ...queriesOf(monitoring).asked.flatMap(({ where, query }) => {
      const all = new Set(query.selectors.flatMap((selector) => labelsOf(known, selector) ?? []));
      return query.matched
        .filter((label) => !all.has(label))
        .map((label) => `${where}: no metric has the label ${label}`);
    }),
  ];

  const values = each(({ metric, matchers }) =>
    matchers.flatMap(({ label, operator, value }): (readonly [boolean, string])[] => {
      const real = findMetric(known, metric)?.metric.labels;
      if (real?.has(label) !== true) return [];
      if (operator.endsWith('~') && !ALTERNATIVES.test(value)) {
        return [[true, `${metric}: ${value} is no list of values`]];
      }
      return (operator.endsWith('~') ? value.split('|') : [value]).map((one) => [
        real.get(label)?.has(one) !== true,
        `${metric} has no ${label} "${one}"`,
      ]);
    }),
  );

  const jobs = each(({ metric, matchers }, { by, where }) => {
    const on = (label: string, operator: string, value: string): boolean =>
      matchers.some((matcher) => matcher.label === label && matcher.operator === operator && matcher.value === value);
    const of = matchers.find(({ label }) => label === 'job');
    const target = findMetric(known, metric)?.metric.target ?? [];
    return [
      [by !== 'panel' && SHARED.test(metric) && of === undefined, `${metric} is every program's`],
      [by === 'alert' && of !== undefined && !on('job', '=', job), `nodes are not scraped as ${of?.value}`],
      [
        by === 'panel' && !target.every((label) => on(label, '=~', `$${label}`)),
        `${metric} is of other nodes than those chosen`,
      ],
      [where === '$instance' && !on('job', '=~', '$job'), 'nodes of other jobs can be chosen'],
    ];
  });

  return { expressions, names, kinds, quantiles, labels, values, jobs };
}
