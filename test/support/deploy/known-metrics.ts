import { METRICS } from '../../../src/exposition/metric-table.js';
import { PROCESS_METRICS } from '../../../src/exposition/process-metrics.js';
import type { Recording } from './monitoring.js';
import { readPromql } from './promql.js';

/** A metric as queries see it. */
export interface KnownMetric {
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** The values of each of its own labels; undefined if they do not come from a fixed set. */
  readonly labels: ReadonlyMap<string, ReadonlySet<string> | undefined>;
  /** Labels that say where a sample comes from. A recording keeps some of them. */
  readonly target: readonly string[];
  /** The upper bounds of a histogram's buckets. */
  readonly bounds?: ReadonlySet<string>;
}

/** What Prometheus adds to every sample. */
const TARGET_LABELS: readonly string[] = ['job', 'instance'];

/** Labels that prom-client adds, and that the table does not name. */
const PROCESS_LABELS: Readonly<Record<string, readonly string[]>> = {
  nodejs_gc_duration_seconds: ['kind'],
  nodejs_version_info: ['version', 'major', 'minor', 'patch'],
};

/**
 * Metrics by name, as in the table, and recordings. The values of labels are those that a node really shows. `samples`
 * are its samples: `name{label="value"}`.
 */
export function knownMetrics(
  samples: Iterable<string>,
  recordings: readonly Recording[],
): ReadonlyMap<string, KnownMetric> {
  const target = TARGET_LABELS;
  const known = new Map<string, KnownMetric>([['up', { type: 'gauge', target, labels: new Map() }]]);
  for (const { name, type } of PROCESS_METRICS) {
    known.set(name, { type, target, labels: new Map((PROCESS_LABELS[name] ?? []).map((label) => [label, undefined])) });
  }
  const shown = [...samples];
  const valuesOf = (name: string): ReadonlySet<string> =>
    new Set(shown.filter((sample) => sample.startsWith(`${name}{`)).map((sample) => /="([^"]*)"/.exec(sample)![1]));
  for (const { name, type, ...row } of METRICS) {
    const label = 'label' in row ? row.label : undefined;
    const labels = new Map(label === undefined ? [] : [[label, valuesOf(name)]]);
    known.set(name, { type, target, labels, bounds: valuesOf(`${name}_bucket`) });
  }
  for (const name of new Set(recordings.map(({ record }) => record))) known.set(name, recorded(name, recordings));
  return known;
}

/** A recording keeps the labels of its expression, and adds its own. */
function recorded(name: string, recordings: readonly Recording[]): KnownMetric {
  const rules = recordings.filter(({ record }) => record === name);
  const own = new Map<string, Set<string>>();
  for (const [label, value] of rules.flatMap(({ labels = {} }) => Object.entries(labels))) {
    own.set(label, (own.get(label) ?? new Set()).add(value));
  }
  const kept = new Set(rules.flatMap(({ expr }) => readPromql(expr).kept ?? []));
  const labels = new Map<string, ReadonlySet<string> | undefined>([...kept].map((label) => [label, undefined]));
  for (const label of TARGET_LABELS) labels.delete(label);
  return {
    type: 'gauge',
    labels: new Map([...labels, ...own]),
    target: TARGET_LABELS.filter((label) => kept.has(label)),
  };
}

export interface Found {
  readonly metric: KnownMetric;
  /** Which series of a histogram it is. */
  readonly part: '' | '_bucket' | '_sum' | '_count';
}

/** Returns the metric that a name in a query means. A query never means a histogram as a whole. */
export function findMetric(known: ReadonlyMap<string, KnownMetric>, name: string): Found | undefined {
  const plain = known.get(name);
  if (plain !== undefined) return plain.type === 'histogram' ? undefined : { metric: plain, part: '' };
  const [, base, part] = /^(\w+)(_bucket|_sum|_count)$/.exec(name) ?? [];
  const metric = known.get(base);
  return metric?.type === 'histogram' ? { metric, part: part as Found['part'] } : undefined;
}
