import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { alertRules } from '../../support/deploy/alert-rules.js';
import { dashboardRules, NOT_SHOWN } from '../../support/deploy/dashboard-rules.js';
import { knownMetrics } from '../../support/deploy/known-metrics.js';
import { containerOf } from '../../support/deploy/manifests.js';
import { alertsOf, chartsOf, readMonitoring, recordingsOf } from '../../support/deploy/monitoring.js';
import type { Alert, Monitoring, Panel, Recording } from '../../support/deploy/monitoring.js';
import { queryRules } from '../../support/deploy/query-rules.js';
import type { MonitoringRule } from '../../support/deploy/query-rules.js';
import { RUNBOOK_RULES } from '../../support/deploy/runbook-rules.js';
import { scrape } from '../../support/scrape.js';
import { startServer, stopServers } from '../../support/server.js';

/** The job name of nodes, in the rules and in what scrapes them. */
const JOB = 'cairn-signal';

const monitored = readMonitoring();
const rulesFor = (samples: Iterable<string>): Record<string, MonitoringRule> => {
  const known = knownMetrics(samples, recordingsOf(monitored));
  return { ...queryRules(known, JOB), ...alertRules(known, JOB), ...RUNBOOK_RULES, ...dashboardRules(known) };
};

const NAMES = Object.keys(rulesFor([]));
let rules: Record<string, MonitoringRule>;

// What a node really shows: the values of labels come from there.
beforeAll(async () => {
  const { management } = await startServer({ managementAddr: '127.0.0.1:0' });
  rules = rulesFor((await scrape(`${management}/metrics`)).keys());
});
afterAll(stopServers);

describe('alerts and dashboard', () => {
  it.each(NAMES)('follow the rule: %s', (name) => {
    expect(rules[name](monitored)).toEqual([]);
  });

  it('exist', () => {
    expect(alertsOf(monitored).length).toBeGreaterThanOrEqual(20);
    expect(chartsOf(monitored).length).toBeGreaterThanOrEqual(30);
    expect(Object.values(NOT_SHOWN).every((reason) => reason !== '')).toBe(true);
  });
});

/** Changes one alert. */
const alert =
  (name: string, change: (alert: Alert) => unknown) =>
  (monitoring: Monitoring): unknown =>
    change(alertsOf(monitoring).find((one) => one.alert === `CairnSignal${name}`)!);
const asks = (name: string, expr: string): ((monitoring: Monitoring) => unknown) =>
  alert(name, (one) => (one.expr = expr));
/** Changes the first recording of a name. */
const recording =
  (name: string, change: (recording: Recording) => unknown) =>
  (monitoring: Monitoring): unknown =>
    change(recordingsOf(monitoring).find(({ record }) => record === `cairn_signal:${name}`)!);
/** Changes one panel. */
const panel =
  (title: string, change: (panel: Panel) => unknown) =>
  (monitoring: Monitoring): unknown =>
    change(monitoring.dashboard.panels.find((one) => one.title === title)!);
const shows = (title: string, written: string | RegExp, to: string): ((monitoring: Monitoring) => unknown) =>
  panel(title, ({ targets }) => {
    const before = targets![0].expr;
    targets![0].expr = before.replace(written, to);
    expect(targets![0].expr).not.toBe(before);
  });
const text =
  (written: string | RegExp, to: string) =>
  (monitoring: Monitoring): void => {
    expect(monitoring.runbooks).toMatch(written);
    monitoring.runbooks = monitoring.runbooks.replace(written, to);
  };

