import { REFUSAL_REASONS } from '../protocol/refusal-reasons.js';
import { METRICS } from './metric-table.js';
import { PROCESS_METRICS } from './process-metrics.js';

/** Renders docs/metrics.md from the same tables as the exposition. */
export function renderMetricsPage(): string {
  const ours = METRICS.map((row) =>
    cells(code(row.name), row.type, 'label' in row ? code(row.label) : '', row.help, row.moves),
  );
  const process = PROCESS_METRICS.map(({ name, type, moves }) => cells(code(name), type, moves));
  const reasons = Object.entries(REFUSAL_REASONS).map(([reason, sentence]) => cells(code(reason), sentence));
  return `# Metrics

<!-- Generated from src/exposition/metric-table.ts by "npm run docs"; a test fails when it is stale. -->

The metrics are at \`/metrics\` of \`management-addr\`, in OpenMetrics 1.0, or in the text format 0.0.4 of Prometheus for
a scraper whose Accept header prefers it (\`text/plain\`). With \`metrics-token\` they are also at \`/metrics\` of
\`listen-addr\`. All figures are of one node since its start, and are read on demand. No label names a
topic, a peer, an address or a token: labels come from fixed sets.

Scrape them with Prometheus. [deploy/prometheus](../deploy/prometheus) has alert rules, and
[deploy/grafana](../deploy/grafana) has a dashboard.

## What cairn-signal counts

| metric | type | label | what it is | when it moves |
| --- | --- | --- | --- | --- |
${ours.join('\n')}

With several nodes, each node sees its own peers only. *Lonely topics*, *relays unheard*, and the times of
\`topic_meeting_seconds\` and \`record_found_seconds\` are about peers that meet on one node. If peers are spread evenly
over n nodes, one pair in n does.

## Why upgrades are refused

A question to \`/check/auth\` counts like an upgrade. The log line of a refusal has the same \`reason\`.

| reason | |
| --- | --- |
${reasons.join('\n')}

## Metrics of the process

They are those of prom-client for any Node process. Figures "since the last scrape" are shared by all scrapers.

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
