import { parse } from 'yaml';
import { nodesOf } from './compose.js';
import type { KnownMetric } from './known-metrics.js';
import { memoryOf } from './kubernetes-rules.js';
import { containerOf } from './manifests.js';
import { alertsOf } from './monitoring.js';
import type { Alert, ScrapeConfig } from './monitoring.js';
import { labelsOfResult, queriesOf } from './query-rules.js';
import type { MonitoringRule } from './query-rules.js';

const ALERT_KEYS = 'alert,expr,for,labels,annotations';
const ANNOTATIONS = 'summary,description,runbook_url';

/** Of `[is it wrong, what is]` pairs, returns what is wrong. */
const wrong = (...checks: readonly (readonly [boolean, string])[]): string[] =>
  checks.filter(([is]) => is).map(([, fault]) => fault);
const twice = (names: readonly string[]): string[] => names.filter((name, index) => names.indexOf(name) < index);

const alerts: MonitoringRule = (monitoring) => [
  ...twice(monitoring.groups.map(({ name }) => name)).map((name) => `two groups are called ${name}`),
  ...twice(alertsOf(monitoring).map(({ alert }) => alert)).map((alert) => `two alerts are called ${alert}`),
  ...alertsOf(monitoring).flatMap((rule) =>
    wrong(
      [Object.keys(rule).join() !== ALERT_KEYS, `${rule.alert}: it has ${Object.keys(rule).join()}, not ${ALERT_KEYS}`],
      [!/^CairnSignal(?:[A-Z][a-z]+)+$/.test(rule.alert), `${rule.alert}: its name is of another kind`],
      [!/^\d+[mh]$/.test(rule.for), `${rule.alert}: it is for ${rule.for}`],
      [
        !['critical', 'warning'].includes(rule.labels?.severity),
        `${rule.alert}: its severity is ${rule.labels?.severity}`,
      ],
      [
        Object.keys(rule.annotations ?? {}).join() !== ANNOTATIONS,
        `${rule.alert}: its annotations are not ${ANNOTATIONS}`,
      ],
      ...Object.entries(rule.annotations ?? {})
        .filter(([name]) => name !== 'runbook_url')
        .map(([name, sentence]) => [!/^\S.*\.$/.test(sentence), `${rule.alert}: its ${name} is no sentence`] as const),
    ),
  ),
];

/** The size that a threshold is a fraction of: 2 ** 20 for `> 0.9 * 1024 * 1024`. */
const sizeIn = ({ expr }: Alert): number =>
  (/> 0\.\d+ \* ([\d* ]+)$/.exec(expr)?.[1] ?? 'none')
    .split('*')
    .reduce((product, factor) => product * Number(factor), 1);

/** The thresholds that depend on the deployment are those of deploy/kubernetes. */
const sizes: MonitoringRule = (monitoring) => {
  const { heap, limit } = memoryOf(monitoring.manifests);
  return (
    [
      ['nodejs_heap_size_used_bytes', heap],
      ['process_resident_memory_bytes', limit],
    ] as const
  ).flatMap(([metric, size]) => {
    const found = alertsOf(monitoring).filter(({ expr }) => expr.includes(metric));
    return [
      ...wrong([found.length === 0, `no alert tells of ${metric}`]),
      ...found
        .filter((alert) => sizeIn(alert) !== size)
        .map(({ alert }) => `${alert}: its threshold is not of ${size}, as deploy/kubernetes/deployment.yaml has it`),
    ];
  });
};

/** promtool is told when each alert fires, and nothing else. */
const tested: MonitoringRule = (monitoring) => {
  const names = alertsOf(monitoring).map(({ alert }) => alert);
  const firing = new Set(
    monitoring.cases.flatMap(({ promql_expr_test: tests }) =>
      tests.flatMap(({ expr, exp_samples: samples }) =>
        (expr.includes('ALERTS') ? samples : []).map(
          ({ labels }) => /^\{alertname="(\w+)"\}$/.exec(labels)?.[1] ?? labels,
        ),
      ),
    ),
  );
  return [
    ...names.filter((alert) => !firing.has(alert)).map((alert) => `${alert}: no test lets it fire`),
    ...[...firing]
      .filter((alert) => !names.includes(alert))
      .map((alert) => `a test expects ${alert}, which does not exist`),
    ...wrong([
      !monitoring.cases.some(({ promql_expr_test: tests }) =>
        tests.every(({ exp_samples: samples }) => samples.length === 0),
      ),
      'no test lets nothing fire',
    ]),
  ];
};