const FAULTS: readonly [rule: string, what: string, change: (monitoring: Monitoring) => unknown, fault: RegExp][] = [
  [
    'expressions',
    'an alert that cannot be read',
    asks('NodeDown', 'up{job="cairn-signal"'),
    /^CairnSignalNodeDown: not PromQL at "the end"/m,
  ],
  ['expressions', 'a panel that cannot be read', shows('Bytes', /\)$/, ''), /^Bytes: not PromQL at "the end"/m],
  [
    'expressions',
    'a function that does not exist',
    asks('Busy', 'rates(process_cpu_seconds_total[5m])'),
    /^CairnSignalBusy: not PromQL/m,
  ],
  [
    'names',
    'a metric that does not exist',
    asks('NodeNotReady', 'cairn_signal_readyness == 0'),
    /CairnSignalNodeNotReady: there is no metric cairn_signal_readyness/,
  ],
  [
    'names',
    'a metric of a panel that does not exist',
    shows('Connections', 'connections', 'clients'),
    /Connections: there is no metric cairn_signal_clients/,
  ],
  [
    'names',
    'a variable of no metric',
    ({ dashboard }) => (dashboard.templating.list[1].query = 'label_values(cairn_info, job)'),
    /\$job: there is no metric cairn_info/,
  ],
  [
    'names',
    'a counter without its suffix',
    shows('Deliveries', 'deliveries_total', 'deliveries'),
    /no metric cairn_signal_deliveries$/m,
  ],
  [
    'names',
    'buckets of a gauge',
    asks('NodeNotReady', 'cairn_signal_ready_bucket == 0'),
    /no metric cairn_signal_ready_bucket/,
  ],
  [
    'names',
    'a histogram by itself',
    asks('MeetingSlow', 'cairn_signal_topic_meeting_seconds > 1'),
    /is a histogram, and no series/,
  ],
  [
    'names',
    'a metric of the process that is not told',
    asks('Busy', 'rate(nodejs_active_handles_total{job="cairn-signal"}[5m]) > 1'),
    /no metric nodejs_active_handles_total/,
  ],
  [
    'kinds',
    'a counter without rate',
    asks('BusRefuses', 'cairn_signal_backplane_failures_total > 0'),
    /only ever grows/,
  ],
  [
    'kinds',
    'a sum before the rate',
    asks('BusRefuses', 'rate(sum(cairn_signal_backplane_failures_total)) > 0'),
    /only ever grows/,
  ],
  [
    'kinds',
    'the count of a histogram without rate',
    asks('MeetingSlow', 'cairn_signal_topic_meeting_seconds_count > 1'),
    /only ever grows/,
  ],
  [
    'kinds',
    'the rate of a gauge',
    shows('Connections', /sum\((.*)\)/, 'sum(rate($1[5m]))'),
    /cairn_signal_connections is a gauge/,
  ],
  [
    'quantiles',
    'a quantile of a count',
    asks('MeetingSlow', 'histogram_quantile(0.9, sum by (le) (rate(cairn_signal_topic_meeting_seconds_count[5m])))'),
    /has no buckets/,
  ],
  [
    'quantiles',
    'buckets as they are',
    asks('MeetingSlow', 'sum by (le) (rate(cairn_signal_topic_meeting_seconds_bucket[5m]))'),
    /is for histogram_quantile/,
  ],
  ['quantiles', 'a quantile of all buckets together', shows('Time to meet', 'by (le) ', ''), /without le/],
  [
    'labels',
    'a matcher of a label that does not exist',
    asks('Fault', 'increase(cairn_signal_connections_closed_total{reason="1011"}[5m]) > 0'),
    /closed_total has no label reason/,
  ],
  [
    'labels',
    'a sum by a label that does not exist',
    shows('Upgrades refused', 'by (reason)', 'by (code)'),
    /refused_total has no label code/,
  ],
  [
    'labels',
    'le of what is no bucket',
    asks('NodeNotReady', 'sum by (le) (cairn_signal_ready) == 0'),
    /ready has no label le/,
  ],
  [
    'labels',
    'an operator on a label that does not exist',
    asks('NodesWithoutBus', 'count by (job) (cairn_signal_ready) > 1 unless on (namespace) cairn_signal_backplane_up'),
    /no metric has the label namespace/,
  ],
  [
    'values',
    'a reason that does not exist',
    asks('OutOfHandles', 'increase(cairn_signal_upgrades_refused_total{reason="handle"}[5m]) > 0'),
    /has no reason "handle"/,
  ],
  [
    'values',
    'a limit that does not exist',
    asks('NodeFull', 'increase(cairn_signal_limits_reached_total{limit=~"max-connections|max-peers"}[5m]) > 0'),
    /has no limit "max-peers"/,
  ],
  [
    'values',
    'a close code that is not counted',
    asks('Fault', 'increase(cairn_signal_connections_closed_total{code="1013"}[5m]) > 0'),
    /has no code "1013"/,
  ],
  [
    'values',
    'a kind of a panel that does not exist',
    shows('Messages received', '{', '{kind="offer", '),
    /has no kind "offer"/,
  ],
  [
    'values',
    'what is left out, and does not exist',
    asks('Fault', 'increase(cairn_signal_connections_closed_total{code!="1013"}[5m]) > 0'),
    /has no code "1013"/,
  ],
  [
    'values',
    'a pattern',
    asks('Fault', 'increase(cairn_signal_connections_closed_total{code=~"10.*"}[5m]) > 0'),
    /is no list of values/,
  ],
  ['jobs', 'every program that is down', asks('NodeDown', 'up == 0'), /up is every program's/],
  [
    'jobs',
    'every program that is late',
    asks('EventLoopLate', 'nodejs_eventloop_lag_p99_seconds > 0.1'),
    /every program's/,
  ],
  ['jobs', 'another job', asks('NodeDown', 'up{job="signal"} == 0'), /not scraped as signal/],
  ['jobs', 'a panel of every node', shows('Connections', 'instance=~"$instance"', ''), /other nodes than those chosen/],
  ['jobs', 'a panel of every job', shows('Connections', 'job=~"$job", ', ''), /other nodes than those chosen/],
  [
    'jobs',
    'nodes of every job',
    ({ dashboard }) => (dashboard.templating.list[2].query = 'label_values(cairn_signal_build_info, instance)'),
    /nodes of other jobs/,
  ],
  [
    'alerts',
    'two of one name',
    alert('NodeDown', (one) => (one.alert = 'CairnSignalNoNode')),
    /two alerts are called CairnSignalNoNode/,
  ],
  ['alerts', 'two groups of one name', ({ groups }) => (groups[1].name = groups[0].name), /two groups/],
  ['alerts', 'a name of another kind', alert('NodeDown', (one) => (one.alert = 'node_down')), /another kind/],
  [
    'alerts',
    'no time to wait',
    alert('NodeDown', (one) => Reflect.deleteProperty(one, 'for')),
    /it has alert,expr,labels/,
  ],
  ['alerts', 'a time of no unit', alert('NodeDown', (one) => (one.for = '120')), /it is for 120/],
  [
    'alerts',
    'a key that does not exist',
    alert('NodeDown', (one) => Object.assign(one, { annotation: {} })),
    /it has .*,annotation/,
  ],
  [
    'alerts',
    'no severity',
    alert('NodeDown', (one) => Reflect.deleteProperty(one.labels, 'severity')),
    /severity is undefined/,
  ],
  [
    'alerts',
    'a severity that nobody routes',
    alert('NodeDown', (one) => (one.labels.severity = 'page')),
    /severity is page/,
  ],
  [
    'alerts',
    'no description',
    alert('NodeDown', (one) => Reflect.deleteProperty(one.annotations, 'description')),
    /annotations are not/,
  ],
  [
    'alerts',
    'an empty summary',
    alert('NodeDown', (one) => (one.annotations.summary = '')),
    /its summary is no sentence/,
  ],
  [
    'templates',
    'a label that was summed away',
    alert('WrongTokens', (one) => (one.annotations.summary = '{{ $labels.instance }} is attacked.')),
    /WrongTokens: its result has no label instance/,
  ],
  [
    'templates',
    'a label that does not exist',
    alert('BusDrops', (one) => (one.annotations.summary = '{{ $labels.cause }}.')),
    /no label cause/,
  ],
  [
    'runbook',
    'an alert without a section',
    text(/^### CairnSignalBusy\n[^]*?(?=^### )/m, ''),
    /CairnSignalBusy: docs\/runbooks.md does not say/,
  ],
  [
    'runbook',
    'a section without an alert',
    ({ groups }) => groups[0].rules.pop(),
    /there is no alert CairnSignalCertificateExpires$/m,
  ],
  [
    'runbook',
    'two sections',
    text(/^(### CairnSignalBusy\n[^]*?)(?=^### )/m, '$1$1'),
    /two sections for CairnSignalBusy/,
  ],
  [
    'runbook',
    'a section without one of its parts',
    text(/(### CairnSignalBusy\n[^]*?)- \*\*Where to look.\*\*/, '$1And'),
    /the section of CairnSignalBusy does not say/,
  ],
  [
    'runbook',
    'a link to another section',
    alert('Busy', (one) => (one.annotations.runbook_url = one.annotations.runbook_url.replace('busy', 'busdown'))),
    /CairnSignalBusy: its runbook is not at https:.*\/main\/docs\/runbooks.md#cairnsignalbusy$/m,
  ],
  [
    'runbook',
    'a link to another repository',
    (monitoring) => (monitoring.repository = 'https://github.com/somebody/else'),
    /CairnSignalBusy: its runbook is not at/,
  ],
  [
    'named',
    'a setting that does not exist',
    text('`max-buffered-bytes`', '`max-buffer-bytes`'),
    /setting max-buffer-bytes/,
  ],
  [
    'named',
    'an event that the log does not have',
    text('"event":"upgrade_refused"', '"event":"peer_refused"'),
    /the log has no event peer_refused/,
  ],
  [
    'names',
    'a metric of a runbook that does not exist',
    text(/^ {2}cairn_signal_presence_bytes$/m, '  cairn_signal_presence_memory'),
    /the runbook of CairnSignalPresenceFull: there is no metric/,
  ],
  [
    'names',
    'a recording that does not exist',
    recording('budget_burn:rate1h', (one) => (one.expr = one.expr.replace('events_bad:', 'events_worst:'))),
    /cairn_signal:budget_burn:rate1h: there is no metric cairn_signal:events_worst:rate5m/,
  ],
  [
    'labels',
    'a label that no recording has',
    asks('ErrorBudgetBurns', 'sum by (instance) (cairn_signal:budget_burn:rate1h) > 1'),
    /budget_burn:rate1h has no label instance/,
  ],
  [
    'values',
    'a part of events that does not exist',
    recording('events_all:rate5m', (one) => (one.expr = 'cairn_signal:events_bad:rate5m{part="gone"}')),
    /has no part "gone"/,
  ],
  [
    'quantiles',
    'a bound that no bucket has',
    recording('events_bad:rate5m', (one) => (one.expr = 'rate(cairn_signal_relay_seconds_bucket{le="0.02"}[5m])')),
    /relay_seconds_bucket has no bound 0.02/,
  ],
  [
    'sizes',
    'another heap',
    ({ manifests }) => (containerOf(manifests).env![0].value = '--max-old-space-size=1024'),
    /HeapNearLimit: its threshold is not of 1073741824/,
  ],
  [
    'sizes',
    'another limit',
    ({ manifests }) => (containerOf(manifests).resources!.limits!.memory = '2Gi'),
    /MemoryNearLimit: its threshold is not of 2147483648/,
  ],
  [
    'sizes',
    'a threshold without its size',
    asks('MemoryNearLimit', 'process_resident_memory_bytes{job="cairn-signal"} > 1e9'),
    /its threshold is not of/,
  ],
  [
    'sizes',
    'no alert of it',
    alert('HeapNearLimit', (one) => (one.expr = 'up{job="cairn-signal"} == 0')),
    /no alert tells of nodejs_heap_size_used_bytes/,
  ],
  [
    'tested',
    'an alert that no test lets fire',
    ({ cases }) => cases.splice(0, cases.length, ...cases.filter(({ name }) => name !== 'a late event loop')),
    /EventLoopLate: no test/,
  ],
  [
    'tested',
    'a test of an alert that is gone',
    ({ groups }) => groups.pop(),
    /a test expects CairnSignalErrorBudgetBurns/,
  ],
  [
    'tested',
    'no test of silence',
    ({ cases }) =>
      cases.splice(0, cases.length, ...cases.filter(({ promql_expr_test: [one] }) => one.exp_samples.length > 0)),
    /nothing fire/,
  ],
  ['scraping', 'rules that are not loaded', ({ prometheus }) => (prometheus.rule_files = []), /does not load/],
  [
    'scraping',
    'another job',
    ({ prometheus }) => (prometheus.scrape_configs[0].job_name = 'signal'),
    /another name than cairn-signal/,
  ],
  [
    'scraping',
    'another job of pods',
    ({ prometheus }) => Reflect.deleteProperty(prometheus.scrape_configs[1].relabel_configs![2], 'replacement'),
    /another name than cairn-signal/,
  ],
  [
    'scraping',
    'a node that is not scraped',
    ({ prometheus }) => prometheus.scrape_configs[0].static_configs![0].targets.pop(),
    /does not scrape signal-1:9090,signal-2:9090,signal-3:9090/,
  ],
  [
    'scraping',
    'nodes on another port',
    ({ compose }) => (compose.services['signal-1'].environment = { CAIRN_SIGNAL_MANAGEMENT_ADDR: '0.0.0.0:9100' }),
    /does not scrape signal-1:9100/,
  ],
  [
    'scraping',
    'every port of pods',
    ({ prometheus }) => prometheus.scrape_configs[1].relabel_configs!.splice(1, 1),
    /other pods or ports/,
  ],
  [
    'scraping',
    'pods of another name',
    ({ manifests }) => (manifests.deployment.spec!.template.metadata!.labels = { 'app.kubernetes.io/name': 'signal' }),
    /other pods or ports/,
  ],
  [
    'scraping',
    'a monitor of other pods',
    ({ podMonitor }) => (podMonitor.spec.selector.matchLabels = { app: 'x' }),
    /PodMonitor selects/,
  ],
  [
    'scraping',
    'a monitor of all pods',
    ({ podMonitor }) => (podMonitor.spec.selector.matchLabels = {}),
    /PodMonitor selects/,
  ],
  [
    'scraping',
    'a monitor of another port',
    ({ podMonitor }) => (podMonitor.spec.podMetricsEndpoints[0].port = 'wss'),
    /at another port/,
  ],
  [
    'scraping',
    'a port of the pod by another name',
    ({ manifests }) => (containerOf(manifests).ports![1].name = 'metrics'),
    /at another port/,
  ],
  [
    'scraping',
    'a monitor of another job',
    ({ podMonitor }) => (podMonitor.spec.jobLabel = 'app'),
    /PodMonitor scrapes/,
  ],
  ['identity', 'two panels of one id', panel('Bytes', (one) => (one.id = 1)), /one id/],
  ['identity', 'a panel without an id', panel('Bytes', (one) => (one.id = 0)), /one id/],
  ['identity', 'an id of the exporter', ({ dashboard }) => (dashboard.id = 7), /of one Grafana/],
  ['identity', 'another uid', ({ dashboard }) => (dashboard.uid = 'x7'), /links/],
  ['identity', 'an old schema', ({ dashboard }) => (dashboard.schemaVersion = 16), /older/],
  ['panels', 'no title', panel('Bytes', (one) => (one.title = '')), /has no title/],
  ['panels', 'no description', panel('Bytes', (one) => delete one.description), /Bytes: it is not described/],
  ['panels', 'no unit', panel('Bytes', (one) => delete one.fieldConfig!.defaults.unit), /Bytes: it has no unit/],
  [
    'panels',
    'a data source of its own',
    panel('Bytes', (one) => (one.datasource = { uid: 'P1' })),
    /Bytes: it asks a Prometheus of its own/,
  ],
  ['panels', 'no query', panel('Bytes', (one) => (one.targets = [])), /asks for nothing/],
  ['panels', 'two queries of one letter', panel('Bytes', (one) => (one.targets![1].refId = 'A')), /one refId/],
  ['panels', 'no legend', panel('Bytes', (one) => delete one.targets![0].legendFormat), /no legend/],
  ['panels', 'one legend for two', panel('Bytes', (one) => (one.targets![1].legendFormat = 'received')), /one legend/],
  [
    'legends',
    'a label that was summed away',
    panel('Bytes', (one) => (one.targets![0].legendFormat = '{{instance}}')),
    /Bytes: its legend tells of instance/,
  ],
  [
    'legends',
    'a label that does not exist',
    panel('Bus reached', (one) => (one.targets![0].legendFormat = '{{pod}}')),
    /tells of pod/,
  ],
  ['grid', 'a panel upon another', panel('Bytes', (one) => (one.gridPos.x -= 1)), /Bytes covers Messages received/],
  [
    'grid',
    'a panel beside the grid',
    panel('Time to handle a relay', (one) => (one.gridPos.w += 1)),
    /beside the grid/,
  ],
  ['grid', 'a panel of no size', panel('Bytes', (one) => (one.gridPos.h = 0)), /beside the grid/],
  ['grid', 'panels out of order', ({ dashboard: { panels } }) => panels.push(panels.splice(1, 1)[0]), /reading order/],
  ['grid', 'a narrow row', panel('Traffic', (one) => (one.gridPos.w = 12)), /as wide as/],
  ['variables', 'a variable that does not exist', shows('Connections', '$job', '$cluster'), /no variable cluster/],
  [
    'variables',
    'a variable for nothing',
    ({ dashboard }) => dashboard.templating.list.push({ name: 'pod', type: 'query', query: 'label_values(up, pod)' }),
    /nobody uses variable pod/,
  ],
  [
    'variables',
    'a variable of no label',
    ({ dashboard }) => (dashboard.templating.list[1].query = 'cairn_signal_build_info'),
    /of no label/,
  ],
  [
    'shown',
    'a metric that nobody sees',
    ({ dashboard }) =>
      dashboard.panels.splice(
        0,
        dashboard.panels.length,
        ...dashboard.panels.filter(({ title }) => title !== 'File handles'),
      ),
    /no panel shows process_max_fds/,
  ],
  [
    'shown',
    'an exception that is shown',
    shows('File handles', 'process_max_fds', 'nodejs_heap_size_total_bytes'),
    /nodejs_heap_size_total_bytes is no exception/,
  ],
];

describe('the rules find', () => {
  it.each(FAULTS)('%s: %s', (rule, _what, change, fault) => {
    const monitoring = structuredClone(monitored);
    change(monitoring);
    expect(rules[rule](monitoring).join('\n')).toMatch(fault);
  });

  it('something each', () => {
    expect([...new Set(FAULTS.map(([rule]) => rule))].toSorted()).toEqual(NAMES.toSorted());
  });
});
