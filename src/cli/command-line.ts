import { CONFIG_FLAG } from '../config/load-settings.js';
import { suggestion } from '../config/nearest-name.js';
import { flagOf, isList } from '../config/setting-names.js';
import { settingNames } from '../config/settings.js';
import { DOCTOR_FLAGS } from '../doctor/flags.js';
import { commandMeant, flagMeant } from './meant.js';

export const COMMANDS = [
  'serve',
  'check-config',
  'healthcheck',
  'doctor',
  'connections',
  'disconnect',
  'token',
] as const;
export type CommandName = (typeof COMMANDS)[number];

/** The command line as typed, not yet validated. */
export interface CommandLine {
  readonly command: CommandName;
  readonly help: boolean;
  readonly version: boolean;
  /** The value of each flag, by its name without the leading dashes; empty for a switch. */
  readonly flags: ReadonlyMap<string, string>;
  /** Words after the command that are not flags. Only doctor and disconnect take one. */
  readonly operands: readonly string[];
  /** What could not be understood, one sentence each. None quotes a value, which may be a token. */
  readonly faults: readonly string[];
}

/** The flags of a command. */
interface Grammar {
  /** All flags, with their leading dashes. */
  readonly flags: readonly string[];
  /** Flags without a value. */
  readonly switches: ReadonlySet<string>;
  /** Flags whose length of time is optional, and the value that they have without one. */
  readonly otherwise: ReadonlyMap<string, string>;
  /** Flags that take several values and may be repeated. */
  readonly lists: ReadonlySet<string>;
}

const dashed = (name: string): string => `--${name}`;

const SERVER: Grammar = {
  flags: [CONFIG_FLAG, ...settingNames.map(flagOf)].map(dashed),
  switches: new Set(),
  otherwise: new Map(),
  lists: new Set(settingNames.filter(isList).map((name) => dashed(flagOf(name)))),
};

const DOCTOR: Grammar = {
  flags: Object.keys(DOCTOR_FLAGS).map(dashed),
  switches: new Set(
    Object.keys(DOCTOR_FLAGS)
      .filter((name) => DOCTOR_FLAGS[name].value === undefined)
      .map(dashed),
  ),
  otherwise: new Map(
    Object.entries(DOCTOR_FLAGS).flatMap(([name, { otherwise }]) =>
      otherwise === undefined ? [] : [[dashed(name), otherwise]],
    ),
  ),
  lists: new Set(),
};

/** A flag that only the server has. */
const LISTEN_FLAG = dashed(flagOf('listenAddr'));

const DISCONNECT = 'cairn-signal disconnect PRINCIPAL [OPTIONS]';

/** What follows it is no flag, whatever it begins with. */
const NO_MORE_FLAGS = '--';
const HELP = ['-h', '--help'];
const VERSION = ['-V', '-v', '--version'];
const LENGTH_OF_TIME = /^\d+(?:ms|s|m|h)$/;

/**
 * Parses `--flag value`, `--flag=value`, `-h`, `-V`, `-v` and one command; serve is the default. doctor must be the
 * first word, because its flags are not settings. Never throws.
 */
export function parseCommandLine(argv: readonly string[]): CommandLine {
  if (argv[0] === 'doctor') {
    const { words, help, ...line } = readWords(argv.slice(1), DOCTOR);
    return { command: 'doctor', operands: words, help: help || words[0] === 'help', ...line };
  }
  const { words, faults, help, ...line } = readWords(argv, SERVER);
  const command = COMMANDS.find((name) => name === (words[0] ?? 'serve'));
  if (command === undefined) {
    const advice = commandMeant(words[0]);
    const hint = advice === undefined ? suggestion(words[0], COMMANDS) : `: ${advice}`;
    faults.push(`there is no such command${hint}; the commands are ${COMMANDS.join(', ')}`);
  }
  if (command === 'doctor') {
    faults.push('doctor must be the first word, and it takes no settings: cairn-signal doctor URL [OPTIONS]');
  } else if (command === 'disconnect') {
    if (words.length !== 2 && !help) faults.push(`disconnect needs one principal: ${DISCONNECT}`);
  } else if (words.length > 1 && command !== undefined) {
    const advice = commandMeant(words[1]);
    faults.push(`only one command can be given${advice === undefined ? '' : `: ${advice}`}`);
  }
  return {
    command: command ?? 'serve',
    operands: command === 'doctor' || command === 'disconnect' ? words.slice(1) : [],
    faults,
    help: help || words[1] === 'help',
    ...line,
  };
}

