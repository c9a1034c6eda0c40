import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { COMMANDS } from '../../../src/cli/command-line.js';
import { renderHelp, renderTokenHelp } from '../../../src/cli/help.js';
import { DOCTOR_FLAGS, renderDoctorHelp } from '../../../src/doctor/flags.js';
import { renderFlags } from '../../../src/config/reference.js';

const help = renderHelp();

describe('exit codes', () => {
  const section = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8').split(
    '\n### Exit codes\n',
  )[1];
  const table = section.split('\n## ')[0];

  it.each([0, 1, 2, 129, 130, 131, 141, 143])('%d is in the help, and in the table of operations.md', (code) => {
    expect(help).toMatch(new RegExp(`(?:^|\\D)${code} |(?:^|\\D)${code}[,:]`, 'm'));
    expect(table).toMatch(new RegExp(`^\\| ${code} \\|`, 'm'));
  });
});

describe('what --help prints', () => {
  it('begins with what this is and how to run it', () => {
    expect(help).toMatch(/^cairn signaling server: .+\.\n\nUsage: cairn-signal \[COMMAND\] \[OPTIONS\]\n/);
  });

  it('lists every command with a sentence, and no other', () => {
    const section = /\nCommands:\n([^]*?)\n\n/.exec(help)![1];
    expect(section.split('\n').map((line) => /^ {2}([\w-]+) +\w.{10,}$/.exec(line)?.[1])).toEqual([...COMMANDS]);
  });

  it('lists every setting', () => {
    expect(help).toContain(`\nOptions:\n${renderFlags()}\n`);
  });

  it.each([
    '-h, --help',
    '-V, -v, --version',
    'RUST_LOG',
    'Exit codes: 0 stopped as asked, 1 could not serve, 2 faults in the settings.',
  ])('tells of %s', (words) => {
    expect(help).toContain(words);
  });

  it('fits a terminal of 100 columns, without spaces at the ends of lines, and ends with a line break', () => {
    expect(help.split('\n').filter((line) => line.length > 100 || line !== line.trimEnd())).toEqual([]);
    expect(help).toMatch(/[^\n]\n$/);
  });
});

describe('what doctor --help prints', () => {
  const doctor = renderDoctorHelp();

  it('begins with what it does and how it is called', () => {
    expect(doctor).toMatch(/^Tests .+\.\n\nUsage: cairn-signal doctor URL \[OPTIONS\]\n/);
  });

  it.each(Object.keys(DOCTOR_FLAGS))('mentions --%s', (flag) => {
    expect(doctor).toMatch(new RegExp(`\\n  --${flag}(?: \\S+)?\\n      \\w.{20,}\\n`));
  });

  it('mentions the exit codes', () => {
    expect(doctor).toContain('Exit codes: 0 nothing failed');
  });

  it('fits a terminal of 100 columns, without spaces at the ends of lines, and ends with a line break', () => {
    expect(doctor.split('\n').filter((line) => line.length > 100 || line !== line.trimEnd())).toEqual([]);
    expect(doctor).toMatch(/[^\n]\n$/);
  });
});

describe('what token --help prints', () => {
  const token = renderTokenHelp();

  it('begins with what it does and how it is called', () => {
    expect(token).toMatch(/^Makes a token .+\.\n\nUsage: cairn-signal token new NAME \[--file PATH\]\n/);
  });

  it.each([
    'NAME:sha256:DIGEST',
    'auth-token-file',
    '  --file PATH\n      ',
    '  -h, --help\n      Print this',
    'Exit codes: 0 made, 1 the file cannot be written, 2 not understood.',
  ])('mentions %j', (words) => {
    expect(token).toContain(words);
  });

  it('fits a terminal of 100 columns, without spaces at the ends of lines, and ends with a line break', () => {
    expect(token.split('\n').filter((line) => line.length > 100 || line !== line.trimEnd())).toEqual([]);
    expect(token).toMatch(/[^\n]\n$/);
  });
});
