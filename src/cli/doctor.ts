import { constants } from 'node:os';
import { SystemClock } from '../clock/clock.js';
import { ConfigurationError } from '../config/faults.js';
import { examineAll, overall } from '../doctor/doctor.js';
import { EXAMINATIONS } from '../doctor/examinations.js';
import { readOptions } from '../doctor/options.js';
import type { Options } from '../doctor/options.js';
import { renderJson, Table } from '../doctor/report.js';
import { Subject } from '../doctor/subject.js';
import type { CommandLine } from './command-line.js';
import type { Signals } from './signals.js';

/**
 * Examines a server from outside and prints the findings. Resolves to 0 when nothing failed, 1 when something failed,
 * and 2 for faults on the command line. A signal ends the process immediately.
 */
export async function doctor(
  { flags, operands, faults }: CommandLine,
  environment: NodeJS.ProcessEnv,
  signals: Signals,
): Promise<number> {
  // The reader has seen enough, as with "| head".
  process.stdout.on('error', () => process.exit(128 + constants.signals.SIGPIPE));
  void signals.first.then((signal) => process.exit(128 + constants.signals[signal as NodeJS.Signals]));
  let options: Options;
  try {
    options = readOptions(flags, operands, faults);
  } catch (error) {
    if (error instanceof ConfigurationError) return explain(error.faults);
    throw error;
  }
  const subject = new Subject(options, new SystemClock());
  const { shown: url } = options.target;
  if (options.json) {
    const entries = await examineAll(subject, EXAMINATIONS, { begins: () => undefined, ends: () => undefined });
    process.stdout.write(renderJson(url, entries));
    return Number(overall(entries) === 'failed');
  }
  const table = new Table(screen(environment));
  table.title(url);
  const entries = await examineAll(subject, EXAMINATIONS, table);
  table.summary(entries);
  return Number(overall(entries) === 'failed');
}

/** Standard output. A terminal shows what is being examined, and colours unless NO_COLOR is set (no-color.org). */
function screen({ NO_COLOR, TERM }: NodeJS.ProcessEnv): ConstructorParameters<typeof Table>[0] {
  const rewritable = process.stdout.isTTY && TERM !== 'dumb';
  return {
    rewritable,
    colours: rewritable && (NO_COLOR ?? '') === '',
    write: (text) => void process.stdout.write(text),
  };
}

function explain(faults: readonly string[]): number {
  process.stderr.write(
    `cairn-signal doctor: ${faults.length === 1 ? 'a fault' : `${faults.length} faults`} on the command line\n`,
  );
  for (const fault of faults) process.stderr.write(`  ${fault}\n`);
  process.stderr.write('see cairn-signal doctor --help\n');
  return 2;
}
