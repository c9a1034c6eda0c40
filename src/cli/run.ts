import { createRequire } from 'node:module';
import { ConfigurationError, StartupError } from '../config/faults.js';
import { loadSettings } from '../config/load-settings.js';
import { renderDoctorHelp } from '../doctor/flags.js';
import { checkConfig } from './check-config.js';
import { COMMANDS, parseCommandLine } from './command-line.js';
import { healthcheck, serverFlags } from './healthcheck.js';
import { renderHelp, renderTokenHelp } from './help.js';
import type { Signals } from './signals.js';

/**
 * Runs one command line. Resolves to the exit code: 0 stopped as asked, 1 could not serve, 2 faults in the settings.
 * Never rejects.
 */
export function run(argv: readonly string[], signals: Signals): Promise<number> {
  return execute(argv, signals).catch(explain);
}

async function execute(argv: readonly string[], signals: Signals): Promise<number> {
  // Words that most programs have, besides the flags of the same names.
  if (argv[0] === 'help') return execute([...argv.slice(1, 2).filter(isCommand), '--help'], signals);
  if (argv[0] === 'version') return execute(['--version'], signals);
  // token has its own words and its own flag, and no settings.
  if (argv[0] === 'token') {
    return argv.includes('--help') || argv.includes('-h')
      ? print(renderTokenHelp())
      : (await import('./token.js')).token(argv.slice(1));
  }
  const line = parseCommandLine(argv);
  if (line.help) return print(line.command === 'doctor' ? renderDoctorHelp() : renderHelp());
  if (line.version) return print(`cairn-signal ${(await import('../version.js')).VERSION}\n`);

  const environment = process.env;
  switch (line.command) {
    case 'serve': {
      const loaded = loadSettings({ flags: line.flags, environment }, line.faults);
      // Only serve loads Nest, so that a health check every few seconds stays cheap. It is loaded by require, which reads one
      // file after the other: import() opens a hundred files together, and a process may have fewer handles.
      const { serve } = createRequire(import.meta.url)('./serve.js') as typeof import('./serve.js');
      return serve(loaded, environment, signals);
    }
    case 'check-config':
      return checkConfig(loadSettings({ flags: line.flags, environment }, line.faults), environment);
    case 'doctor':
      return (await import('./doctor.js')).doctor(line, environment, signals);
    case 'healthcheck':
      // A health check has nothing to clean up.
      void signals.first.then(() => process.exit(1));
      return healthcheck(
        () => loadSettings({ flags: new Map([...serverFlags(), ...line.flags]), environment }, line.faults).settings,
      );
    case 'token':
      throw new ConfigurationError(['token must be the first word, and it takes no settings']);
  }
}

function isCommand(word: string): boolean {
  return (COMMANDS as readonly string[]).includes(word);
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

/** Tells the operator why the start failed, with a stack trace only if it is our fault. */
function explain(error: unknown): number {
  if (error instanceof ConfigurationError) {
    process.stderr.write(
      `cairn-signal: ${error.faults.length === 1 ? 'a fault' : `${error.faults.length} faults`} in the configuration\n`,
    );
    for (const fault of error.faults) process.stderr.write(`  ${fault}\n`);
    for (const warning of error.warnings) process.stderr.write(`  warning: ${warning}\n`);
    process.stderr.write('see cairn-signal --help\n');
    return 2;
  }
  process.stderr.write(
    `cairn-signal: ${error instanceof StartupError ? error.message : ((error as Error).stack ?? String(error))}\n`,
  );
  return 1;
}
