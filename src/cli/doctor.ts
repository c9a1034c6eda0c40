import { SystemClock } from '../clock/clock.js';
import { ConfigurationError } from '../config/faults.js';
import { examineAll, overall } from '../doctor/doctor.js';
import { EXAMINATIONS } from '../doctor/examinations.js';
import { readOptions } from '../doctor/options.js';
import type { Options } from '../doctor/options.js';
import { renderJson, Table } from '../doctor/report.js';
import { Subject } from '../doctor/subject.js';
import { isRewritable, wantsColours } from '../logging/colours.js';
import type { CommandLine } from './command-line.js';
import { complain, print } from './output.js';

/**
 * Examines a server from outside and prints the findings. Resolves to 0 when nothing failed, 1 when something failed,
 * and 2 for faults on the command line. Rejects with an
 * OutputError.
 */
export async function doctor(
  { flags, operands, faults }: CommandLine,
  environment: NodeJS.ProcessEnv,
): Promise<number> {
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
    await print(renderJson(url, entries));
    return Number(overall(entries) === 'failed');
  }
  return new Promise((resolve, reject) => {
    const table = new Table({
      rewritable: isRewritable(environment),
      colours: wantsColours(environment),
      // When nobody reads any more, as with "| head", the rest need not be examined.
      write: (text) => void print(text).catch(reject),
    });
    table.title(url);
    examineAll(subject, EXAMINATIONS, table)
      .then(async (entries) => {
        table.summary(entries);
        await print('');
        resolve(Number(overall(entries) === 'failed'));
      })
      .catch(reject);
  });
}

async function explain(faults: readonly string[]): Promise<number> {
  const lines = [
    `cairn-signal doctor: ${faults.length === 1 ? 'a fault' : `${faults.length} faults`} on the command line`,
    ...faults.map((fault) => `  ${fault}`),
    'see cairn-signal doctor --help',
  ];
  await complain(`${lines.join('\n')}\n`);
  return 2;
}
