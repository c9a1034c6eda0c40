import { CONFIG_FLAG } from '../config/load-settings.js';
import { suggestion } from '../config/nearest-name.js';
import { flagOf, settingNames, settingsSchema } from '../config/settings.js';

export const COMMANDS = ['serve', 'check-config', 'healthcheck'] as const;
export type CommandName = (typeof COMMANDS)[number];

/** What was typed, before anything of it is believed. */
export interface CommandLine {
  readonly command: CommandName;
  readonly help: boolean;
  readonly version: boolean;
  /** The text behind each setting's flag, by the flag's name without dashes. */
  readonly flags: ReadonlyMap<string, string>;
  /** What cannot be understood, a sentence each; none repeats a value, which may be a token. */
  readonly faults: readonly string[];
}

const SETTING_FLAGS = [CONFIG_FLAG, ...settingNames.map(flagOf)].map((name) => `--${name}`);
/** Of settings that take several values, each may have a flag of its own. */
const LIST_FLAGS = new Set(settingNames.filter((name) => settingsSchema.shape[name].meta()?.list === true).map(flagOf));
const HELP = ['-h', '--help'];
const VERSION = ['-V', '--version'];

/**
 * Understands `--flag value`, `--flag=value`, `-h`, `-V` and one command; serve is the default. Never throws.
 * By hand, since node:util's parseArgs takes `-auth-token` for nine short flags and the next flag for a value.
 */
export function parseCommandLine(argv: readonly string[]): CommandLine {
  const flags = new Map<string, string>();
  const faults: string[] = [];
  const commands: string[] = [];
  let help = false;
  let version = false;

  for (let i = 0; i < argv.length; i++) {
    const word = argv[i];
    if (!word.startsWith('-')) {
      commands.push(word);
      continue;
    }
    const [flag, inline] = split(word);
    const next = argv[i + 1];
    const following = next === undefined || isFlag(next) ? undefined : next;

    if (HELP.includes(flag) || VERSION.includes(flag)) {
      if (inline !== undefined) faults.push(`${flag}: takes no value`);
      help ||= HELP.includes(flag);
      version ||= VERSION.includes(flag);
    } else if (!SETTING_FLAGS.includes(flag)) {
      faults.push(unknownFlag(flag));
      if (inline === undefined && following !== undefined) i += 1;
    } else {
      const value = inline ?? following;
      if (inline === undefined && value !== undefined) i += 1;
      const name = flag.slice(2);
      if (value === undefined || (inline === undefined && value.startsWith('-'))) faults.push(`${flag}: needs a value; one that begins with a dash is written ${flag}=VALUE`);
      else if (flags.has(name) && LIST_FLAGS.has(name)) flags.set(name, `${flags.get(name)},${value}`);
      else if (flags.has(name)) faults.push(`${flag}: given more than once`);
      else flags.set(name, value);
    }
  }

  const command = COMMANDS.find((name) => name === (commands[0] ?? 'serve'));
  if (command === undefined) faults.push(`there is no such command${suggestion(commands[0], COMMANDS)}; there are ${COMMANDS.join(', ')}`);
  if (commands.length > 1) faults.push('only one command can be given');
  return { command: command ?? 'serve', help, version, flags, faults };
}

/** Whether a word is one of ours, and so not the value of the flag before it. */
function isFlag(word: string): boolean {
  return [...HELP, ...VERSION, ...SETTING_FLAGS].includes(split(word)[0]);
}

/** `--a=b` as `--a` and `b`. */
function split(word: string): [flag: string, inline: string | undefined] {
  const equals = word.indexOf('=');
  return equals < 0 ? [word, undefined] : [word.slice(0, equals), word.slice(equals + 1)];
}

/** Only what can be a flag's name is repeated: `--auth-token SECRET` as one word is a common slip in lists of arguments. */
function unknownFlag(flag: string): string {
  const name = /^-+[\w-]*/.exec(flag)![0];
  if (name !== flag && SETTING_FLAGS.includes(name)) return `${name}: its value goes into a word of its own, or behind ${name}=`;
  return `${name}: there is no such flag${suggestion(name, SETTING_FLAGS)}`;
}
