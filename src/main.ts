#!/usr/bin/env node
import { checkConfig } from './cli/check-config.js';
import { parseCommandLine } from './cli/command-line.js';
import { healthcheck, serverFlags } from './cli/healthcheck.js';
import { renderHelp } from './cli/help.js';
import { listenForSignals } from './cli/signals.js';
import { ConfigurationError, StartupError } from './config/faults.js';
import { loadSettings } from './config/load-settings.js';

/** Runs one command line and gives the exit code: 0 ended as asked, 1 could not serve, 2 faults in the settings. */
async function run(argv: readonly string[]): Promise<number> {
  const line = parseCommandLine(argv);
  if (line.help) return print(renderHelp());
  if (line.version) return print(`cairn-signal ${(await import('./version.js')).VERSION}\n`);

  const environment = process.env;
  switch (line.command) {
    case 'serve': {
      const signals = listenForSignals();
      const loaded = loadSettings({ flags: line.flags, environment }, line.faults);
      // Nest is loaded only to serve, so that a health check every few seconds stays cheap.
      const { serve } = await import('./cli/serve.js');
      return serve(loaded, environment, signals);
    }
    case 'check-config':
      return checkConfig(loadSettings({ flags: line.flags, environment }, line.faults), environment);
    case 'healthcheck':
      return healthcheck(() => loadSettings({ flags: new Map([...serverFlags(), ...line.flags]), environment }, line.faults).settings);
  }
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

/** What an operator must read about a failed start, without a stack trace unless it is our fault. */
function explain(error: unknown): number {
  if (error instanceof ConfigurationError) {
    process.stderr.write(`cairn-signal: ${error.faults.length === 1 ? 'a fault' : `${error.faults.length} faults`} in the configuration\n`);
    for (const fault of error.faults) process.stderr.write(`  ${fault}\n`);
    for (const warning of error.warnings) process.stderr.write(`  warning: ${warning}\n`);
    process.stderr.write('see cairn-signal --help\n');
    return 2;
  }
  if (error instanceof StartupError) {
    process.stderr.write(`cairn-signal: ${error.message}\n`);
    return 1;
  }
  process.stderr.write(`cairn-signal: ${(error as Error).stack ?? String(error)}\n`);
  return 1;
}

process.exit(await run(process.argv.slice(2)).catch(explain));
