import { Inject, Injectable } from '@nestjs/common';
import type { OnApplicationShutdown } from '@nestjs/common';
import { METRICS } from './metric-table.js';
import { promMetric } from './prom-metric.js';
import { Sources } from './sources.js';

/** A registry of prom-client, of any version: what we use of it. */
export interface MetricsRegistry {
  registerMetric(metric: never): void;
  getSingleMetric(name: string): unknown;
  removeSingleMetric(name: string): void;
}

/** Token of the application's registry, which CairnSignalModule provides; null without one. */
export const REGISTRY = Symbol('registry');

/** Names that a fault lists. */
const MOST_NAMED = 3;

/**
 * Keeps our metrics in the application's own prom-client registry. Owns those metrics. Knows nothing of who reads them.
 * The metrics of the process and of Node are not among them: they are the application's, which collects them or not.
 * Invariant: a registry never has a part of our metrics, and none after the shutdown.
 */
@Injectable()
export class ApplicationRegistry implements OnApplicationShutdown {
  #registered: ReadonlyMap<string, unknown> = new Map();

  constructor(
    @Inject(REGISTRY) private readonly registry: MetricsRegistry | null,
    private readonly sources: Sources,
  ) {}

  /** Says in one sentence why our metrics cannot be registered; undefined if they can. */
  fault(): string | undefined {
    const taken = METRICS.map(({ name }) => name).filter((name) => this.registry?.getSingleMetric(name) !== undefined);
    if (taken.length === 0) return undefined;
    const more = taken.length > MOST_NAMED ? ` and ${taken.length - MOST_NAMED} more` : '';
    return (
      `the option register: this registry already has ${taken.slice(0, MOST_NAMED).join(', ')}${more}. ` +
      'Does another application of this process use it? Then give each a registry of its own'
    );
  }

  /** Registers our metrics. */
  register(): void {
    if (this.registry === null) return;
    this.#registered = new Map(METRICS.map((row) => [row.name, promMetric(row, this.sources)]));
    for (const metric of this.#registered.values()) this.registry.registerMetric(metric as never);
  }

  /** An application that starts again in the same process may use the same registry. */
  onApplicationShutdown(): void {
    for (const [name, metric] of this.#registered) {
      if (this.registry!.getSingleMetric(name) === metric) this.registry!.removeSingleMetric(name);
    }
  }
}

/** Whether this is a registry of prom-client, of any version. */
export function isMetricsRegistry(value: unknown): value is MetricsRegistry {
  const methods = ['registerMetric', 'getSingleMetric', 'removeSingleMetric'] as const;
  const registry = value as Partial<MetricsRegistry> | null | undefined;
  return methods.every((method) => typeof registry?.[method] === 'function');
}