const MANAGEMENT_PORT = 'management';
const relabels = ({ relabel_configs: found = [] }: ScrapeConfig, source: string, regex: string): boolean =>
  found.some((one) => one.source_labels?.join() === source && one.regex === regex && one.action === 'keep');

/**
 * The nodes that are scraped are those that deploy/kubernetes and compose.cluster.yaml start, under the name that the
 * rules expect.
 */
const scraping =
  (job: string): MonitoringRule =>
  ({ prometheus, podMonitor, manifests, compose }) => {
    const labels = manifests.deployment.spec!.template.metadata?.labels ?? {};
    const name = labels['app.kubernetes.io/name'];
    const [listed, pods] = [
      prometheus.scrape_configs.find(({ static_configs: found }) => found !== undefined),
      prometheus.scrape_configs.find(({ relabel_configs: found }) => found !== undefined),
    ];
    const targets = nodesOf(compose).map(
      ([node, { environment = {} }]) => `${node}:${environment.CAIRN_SIGNAL_MANAGEMENT_ADDR?.split(':')[1]}`,
    );
    const jobOfPods = pods?.relabel_configs?.find(({ target_label: label }) => label === 'job')?.replacement;
    const { selector, jobLabel, podMetricsEndpoints } = podMonitor.spec;
    const isPort = (port: string): boolean =>
      port === MANAGEMENT_PORT &&
      containerOf(manifests).ports?.some(
        (one) =>
          one.name === port &&
          (parse(manifests.config) as { managementAddr: string }).managementAddr.endsWith(`:${one.containerPort}`),
      ) === true;
    return wrong(
      [prometheus.rule_files.join() !== 'cairn-signal.rules.yaml', 'prometheus.yaml does not load the rules'],
      [listed?.job_name !== job || jobOfPods !== job, `prometheus.yaml scrapes nodes under another name than ${job}`],
      [
        listed?.static_configs?.flatMap((one) => one.targets).join() !== targets.join(),
        `prometheus.yaml does not scrape ${targets.join()}`,
      ],
      [
        pods === undefined ||
          !relabels(pods, '__meta_kubernetes_pod_label_app_kubernetes_io_name', name) ||
          !relabels(pods, '__meta_kubernetes_pod_container_port_name', MANAGEMENT_PORT),
        'prometheus.yaml finds other pods or ports',
      ],
      [
        Object.keys(selector.matchLabels).length === 0 ||
          !Object.entries(selector.matchLabels).every(([label, value]) => labels[label] === value),
        'the PodMonitor selects other pods',
      ],
      [labels[jobLabel] !== job, `the PodMonitor scrapes nodes under another name than ${job}`],
      [podMetricsEndpoints.length !== 1 || !isPort(podMetricsEndpoints[0].port), 'the PodMonitor asks at another port'],
    );
  };

/** `known`: the metrics that exist. `job`: the job name that the rules expect. */
export function alertRules(known: ReadonlyMap<string, KnownMetric>, job: string): Record<string, MonitoringRule> {
  /** `$labels.x` is empty if the result has no label x. */
  const templates: MonitoringRule = (monitoring) =>
    alertsOf(monitoring).flatMap(({ alert, annotations }) => {
      const result = queriesOf(monitoring).asked.find(({ where, by }) => where === alert && by === 'alert');
      const used = [
        ...Object.values(annotations ?? {})
          .join(' ')
          .matchAll(/\$labels\.(\w+)/g),
      ].map(([, label]) => label);
      return used
        .filter((label) => result !== undefined && !labelsOfResult(known, result.query).includes(label))
        .map((label) => `${alert}: its result has no label ${label}`);
    });
  return { alerts, templates, sizes, tested, scraping: scraping(job) };
}
