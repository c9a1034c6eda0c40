import { parseArgs } from 'node:util';
import { WAYS } from './baseline.mjs';
import { GROUPS, NAMES, nameOverTls } from './cases.mjs';
import { MASKS } from './load/frame.mjs';

const MOST_REPETITIONS = 100;
/** What is measured without a server. */
const ALONE = ['codec', 'presence'];
/** One run has no confidence interval, and that of two says next to nothing. */
const LEAST_FOR_CONFIDENCE = 3;
const A_NODE = 'the path of a Node binary';
const TEXT = /** @type {const} */ ({ type: 'string' });
const TEXTS = /** @type {const} */ ({ type: 'string', multiple: true });
const SWITCH = /** @type {const} */ ({ type: 'boolean' });
const HELP = /** @type {const} */ ({ type: 'boolean', short: 'h' });

/** Wrong arguments. The message is for the person who typed them. */
export class Misused extends Error {}

/**
 * Reads the arguments of `npm run bench`.
 * @param {readonly string[]} args
 */
export function benchArguments(args) {
  const { values, positionals } = parse(
    args,
    {
      only: TEXT,
      node: TEXTS,
      beside: TEXTS,
      pin: SWITCH,
      tls: SWITCH,
      repeat: TEXT,
      quick: SWITCH,
      mask: TEXT,
      json: TEXT,
      help: HELP,
    },
    true,
  );
  const [command, ...others] = positionals;
  if (command !== undefined && !ALONE.includes(command)) {
    throw new Misused(`${command}: expected no command, or ${ALONE.join(' or ')}`);
  }
  if (command !== undefined && args.length > 1) {
    throw new Misused(
      `${command}: takes no further arguments, such as ${others[0] ?? args.find((arg) => arg !== command)}`,
    );
  }
  const only = values.only === undefined ? undefined : names('only', values.only, NAMES, GROUPS);
  if (values.json === '') throw new Misused('--json: expected the name of a file');
  return {
    help: values.help ?? false,
    alone: command,
    only: values.tls ? (only ?? GROUPS.tls).map(nameOverTls) : (only ?? NAMES),
    node: list('node', values.node ?? [], A_NODE),
    beside: list('beside', values.beside ?? [], 'the path of a server, or NAME=PATH'),
    pin: values.pin ?? false,
    repeat: wholeNumber('repeat', values.repeat ?? '3', 1, MOST_REPETITIONS),
    quick: values.quick ?? false,
    mask: oneOf('mask', values.mask ?? 'zeros', Object.keys(MASKS)),
    json: values.json,
  };
}

/**
 * Reads the arguments of `npm run bench:check`.
 * @param {readonly string[]} args
 */
export function checkArguments(args) {
  const { values } = parse(args, {
    node: TEXTS,
    by: TEXT,
    repeat: TEXT,
    quick: SWITCH,
    update: SWITCH,
    help: HELP,
  });
  return {
    help: values.help ?? false,
    node: list('node', values.node ?? [], A_NODE),
    by: values.by === undefined ? undefined : oneOf('by', values.by, Object.keys(WAYS)),
    repeat: wholeNumber('repeat', values.repeat ?? '5', LEAST_FOR_CONFIDENCE, MOST_REPETITIONS),
    quick: values.quick ?? false,
    update: values.update ?? false,
  };
}

/**
 * Reads the arguments of `npm run bench:idle`.
 * @param {readonly string[]} args
 */
export function idleArguments(args) {
  const { values } = parse(args, { connections: TEXT, seconds: TEXT, help: HELP });
  return {
    help: values.help ?? false,
    connections: wholeNumber('connections', values.connections ?? '50000', 1000, 1_000_000),
    seconds: wholeNumber('seconds', values.seconds ?? '30', 1, 3600),
  };
}

/**
 * Reads the arguments of `npm run bench:capacity`. `sizes` are those that there are.
 * @template {{ memoryMiB: number }} T
 * @param {readonly string[]} args
 * @param {readonly T[]} sizes
 */
export function capacityArguments(args, sizes) {
  const { values } = parse(args, { node: TEXT, only: TEXT, repeat: TEXT, quick: SWITCH, json: TEXT, help: HELP });
  if (values.json === '') throw new Misused('--json: expected the name of a file');
  const known = sizes.map(({ memoryMiB }) => String(memoryMiB));
  const wanted = values.only === undefined ? known : names('only', values.only, known);
  return {
    help: values.help ?? false,
    node: values.node,
    only: sizes.filter(({ memoryMiB }) => wanted.includes(String(memoryMiB))),
    repeat: wholeNumber('repeat', values.repeat ?? '3', 1, MOST_REPETITIONS),
    quick: values.quick ?? false,
    json: values.json,
  };
}

/**
 * Reads the arguments of `npm run bench:million`.
 * @param {readonly string[]} args
 */
export function millionArguments(args) {
  const { values } = parse(args, { nodes: TEXT, topics: TEXT, help: HELP });
  return {
    help: values.help ?? false,
    nodes: wholeNumber('nodes', values.nodes ?? '10', 3, 1000),
    topics: wholeNumber('topics', values.topics ?? '5000', 1000, 1_000_000),
  };
}

/**
 * Reads the arguments of this process with `read`. Prints `usage` and exits with 0 for --help. Prints one line and
 * exits with 2 for wrong arguments.
 */
export function given(program, usage, read) {
  try {
    const options = read(process.argv.slice(2));
    if (!options.help) return options;
    console.log(usage);
    process.exit(0);
  } catch (error) {
    if (!(error instanceof Misused)) throw error;
    console.error(`${program}: ${error.message}; --help lists the options`);
    process.exit(2);
  }
}

/** @template {NonNullable<import('node:util').ParseArgsConfig['options']>} T */
function parse(/** @type {readonly string[]} */ args, /** @type {T} */ options, allowPositionals = false) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals });
  } catch (error) {
    // Only the first sentence: then Node adds advice that does not fit here.
    throw new Misused(error.message.split('. ', 1)[0]);
  }
}

function wholeNumber(
  /** @type {string} */ name,
  /** @type {string} */ written,
  /** @type {number} */ least,
  /** @type {number} */ most,
) {
  const number = Number(written);
  if (!/^\d{1,9}$/.test(written) || number < least || number > most) {
    throw new Misused(`--${name}: expected a whole number from ${least} to ${most}`);
  }
  return number;
}

function oneOf(/** @type {string} */ name, /** @type {string} */ written, /** @type {readonly string[]} */ allowed) {
  if (!allowed.includes(written)) {
    throw new Misused(`--${name}: ${written || 'an empty value'} is not one of ${allowed.join(', ')}`);
  }
  return written;
}

/** What an option that may be repeated lists, and each time by commas. */
function list(/** @type {string} */ name, /** @type {readonly string[]} */ written, /** @type {string} */ what) {
  const parts = written.flatMap((one) => one.split(',')).map((one) => one.trim());
  if (parts.includes('')) throw new Misused(`--${name}: expected ${what}`);
  return parts;
}

/** The wanted names, each once, in the order of `allowed`. A name of `groups` stands for several. */
function names(
  /** @type {string} */ name,
  /** @type {string} */ written,
  /** @type {readonly string[]} */ allowed,
  /** @type {Readonly<Record<string, readonly string[]>>} */ groups = {},
) {
  const all = [...allowed, ...Object.keys(groups)];
  const wanted = new Set(
    written
      .split(',')
      .flatMap((one) => (Object.hasOwn(groups, one.trim()) ? groups[one.trim()] : oneOf(name, one.trim(), all))),
  );
  return allowed.filter((one) => wanted.has(one));
}
