import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { readCompose, ROOT } from './compose.js';
import type { Compose } from './compose.js';
import { readManifests } from './manifests.js';
import type { Manifests } from './manifests.js';

export interface Alert {
  alert: string;
  expr: string;
  for: string;
  labels: { severity: string };
  annotations: Record<string, string>;
}

/** A group of promtool tests, each for the alerts that fire at one time. */
export interface AlertCase {
  name: string;
  promql_expr_test: { exp_samples: { labels: string; value: number }[] }[];
}

export interface Relabeling {
  source_labels?: string[];
  regex?: string;
  action?: string;
  target_label?: string;
  replacement?: string;
}

export interface ScrapeConfig {
  job_name: string;
  static_configs?: { targets: string[] }[];
  relabel_configs?: Relabeling[];
}

export interface PodMonitor {
  spec: {
    selector: { matchLabels: Record<string, string> };
    jobLabel: string;
    podMetricsEndpoints: { port: string }[];
  };
}

export interface Panel {
  id: number;
  type: string;
  title: string;
  description?: string;
  datasource?: { uid: string };
  gridPos: { x: number; y: number; w: number; h: number };
  fieldConfig?: { defaults: { unit?: string } };
  targets?: { refId: string; expr: string; legendFormat?: string }[];
}

export interface Dashboard {
  id: number | null;
  uid: string;
  schemaVersion: number;
  panels: Panel[];
  templating: { list: { name: string; type: string; query: string }[] };
}

/** Everything that monitors nodes. Plain objects, so that a test may change one and see what the rules say. */
export interface Monitoring {
  groups: { name: string; rules: Alert[] }[];
  cases: AlertCase[];
  prometheus: { rule_files: string[]; scrape_configs: ScrapeConfig[] };
  podMonitor: PodMonitor;
  dashboard: Dashboard;
  /** The text of docs/operations.md. */
  operations: string;
  /** The nodes that are scraped. */
  manifests: Manifests;
  compose: Compose;
}

const text = (file: string): string => readFileSync(new URL(file, ROOT), 'utf8');

export function readMonitoring(): Monitoring {
  const { groups } = parse(text('deploy/prometheus/cairn-signal.rules.yaml')) as Pick<Monitoring, 'groups'>;
  const { tests: cases } = parse(text('deploy/prometheus/cairn-signal.test.yaml')) as { tests: AlertCase[] };
  return {
    groups,
    cases,
    prometheus: parse(text('deploy/prometheus/prometheus.yaml')) as Monitoring['prometheus'],
    podMonitor: parse(text('deploy/prometheus/podmonitor.yaml')) as PodMonitor,
    dashboard: JSON.parse(text('deploy/grafana/cairn-signal.json')) as Dashboard,
    operations: text('docs/operations.md'),
    manifests: readManifests(),
    compose: readCompose('compose.cluster.yaml').compose,
  };
}

export const alertsOf = ({ groups }: Monitoring): Alert[] => groups.flatMap(({ rules }) => rules);
/** The parts of a dashboard that show something. */
export const chartsOf = ({ dashboard }: Monitoring): Panel[] => dashboard.panels.filter(({ type }) => type !== 'row');
