import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { ConfigurationError, StartupError } from '../config/faults.js';
import { loadSettings } from '../config/load-settings.js';
import { renderDoctorHelp } from '../doctor/flags.js';
import { checkConfig } from './check-config.js';
import { COMMANDS, parseCommandLine } from './command-line.js';
import { healthcheck, serverFlags } from './healthcheck.js';
import { renderHelp, renderTokenHelp } from './help.js';
import { complain, NOBODY_READS, OutputError, print } from './output.js';
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
  const line = parseCommandLine(argv);
  // Only a server needs an orderly end. Docker keeps all codes of a health check but 0 and 1.
  if (argv[0] === 'token' || line.command !== 'serve' || line.help || line.version) {
    void signals.first.then((signal) =>
      process.exit(line.command === 'healthcheck' ? 1 : 128 + constants.signals[signal]),
    );
  }
  // token has its own words and its own flag, and no settings.
  if (argv[0] === 'token') {
    return argv[1] === 'help' || argv.includes('--help') || argv.includes('-h')
      ? show(renderTokenHelp())
      : (await import('./token.js')).token(argv.slice(1));
  }
  if (line.help) return show(line.command === 'doctor' ? renderDoctorHelp() : renderHelp());
  if (line.version) return show(`cairn-signal ${(await import('../version.js')).VERSION}\n`);

  const environment = process.env;
  switch (line.command) {
    case 'serve': {
      const loaded = loadSettings({ flags: line.flags, environment }, line.faults);
      // Only serve loads Nest, so that a health check every few seconds stays cheap. It is loaded by require, which
      // reads one
      // file after the other: import() opens a hundred files together, and a process may have fewer handles.
      const { serve } = createRequire(import.meta.url)('./serve.js') as typeof import('./serve.js');
      return serve(loaded, environment, signals);
    }
    case 'check-config':
      return checkConfig(loadSettings({ flags: line.flags, environment }, line.faults), environment);
    case 'doctor':
      return (await import('./doctor.js')).doctor(line, environment);
    case 'healthcheck':
      return healthcheck(
        () => loadSettings({ flags: new Map([...serverFlags(), ...line.flags]), environment }, line.faults).settings,
      );
    case 'connections':
    case 'disconnect': {
      const flags = new Map([...serverFlags(), ...line.flags]);
      const { settings } = loadSettings({ flags, environment }, line.faults);
      const { connections, disconnect } = await import('./operators.js');
      return line.command === 'disconnect' ? disconnect(settings, line.operands[0]) : connections(settings);
    }
    case 'token':
      throw new ConfigurationError(['token must be the first word, and it takes no settings']);
  }
}

function isCommand(word: string): boolean {
  return (COMMANDS as readonly string[]).includes(word);
}

async function show(text: string): Promise<number> {
  await print(text);
  return 0;
}

/** Tells the operator why the start failed, with a stack trace only if it is our fault. Resolves to the exit code. */
async function explain(error: unknown): Promise<number> {
  if (error instanceof OutputError && error.unread) return NOBODY_READS;
  if (error instanceof ConfigurationError) {
    const { faults, warnings } = error;
    const lines = [
      `cairn-signal: ${faults.length === 1 ? 'a fault' : `${faults.length} faults`} in the configuration`,
      ...faults.map((fault) => `  ${fault}`),
      ...warnings.map((warning) => `  warning: ${warning}`),
      'see cairn-signal --help',
    ];
    await complain(`${lines.join('\n')}\n`);
    return 2;
  }
  await complain(`cairn-signal: ${reasonOf(error)}\n`);
  return 1;
}

function reasonOf(error: unknown): string {
  const { message, stack, syscall } = error as NodeJS.ErrnoException;
  if (error instanceof StartupError) return message;
  if (syscall === 'uv_cwd') return 'the working directory does not exist any more: start in one that does';
  return stack ?? String(error);
}
