import { Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Registry } from 'prom-client';
import type { OpenMetricsContentType } from 'prom-client';
import { METRICS } from './metric-table.js';
import { PROCESS_METRICS } from './process-metrics.js';
import { promMetric } from './prom-metric.js';
import { Sources } from './sources.js';

/**
 * Metrics of prom-client about this process. It watches the event loop and the garbage collector from the first scrape
 * on.
 */
let processMetrics: Registry | undefined;

/**
 * Writes the metrics of this node as text. Owns the prom-client registry. The figures are read whenever somebody asks
 * for the text. Knows nothing of who asks.
 * Invariant: shows the metrics of the tables, and no others.
 */
@Injectable()
export class Exposition {
  readonly contentType = Registry.OPENMETRICS_CONTENT_TYPE;
  readonly plainContentType = Registry.PROMETHEUS_CONTENT_TYPE;
  #registry: Registry<OpenMetricsContentType> | undefined;

  constructor(private readonly sources: Sources) {}

  /** Returns the metrics in OpenMetrics 1.0. */
  text(): Promise<string> {
    return (this.#registry ??= this.#make()).metrics();
  }

  /** Returns the same in the text format 0.0.4 of Prometheus, for scrapers that do not read OpenMetrics. */
  async plainText(): Promise<string> {
    const text = await this.text();
    // The formats differ in what a counter is called where it is described, and in the mark of the end.
    const lines = text.split('\n').filter((line) => line !== '# EOF');
    const isCounter = (typeLine = ''): boolean => typeLine.startsWith('# TYPE ') && typeLine.endsWith(' counter');
    return lines
      .map((line, i) =>
        isCounter(line) || isCounter(lines[i + 1]) ? line.replace(/^# \w{4} \w{1,100}/, '$&_total') : line,
      )
      .join('\n');
  }

  #make(): Registry<OpenMetricsContentType> {
    const registry = new Registry<OpenMetricsContentType>();
    registry.setContentType(this.contentType);
    for (const row of METRICS) registry.registerMetric(promMetric(row, this.sources));
    if (processMetrics === undefined) collectDefaultMetrics({ register: (processMetrics = new Registry()) });
    for (const { name } of PROCESS_METRICS) {
      // prom-client makes some of them only where there is a /proc.
      const metric = processMetrics.getSingleMetric(name);
      if (metric !== undefined) registry.registerMetric(metric);
    }
    return registry;
  }
}
