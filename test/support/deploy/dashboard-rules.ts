import { METRICS } from '../../../src/exposition/metric-table.js';
import { PROCESS_METRICS } from '../../../src/exposition/process-metrics.js';
import type { KnownMetric } from './known-metrics.js';
import { chartsOf } from './monitoring.js';
import type { Panel } from './monitoring.js';
import { labelsOfResult, queriesOf } from './query-rules.js';
import type { MonitoringRule } from './query-rules.js';

/** Columns of Grafana's grid. */
const COLUMNS = 24;

/** Process metrics that the dashboard leaves out, and why. */
export const NOT_SHOWN: Readonly<Record<string, string>> = {
  process_cpu_seconds_total: 'user and system time are shown, one upon the other',
  nodejs_heap_size_total_bytes: 'what is used of it tells more',
  nodejs_eventloop_lag_seconds: 'the moment of the scrape; p99 and max tell of the time since the last one',
  nodejs_eventloop_lag_mean_seconds: 'as above',
  nodejs_eventloop_lag_p50_seconds: 'as above',
};

const wrong = (...checks: readonly (readonly [boolean, string])[]): string[] =>
  checks.filter(([is]) => is).map(([, fault]) => fault);

const identity: MonitoringRule = ({ dashboard: { id, uid, schemaVersion, panels } }) =>
  wrong(
    [id !== null, 'an id is of one Grafana'],
    [uid !== 'cairn-signal', 'links to it break'],
    [!(schemaVersion >= 39), 'its schema is older than Grafana 11'],
    [
      new Set(panels.map((panel) => panel.id)).size < panels.length || !panels.every((panel) => panel.id > 0),
      'two panels have one id, or one has none',
    ],
  );

const panelsSay: MonitoringRule = (monitoring) => [
  ...monitoring.dashboard.panels.filter(({ title }) => !title).map(({ id }) => `panel ${id} has no title`),
  ...chartsOf(monitoring).flatMap(({ title, description = '', datasource, fieldConfig, targets = [] }) =>
    wrong(
      [!/^[A-Z].*\.$/.test(description), `${title}: it is not described in a sentence`],
      [!fieldConfig?.defaults.unit, `${title}: it has no unit`],
      [datasource?.uid !== '${datasource}', `${title}: it asks a Prometheus of its own`],
      [targets.length === 0, `${title}: it asks for nothing`],
      [new Set(targets.map(({ refId }) => refId)).size < targets.length, `${title}: two queries have one refId`],
      [targets.some(({ legendFormat }) => !legendFormat), `${title}: a query has no legend`],
      [
        new Set(targets.map(({ legendFormat }) => legendFormat)).size < targets.length,
        `${title}: two queries have one legend`,
      ],
    ),
  ),
];

const overlap = ({ gridPos: one }: Panel, { gridPos: other }: Panel): boolean =>
  one.x < other.x + other.w && other.x < one.x + one.w && one.y < other.y + other.h && other.y < one.y + one.h;

const grid: MonitoringRule = ({ dashboard: { panels } }) => [
  ...panels
    .filter(({ gridPos: { x, y, w, h } }) => !(x >= 0 && y >= 0 && w > 0 && h > 0 && x + w <= COLUMNS))
    .map(({ title }) => `${title}: it is beside the grid`),
  ...panels.flatMap((panel, index) =>
    panels
      .slice(0, index)
      .filter((before) => overlap(before, panel))
      .map((before) => `${panel.title} covers ${before.title}`),
  ),
  ...panels
    .filter(
      ({ gridPos: { x, y } }, index) =>
        index > 0 &&
        (y < panels[index - 1].gridPos.y || (y === panels[index - 1].gridPos.y && x < panels[index - 1].gridPos.x)),
    )
    .map(({ title }) => `${title}: it is not in reading order`),
  ...panels
    .filter(({ type, gridPos: { w } }) => type === 'row' && w !== COLUMNS)
    .map(({ title }) => `${title}: a row is as wide as the grid`),
];

/** Data sources that every Grafana has. */
const BUILT_IN = new Set(['__rate_interval', '__range']);

const variables: MonitoringRule = (monitoring) => {
  const { list } = monitoring.dashboard.templating;
  const text = JSON.stringify(monitoring.dashboard.panels);
  const used = new Set([...text.matchAll(/\$\{?(\w+)\}?/g)].map(([, name]) => name));
  return [
    ...[...used]
      .filter((name) => !BUILT_IN.has(name) && !list.some((one) => one.name === name))
      .map((name) => `there is no variable ${name}`),
    ...list.filter(({ name }) => !used.has(name)).map(({ name }) => `nobody uses variable ${name}`),
    ...list
      .filter(({ type, query }) => type === 'query' && !/^label_values\(.+, \w+\)$/.test(query))
      .map(({ name }) => `variable ${name} is of no label`),
  ];
};

/** Every metric of a node is shown, or left out for a reason. */
const shown: MonitoringRule = (monitoring) => {
  const asked = new Set(
    queriesOf(monitoring)
      .asked.filter(({ by }) => by === 'panel')
      .flatMap(({ query }) => query.selectors.map(({ metric }) => metric.replace(/_(?:bucket|sum|count)$/, ''))),
  );
  const all = [...METRICS, ...PROCESS_METRICS].map(({ name }) => name);
  return [
    ...all.filter((name) => !asked.has(name) && NOT_SHOWN[name] === undefined).map((name) => `no panel shows ${name}`),
    ...Object.keys(NOT_SHOWN)
      .filter((name) => asked.has(name) || !all.includes(name))
      .map((name) => `${name} is no exception`),
  ];
};

/** `known`: the metrics that exist. */
export function dashboardRules(known: ReadonlyMap<string, KnownMetric>): Record<string, MonitoringRule> {
  const legends: MonitoringRule = (monitoring) => {
    const results = new Map(queriesOf(monitoring).asked.map(({ query, expr }) => [expr, labelsOfResult(known, query)]));
    return chartsOf(monitoring).flatMap(({ title, targets = [] }) =>
      targets.flatMap(({ expr, legendFormat = '' }) =>
        [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)]
          .filter(([, label]) => results.get(expr)?.includes(label) === false)
          .map(([, label]) => `${title}: its legend tells of ${label}, which its series do not have`),
      ),
    );
  };
  return { identity, panels: panelsSay, legends, grid, variables, shown };
}