/**
 * Written by hand, because parseArgs of node:util reads `-auth-token` as nine short flags, and a flag as the value of
 * the one before.
 */
function readWords(
  argv: readonly string[],
  grammar: Grammar,
): { help: boolean; version: boolean; flags: Map<string, string>; words: string[]; faults: string[] } {
  const flags = new Map<string, string>();
  const faults: string[] = [];
  const words: string[] = [];
  let help = false;
  let version = false;

  for (let i = 0; i < argv.length; i++) {
    const word = argv[i];
    if (word === NO_MORE_FLAGS) {
      words.push(...argv.slice(i + 1));
      break;
    }
    if (!word.startsWith('-')) {
      words.push(word);
      continue;
    }
    const [flag, inline] = split(word);
    const next = argv[i + 1];
    const following = next === undefined || isFlag(next, grammar) ? undefined : next;

    if (HELP.includes(flag) || VERSION.includes(flag)) {
      if (inline !== undefined) faults.push(`${flag}: takes no value`);
      help ||= HELP.includes(flag);
      version ||= VERSION.includes(flag);
    } else if (!grammar.flags.includes(flag)) {
      faults.push(unknownFlag(flag, grammar));
      if (inline === undefined && following !== undefined) i += 1;
    } else if (grammar.switches.has(flag)) {
      if (inline !== undefined) faults.push(`${flag}: takes no value`);
      flags.set(flag.slice(2), '');
    } else {
      const otherwise = grammar.otherwise.get(flag);
      const behind = otherwise === undefined || LENGTH_OF_TIME.test(following ?? '') ? following : undefined;
      const value = inline ?? behind ?? otherwise;
      if (inline === undefined && behind !== undefined) i += 1;
      const name = flag.slice(2);
      if (value === undefined || (inline === undefined && value.startsWith('-'))) {
        faults.push(`${flag}: needs a value; write one that begins with a dash as ${flag}=VALUE`);
      } else if (flags.has(name) && grammar.lists.has(flag)) flags.set(name, `${flags.get(name)},${value}`);
      else if (flags.has(name)) faults.push(`${flag}: given more than once`);
      else flags.set(name, value);
    }
  }
  return { help, version, flags, words, faults };
}

/** Whether a word is a known flag, and so not the value of the flag before it. */
function isFlag(word: string, { flags }: Grammar): boolean {
  return [...HELP, ...VERSION, ...flags].includes(split(word)[0]);
}

/** Splits `--a=b` into `--a` and `b`. */
function split(word: string): [flag: string, inline: string | undefined] {
  const equals = word.indexOf('=');
  return equals < 0 ? [word, undefined] : [word.slice(0, equals), word.slice(equals + 1)];
}

/** A name that somebody may take for the name of a flag. Tokens have digits, or are longer. */
const FLAG_NAME = /^-{1,2}(?:[a-z_-]{1,40}\d{0,2})?$/i;

/**
 * Reports an unknown flag, quoting only what can be a flag's name. `--auth-token SECRET` as one word is a common
 * mistake in lists of arguments, and so is `--auth-tokenSECRET`.
 */
function unknownFlag(flag: string, { flags }: Grammar): string {
  const name = /^-+[\w-]*/.exec(flag)![0];
  if (name !== flag && flags.includes(name)) {
    return `${name}: put its value into a separate word, or after ${name}=`;
  }
  const glued = flags.find((known) => name.startsWith(known) && name.length > known.length + 3);
  if (glued !== undefined) return `${glued}...: there is no such flag; a value goes into a separate word`;
  // Advice on flags of the server does not help with those of the doctor, which has a --token of its own.
  const advice = flags.includes(LISTEN_FLAG) ? flagMeant(name) : undefined;
  if (advice !== undefined) return `${name}: there is no such flag: ${advice}`;
  if (!FLAG_NAME.test(name)) return `a flag of ${name.length} characters: there is no such flag`;
  return `${name}: there is no such flag${suggestion(name, flags)}`;
}
