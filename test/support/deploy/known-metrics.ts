import { METRICS } from '../../../src/exposition/metric-table.js';
import { PROCESS_METRICS } from '../../../src/exposition/process-metrics.js';

/** A metric as queries see it. */
export interface KnownMetric {
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** The values of each of its own labels; undefined if they do not come from a fixed set. */
  readonly labels: ReadonlyMap<string, ReadonlySet<string> | undefined>;
}

/** What Prometheus adds to every sample. */
export const TARGET_LABELS: readonly string[] = ['job', 'instance'];

/** Labels that prom-client adds, and that the table does not name. */
const PROCESS_LABELS: Readonly<Record<string, readonly string[]>> = {
  nodejs_gc_duration_seconds: ['kind'],
  nodejs_version_info: ['version', 'major', 'minor', 'patch'],
};

/**
 * Metrics by name, as in the table. The values of labels are those that a node really shows. `samples` are its samples:
 * `name{label="value"}`.
 */
export function knownMetrics(samples: Iterable<string>): ReadonlyMap<string, KnownMetric> {
  const known = new Map<string, KnownMetric>([['up', { type: 'gauge', labels: new Map() }]]);
  for (const { name, type } of PROCESS_METRICS) {
    known.set(name, { type, labels: new Map((PROCESS_LABELS[name] ?? []).map((label) => [label, undefined])) });
  }
  const shown = [...samples];
  for (const row of METRICS) {
    const label = 'label' in row ? row.label : undefined;
    const values = new Set(
      shown.filter((sample) => sample.startsWith(`${row.name}{`)).map((sample) => /="([^"]*)"/.exec(sample)![1]),
    );
    known.set(row.name, { type: row.type, labels: new Map(label === undefined ? [] : [[label, values]]) });
  }
  return known;
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
