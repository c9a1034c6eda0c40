import { CONFIG_FLAG } from '../config/load-settings.js';
import { suggestion } from '../config/nearest-name.js';
import { flagOf } from '../config/setting-names.js';
import { settingNames, settingsSchema } from '../config/settings.js';
import { DOCTOR_FLAGS } from '../doctor/flags.js';

export const COMMANDS = ['serve', 'check-config', 'healthcheck', 'doctor', 'token'] as const;
export type CommandName = (typeof COMMANDS)[number];

/** What was typed, before anything of it is believed. */
export interface CommandLine {
  readonly command: CommandName;
  readonly help: boolean;
  readonly version: boolean;
  /** The text behind each flag, by the flag's name without dashes; empty for a switch. */
  readonly flags: ReadonlyMap<string, string>;
  /** Words behind the command that are no flags: only doctor takes one. */
  readonly operands: readonly string[];
  /** What cannot be understood, a sentence each; none repeats a value, which may be a token. */
  readonly faults: readonly string[];
}

/** What flags a command has. */
interface Grammar {
  /** With dashes. */
  readonly flags: readonly string[];
  /** Flags that stand without a value. */
  readonly switches: ReadonlySet<string>;
  /** Flags that take a length of time or stand without, and what they mean then. */
  readonly otherwise: ReadonlyMap<string, string>;
  /** Flags of several values, each of which may have a flag of its own. */
  readonly lists: ReadonlySet<string>;
}

const dashed = (name: string): string => `--${name}`;

const SERVER: Grammar = {
  flags: [CONFIG_FLAG, ...settingNames.map(flagOf)].map(dashed),
  switches: new Set(),
  otherwise: new Map(),
  lists: new Set(
    settingNames.filter((name) => settingsSchema.shape[name].meta()?.list === true).map((name) => dashed(flagOf(name))),
  ),
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

const HELP = ['-h', '--help'];
const VERSION = ['-V', '--version'];
const LENGTH_OF_TIME = /^\d+(?:ms|s|m|h)$/;

/**
 * Understands `--flag value`, `--flag=value`, `-h`, `-V` and one command; serve is the default. doctor, whose flags are no settings, comes
 * first. Never throws.
 */
export function parseCommandLine(argv: readonly string[]): CommandLine {
  if (argv[0] === 'doctor') {
    const { words, ...line } = readWords(argv.slice(1), DOCTOR);
    return { command: 'doctor', operands: words, ...line };
  }
  const { words, faults, ...line } = readWords(argv, SERVER);
  const command = COMMANDS.find((name) => name === (words[0] ?? 'serve'));
  if (command === undefined) {
    faults.push(`there is no such command${suggestion(words[0], COMMANDS)}; there are ${COMMANDS.join(', ')}`);
  }
  if (command === 'doctor') {
    faults.push('doctor comes first, and the flags of settings are not for it: cairn-signal doctor URL [OPTIONS]');
  } else if (words.length > 1) faults.push('only one command can be given');
  return { command: command ?? 'serve', operands: command === 'doctor' ? words.slice(1) : [], faults, ...line };
}

/** By hand, since node:util's parseArgs takes `-auth-token` for nine short flags and the next flag for a value. */
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
        faults.push(`${flag}: needs a value; one that begins with a dash is written ${flag}=VALUE`);
      } else if (flags.has(name) && grammar.lists.has(flag)) flags.set(name, `${flags.get(name)},${value}`);
      else if (flags.has(name)) faults.push(`${flag}: given more than once`);
      else flags.set(name, value);
    }
  }
  return { help, version, flags, words, faults };
}

/** Whether a word is one of ours, and so not the value of the flag before it. */
function isFlag(word: string, { flags }: Grammar): boolean {
  return [...HELP, ...VERSION, ...flags].includes(split(word)[0]);
}

/** `--a=b` as `--a` and `b`. */
function split(word: string): [flag: string, inline: string | undefined] {
  const equals = word.indexOf('=');
  return equals < 0 ? [word, undefined] : [word.slice(0, equals), word.slice(equals + 1)];
}

/** Only what can be a flag's name is repeated: `--auth-token SECRET` as one word is a common slip in lists of arguments. */
function unknownFlag(flag: string, { flags }: Grammar): string {
  const name = /^-+[\w-]*/.exec(flag)![0];
  if (name !== flag && flags.includes(name)) {
    return `${name}: its value goes into a word of its own, or behind ${name}=`;
  }
  return `${name}: there is no such flag${suggestion(name, flags)}`;
}
