#!/usr/bin/env node
// Writes the documents that are generated: from the tables of settings, metrics and log lines, and from what was measured.
// Start it with "npm run docs", which builds first.
import { readFileSync, writeFileSync } from 'node:fs';
import { capacityPage } from '../bench/capacity-page.mjs';
import { renderConfigurationPage, renderEnvExample } from '../dist/config/reference.js';
import { renderMetricsPage } from '../dist/exposition/metrics-page.js';
import { renderLogPage } from '../dist/logging/log-page.js';

const root = new URL('..', import.meta.url);
writeFileSync(new URL('docs/configuration.md', root), renderConfigurationPage());
writeFileSync(new URL('.env.example', root), renderEnvExample());
writeFileSync(new URL('docs/metrics.md', root), renderMetricsPage());
writeFileSync(new URL('docs/logging.md', root), renderLogPage());
const measured = JSON.parse(readFileSync(new URL('bench/capacity.json', root), 'utf8'));
writeFileSync(new URL('docs/capacity.md', root), capacityPage(measured));
