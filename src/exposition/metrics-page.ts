import { REFUSAL_REASONS } from '../protocol/refusal-reasons.js';
import { METRICS } from './metric-table.js';
import { PROCESS_METRICS } from './process-metrics.js';

/** docs/metrics.md, from the tables that the exposition follows too. */
export function renderMetricsPage(): string {
  const ours = METRICS.map((row) =>
    cells(code(row.name), row.type, 'label' in row ? code(row.label) : '', row.help, row.moves),
  );
  const process = PROCESS_METRICS.map(({ name, type, moves }) => cells(code(name), type, moves));
  const reasons = Object.entries(REFUSAL_REASONS).map(([reason, sentence]) => cells(code(reason), sentence));
  return `# Metrics

<!-- Generated from src/exposition/metric-table.ts by "npm run docs"; a test fails when it is stale. -->

In OpenMetrics, at \`/metrics\` of \`management-addr\`, and at \`/metrics\` of \`listen-addr\` for who shows \`metrics-token\`. All figures are of one
node since its start, and are read when they are asked for. No label names a topic, a peer, an address or a token: labels come from fixed sets.

Scrape them with Prometheus; [deploy/prometheus](../deploy/prometheus) has alert rules, [deploy/grafana](../deploy/grafana) a dashboard.

## What cairn-signal counts

| metric | type | label | what it is | when it moves |
| --- | --- | --- | --- | --- |
${ours.join('\n')}

Of several nodes, each sees its own peers: *lonely topics*, *relays unheard*, and the times of \`topic_meeting_seconds\` and \`record_found_seconds\` are of
peers that meet on one node. Where peers are spread evenly over n nodes, one pair in n does.

## Why upgrades are refused

| reason | |
| --- | --- |
${reasons.join('\n')}

## What is told of the process

As prom-client tells it of any Node process. What was measured "since the last scrape" is shared by all who scrape.

| metric | type | when it moves |
| --- | --- | --- |
${process.join('\n')}
`;
}

function cells(...texts: readonly (string | undefined)[]): string {
  return `| ${texts.join(' | ')} |`;
}

function code(text: string | undefined): string {
  return text === undefined ? '' : `\`${text}\``;
}
