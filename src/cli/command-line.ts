import { parseArgs } from 'node:util';
import { CONFIG_FLAG } from '../config/load-settings.js';
import { suggestion } from '../config/nearest-name.js';
import { flagOf, settingNames } from '../config/settings.js';

export const COMMANDS = ['serve', 'check-config', 'healthcheck'] as const;
export type CommandName = (typeof COMMANDS)[number];

/** What was typed, before anything of it is believed. */
export interface CommandLine {
  readonly command: CommandName;
  readonly help: boolean;
  readonly version: boolean;
  /** The text behind each setting's flag, by the flag's name without dashes. */
  readonly flags: ReadonlyMap<string, string>;
  /** What cannot be understood, a sentence each. */
  readonly faults: readonly string[];
}

const SETTING_FLAGS = [CONFIG_FLAG, ...settingNames.map(flagOf)];

/** Understands `--flag value`, `--flag=value`, `-h`, `-V` and one command; serve is the default. Never throws. */
export function parseCommandLine(argv: readonly string[]): CommandLine {
  const { tokens } = parseArgs({
    args: [...argv],
    strict: false,
    tokens: true,
    options: {
      help: { type: 'boolean', short: 'h' },
      version: { type: 'boolean', short: 'V' },
      ...Object.fromEntries(SETTING_FLAGS.map((flag) => [flag, { type: 'string' as const }])),
    },
  });
  const flags = new Map<string, string>();
  const faults: string[] = [];
  const words: string[] = [];
  let help = false;
  let version = false;
  /** Index of the word that is the value of an unknown flag rather than a command. */
  let unknownValueAt = -1;

  for (const token of tokens) {
    if (token.kind === 'positional' && token.index !== unknownValueAt) words.push(token.value);
    if (token.kind !== 'option') continue;
    const { name, rawName, value } = token;
    if (name === 'help') {
      help = true;
    } else if (name === 'version') {
      version = true;
    } else if (!SETTING_FLAGS.includes(name)) {
      faults.push(`${rawName}: there is no such flag${suggestion(rawName, SETTING_FLAGS.map((flag) => `--${flag}`))}`);
      if (value === undefined) unknownValueAt = token.index + 1;
    } else if (value === undefined || (!token.inlineValue && value.startsWith('-'))) {
      faults.push(`${rawName}: needs a value; one that begins with a dash is written ${rawName}=VALUE`);
    } else if (flags.has(name)) {
      faults.push(`${rawName}: given more than once`);
    } else {
      flags.set(name, value);
    }
  }

  const [command = 'serve', ...rest] = words;
  if (!isCommand(command)) faults.push(`${JSON.stringify(command)}: there is no such command${suggestion(command, COMMANDS)}`);
  faults.push(...rest.map((word) => `${JSON.stringify(word)}: not expected here`));
  return { command: isCommand(command) ? command : 'serve', help, version, flags, faults };
}

function isCommand(word: string): word is CommandName {
  return (COMMANDS as readonly string[]).includes(word);
}
