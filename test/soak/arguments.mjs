import { parseArgs } from 'node:util';

/**
 * Reads `--seconds` from the arguments of this process, a whole number from `least` to 3600. Prints `usage` and exits
 * with 0 for --help; says what is wrong and exits with 2 for wrong arguments.
 */
export function secondsGiven(program, usage, { least, usual }) {
  const options = { seconds: { type: 'string', default: String(usual) }, help: { type: 'boolean', short: 'h' } };
  try {
    const { values } = parseArgs({ options });
    if (values.help) {
      console.log(usage);
      process.exit(0);
    }
    const given = /^\d{1,4}$/.test(values.seconds) ? Number(values.seconds) : 0;
    if (given < least || given > 3600) throw new Error(`--seconds: expected a whole number from ${least} to 3600`);
    return given;
  } catch (error) {
    console.error(`${program}: ${error.message}\nsee npm run ${program} -- --help`);
    process.exit(2);
  }
}
