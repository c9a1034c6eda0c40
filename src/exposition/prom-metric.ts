import { Counter, Gauge } from 'prom-client';
import type { Metric } from 'prom-client';
import type { Figure, MetricRow } from './metric-row.js';
import type { Sources } from './sources.js';

/** Makes the prom-client metric of a row. It is in no registry, and reads its figure whenever somebody asks. */
export function promMetric(row: MetricRow, sources: Sources): Metric {
  if (row.type === 'histogram') return row.histogram(sources);
  const { name, help, label } = row;
  const options = { name, help, labelNames: label === undefined ? [] : [label], registers: [] };
  if (row.type === 'counter') {
    return new Counter({
      ...options,
      collect() {
        this.reset();
        for (const [labels, figure] of figuresOf(row, sources)) this.inc(labels, figure);
      },
    });
  }
  return new Gauge({
    ...options,
    collect() {
      if (label === undefined) this.remove();
      for (const [labels, figure] of figuresOf(row, sources)) this.set(labels, figure);
    },
  });
}

/** Reads every figure of a metric, with its labels. */
function figuresOf({ label, read }: Figure, sources: Sources): [labels: Record<string, string>, figure: number][] {
  const reading = read(sources);
  if (reading === undefined) return [];
  if (typeof reading === 'number') return [[{}, reading]];
  return Array.from(reading, ([value, figure]) => [{ [label!]: value }, figure]);
}
