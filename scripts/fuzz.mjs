#!/usr/bin/env node
// Runs the properties of test/fuzz for a given time, or one failed example again. Start it with "npm run fuzz", which
// builds first.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const HELP = `Usage: npm run fuzz -- [options]

Sends random frames, sequences of messages and bytes to a server on loopback.

  --seconds N   time for all properties together (default 60)
  --only TEXT   only properties whose name contains TEXT
  --seed=N      the seed of an earlier run, as its failure printed it; random by default
  --path PATH   the path printed with that seed: runs only the example that failed; needs --seed and --only
  --help        this text

Exit codes: 0 all properties held, 1 one failed, 2 faults in the options.`;

const JEST = fileURLToPath(new URL('../node_modules/jest/bin/jest.js', import.meta.url));
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const MOST_SECONDS = 7 * 24 * 3600;

function misused(why) {
  console.error(`${why}; --help lists the options`);
  process.exit(2);
}

/** The options from the command line, as text. */
function given() {
  const text = { type: 'string' };
  try {
    return parseArgs({ options: { seconds: text, only: text, seed: text, path: text, help: { type: 'boolean' } } })
      .values;
  } catch (error) {
    return misused(error.message);
  }
}

function wholeNumber(name, written, least, most) {
  const number = Number(written);
  if (!/^-?\d+$/.test(written) || number < least || number > most) {
    misused(`--${name} must be a whole number from ${least} to ${most}`);
  }
  return number;
}

const { help, seconds = '60', only, seed, path } = given();
if (help) {
  console.log(HELP);
  process.exit(0);
}
if (only?.trim() === '') misused('--only must not be empty');
if (path !== undefined && !/^\d+(?::\d+)*$/.test(path)) misused('--path must be numbers, separated by colons');
if (path !== undefined && (seed === undefined || only === undefined)) misused('--path needs --seed and --only');

const fuzzing = {
  seconds: wholeNumber('seconds', seconds, 1, MOST_SECONDS),
  only,
  seed: seed === undefined ? undefined : wholeNumber('seed', seed, -(2 ** 31), 2 ** 31 - 1),
  path,
};
const chosen = only === undefined ? [] : ['--testNamePattern', only.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')];
const { status } = spawnSync(
  process.execPath,
  ['--experimental-vm-modules', JEST, '--runInBand', ...chosen, 'test/fuzz'],
  {
    cwd: ROOT,
    env: { ...process.env, FUZZ: JSON.stringify(fuzzing) },
    stdio: 'inherit',
  },
);
process.exit(status ?? 1);
