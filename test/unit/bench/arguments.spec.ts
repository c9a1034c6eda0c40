import { describe, expect, it } from '@jest/globals';
import { benchArguments, checkArguments, idleArguments, millionArguments, Misused } from '../../../bench/arguments.mjs';
import { GROUPS, NAMES } from '../../../bench/cases.mjs';

describe('the arguments of npm run bench', () => {
  it('asks for three repetitions of every case with masks of zeros when there are none', () => {
    expect(benchArguments([])).toEqual({
      help: false,
      alone: undefined,
      only: NAMES,
      node: [],
      beside: [],
      pin: false,
      repeat: 3,
      quick: false,
      mask: 'zeros',
      json: undefined,
    });
  });

  it('takes each option, and cases by commas in any order', () => {
    const args = [
      '--only',
      'idle, pair1,idle',
      '--repeat',
      '5',
      '--quick',
      '--mask=random',
      '--json',
      'out.json',
      '--pin',
    ];
    expect(benchArguments(args)).toEqual({
      help: false,
      alone: undefined,
      only: ['pair1', 'idle'],
      node: [],
      beside: [],
      pin: true,
      repeat: 5,
      quick: true,
      mask: 'random',
      json: 'out.json',
    });
  });

  it('takes groups of cases beside names', () => {
    expect(benchArguments(['--only', 'curve,pair1']).only).toEqual(['pair1', ...GROUPS.curve]);
  });

  it('measures over TLS what it is told, or what is worth it', () => {
    expect(benchArguments(['--tls']).only).toEqual(GROUPS.tls);
    expect(benchArguments(['--tls', '--only', 'paced,pair8,tls-idle']).only).toEqual([
      'tls-pair8',
      'tls-paced',
      'tls-idle',
    ]);
  });

  it.each([[['--node', 'a, b', '--node=c']], [['--node', 'a,b,c']], [['--node', 'a', '--node', 'b', '--node', 'c']]])(
    'takes several Nodes from %j, in this order',
    (args) => {
      expect(benchArguments(args).node).toEqual(['a', 'b', 'c']);
    },
  );

  it('keeps the figures of the codec and of presence reachable', () => {
    expect(benchArguments(['codec']).alone).toBe('codec');
    expect(benchArguments(['presence']).alone).toBe('presence');
  });

  it.each([['-h'], ['--help']])('%s asks for help', (arg) => {
    expect(benchArguments([arg]).help).toBe(true);
  });

  it.each([
    [['--only', 'pair1,pear'], /^--only: pear is not one of pair1, .*churn-many.*, tls, curve$/],
    [['--only='], /^--only: an empty value is not one of pair1, /],
    [['--repeat', '0'], '--repeat: expected a whole number from 1 to 100'],
    [['--repeat', '2.5'], '--repeat: expected a whole number from 1 to 100'],
    [['--repeat'], /^Option '--repeat <value>' argument missing$/],
    [['--mask', 'ones'], '--mask: ones is not one of zeros, random'],
    [['--node='], '--node: expected the path of a Node binary'],
    [['--node', 'a,,b'], '--node: expected the path of a Node binary'],
    [['--node'], /^Option '--node <value>' argument missing$/],
    [['--beside', ','], '--beside: expected the path of a server, or NAME=PATH'],
    [['--only', 'curve-3k'], /^--only: curve-3k is not one of .*, tls, curve$/],
    [['--only', 'toString'], /^--only: toString is not one of /],
    [['--pin=0'], /^Option '--pin' does not take an argument$/],
    [['--json='], '--json: expected the name of a file'],
    [['--quick=yes'], /^Option '--quick' does not take an argument$/],
    [['--fast'], "Unknown option '--fast'"],
    [['relay'], 'relay: expected no command, or codec or presence'],
    [['codec', '--quick'], 'codec: takes no further arguments, such as --quick'],
  ])('refuses %j in one line that names it', (args, line) => {
    const refusing = (): unknown => benchArguments(args);
    expect(refusing).toThrow(Misused);
    expect(refusing).toThrow(line);
  });
});

describe('the arguments of npm run bench:check', () => {
  it('compares with the baseline unless it is to be updated', () => {
    expect(checkArguments([])).toEqual({
      help: false,
      node: [],
      by: undefined,
      repeat: 5,
      quick: false,
      update: false,
    });
    expect(checkArguments(['--update']).update).toBe(true);
  });

  it('takes the way to compare, and several Nodes', () => {
    const { by, node } = checkArguments(['--by', 'ratios', '--node', 'a,b']);
    expect([by, node]).toEqual(['ratios', ['a', 'b']]);
  });

  it.each([
    [['--by', 'time'], '--by: time is not one of instructions, ratios'],
    [['--repeat', '2'], '--repeat: expected a whole number from 3 to 100'],
  ])('refuses %j in one line that names it', (args, line) => {
    expect(() => checkArguments(args)).toThrow(line);
  });

  it.each([[['--only', 'pair1']], [['all']]])('refuses %j, since a part of the baseline is none', (args) => {
    expect(() => checkArguments(args)).toThrow(Misused);
  });
});

describe('the arguments of npm run bench:idle', () => {
  it('asks for 50,000 connections unless it is told otherwise', () => {
    expect(idleArguments([])).toEqual({ help: false, connections: 50_000, seconds: 30 });
    expect(idleArguments(['--connections', '2000', '--seconds', '5'])).toEqual({
      help: false,
      connections: 2000,
      seconds: 5,
    });
  });

  it('refuses so few connections that memory each would mean nothing', () => {
    expect(() => idleArguments(['--connections', '999'])).toThrow(
      '--connections: expected a whole number from 1000 to 1000000',
    );
  });
});

describe('the arguments of npm run bench:million', () => {
  it('simulates ten nodes with 5,000 topics unless it is told otherwise', () => {
    expect(millionArguments([])).toEqual({ help: false, nodes: 10, topics: 5000 });
    expect(millionArguments(['--nodes', '20', '--topics', '50000'])).toEqual({
      help: false,
      nodes: 20,
      topics: 50_000,
    });
  });

  it('refuses so few nodes that one may not end, and so few topics that memory each would mean nothing', () => {
    expect(() => millionArguments(['--nodes', '2'])).toThrow('--nodes: expected a whole number from 3 to 1000');
    expect(() => millionArguments(['--topics', '999'])).toThrow(
      '--topics: expected a whole number from 1000 to 1000000',
    );
  });
});
