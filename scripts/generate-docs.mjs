#!/usr/bin/env node
// Writes the documents that are generated: from the tables of settings, metrics and log lines, and from what was measured.
// Start it with "npm run docs", which builds first.
import { readFileSync, writeFileSync } from 'node:fs';
import { capacityPage } from '../bench/capacity-page.mjs';
import { imageMajor, renderChart, renderPerformance } from '../bench/figures.mjs';
import { renderConfigurationPage, renderEnvExample } from '../dist/config/reference.js';
import { renderMetricsPage } from '../dist/exposition/metrics-page.js';
import { renderLogPage } from '../dist/logging/log-page.js';

const root = new URL('..', import.meta.url);
const read = (path) => readFileSync(new URL(path, root), 'utf8');
const write = (path, text) => writeFileSync(new URL(path, root), text);

write('docs/configuration.md', renderConfigurationPage());
write('.env.example', renderEnvExample());
write('docs/metrics.md', renderMetricsPage());
write('docs/logging.md', renderLogPage());
write('docs/capacity.md', capacityPage(JSON.parse(read('bench/capacity.json'))));

const results = JSON.parse(read('docs/figures/bench.json'));
const major = imageMajor(read('Dockerfile'));
write('docs/performance.md', renderPerformance(read('docs/performance.md'), results, major));
write('docs/figures/cost-by-load.svg', renderChart(results, major));
