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

/** A series that Prometheus makes of others. */
export interface Recording {
  record: string;
  expr: string;
  labels?: Record<string, string>;
}

/** A group of promtool tests, most of them for the alerts that fire at one time. */
export interface AlertCase {
  name: string;
  promql_expr_test: { expr: string; exp_samples: { labels: string; value: number }[] }[];
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
  groups: { name: string; rules: (Alert | Recording)[] }[];
  cases: AlertCase[];
  prometheus: { rule_files: string[]; scrape_configs: ScrapeConfig[] };
  podMonitor: PodMonitor;
  dashboard: Dashboard;
  /** The text of docs/runbooks.md. */
  runbooks: string;
  /** Where this repository is, for browsers. */
  repository: string;
  /** The nodes that are scraped. */
  manifests: Manifests;
  compose: Compose;
}

/** Files for promtool, in deploy/prometheus. */
export const PROMTOOL_CASES: readonly string[] = ['cairn-signal.test.yaml', 'cairn-signal.objectives.test.yaml'];

const text = (file: string): string => readFileSync(new URL(file, ROOT), 'utf8');

export function readMonitoring(): Monitoring {
  const { groups } = parse(text('deploy/prometheus/cairn-signal.rules.yaml')) as Pick<Monitoring, 'groups'>;
  const cases = PROMTOOL_CASES.flatMap(
    (file) => (parse(text(`deploy/prometheus/${file}`)) as { tests: AlertCase[] }).tests,
  );
  return {
    groups,
    cases,
    prometheus: parse(text('deploy/prometheus/prometheus.yaml')) as Monitoring['prometheus'],
    podMonitor: parse(text('deploy/prometheus/podmonitor.yaml')) as PodMonitor,
    dashboard: JSON.parse(text('deploy/grafana/cairn-signal.json')) as Dashboard,
    runbooks: text('docs/runbooks.md'),
    repository: /https:[^#]*?(?=\.git$)/.exec(
      (JSON.parse(text('package.json')) as { repository: { url: string } }).repository.url,
    )![0],
    manifests: readManifests(),
    compose: readCompose('compose.cluster.yaml').compose,
  };
}

const rulesOf = ({ groups }: Monitoring): (Alert | Recording)[] => groups.flatMap(({ rules }) => rules);
export const alertsOf = (monitoring: Monitoring): Alert[] => rulesOf(monitoring).filter((rule) => 'alert' in rule);
export const recordingsOf = (monitoring: Monitoring): Recording[] =>
  rulesOf(monitoring).filter((rule) => 'record' in rule);
/** The parts of a dashboard that show something. */
export const chartsOf = ({ dashboard }: Monitoring): Panel[] => dashboard.panels.filter(({ type }) => type !== 'row');
