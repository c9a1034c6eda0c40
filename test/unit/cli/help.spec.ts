import { describe, expect, it } from '@jest/globals';
import { COMMANDS } from '../../../src/cli/command-line.js';
import { renderHelp } from '../../../src/cli/help.js';
import { renderFlags } from '../../../src/config/reference.js';

const help = renderHelp();

describe('what --help prints', () => {
  it('begins with what this is and how it is called', () => {
    expect(help).toMatch(/^cairn signaling server: .+\.\n\nUsage: cairn-signal \[COMMAND\] \[OPTIONS\]\n/);
  });

  it('lists every command with a sentence, and no other', () => {
    const section = /\nCommands:\n([^]*?)\n\n/.exec(help)![1];
    expect(section.split('\n').map((line) => /^ {2}([\w-]+) +\w.{10,}$/.exec(line)?.[1])).toEqual([...COMMANDS]);
  });

  it('lists every setting', () => {
    expect(help).toContain(`\nOptions:\n${renderFlags()}\n`);
  });

  it.each(['-h, --help', '-V, --version', 'RUST_LOG', 'Exit codes: 0 ended as asked, 1 could not serve, 2 faults in the settings.'])('tells of %s', (words) => {
    expect(help).toContain(words);
  });

  it('fits a terminal of 100 columns, without spaces at the ends of lines, and ends with a line break', () => {
    expect(help.split('\n').filter((line) => line.length > 100 || line !== line.trimEnd())).toEqual([]);
    expect(help).toMatch(/[^\n]\n$/);
  });
});
