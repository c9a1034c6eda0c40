import { describe, expect, it } from '@jest/globals';
import { LogFilter } from '../../../src/logging/log-filter.js';

const RELAY = 'cairn_signal::relay';
const SERVER = 'cairn_signal::server';

/** Returns the level of a target under RUST_LOG, or "invalid" if RUST_LOG is not a list of directives. */
function level(rustLog: string, target: string): string {
  return LogFilter.parse(rustLog)?.level(target) ?? 'invalid';
}

describe('RUST_LOG with a level', () => {
  it.each([
    ['trace', 'trace'],
    ['debug', 'debug'],
    ['info', 'info'],
    ['warn', 'warn'],
    ['error', 'error'],
    ['off', 'off'],
    ['INFO', 'info'],
    ['Warn', 'warn'],
    ['0', 'off'],
    ['1', 'error'],
    ['2', 'warn'],
    ['3', 'info'],
    ['4', 'debug'],
    ['5', 'trace'],
  ])('%s: writes %s and everything above it', (rustLog, expected) => {
    for (const target of [RELAY, SERVER, 'nest']) expect(level(rustLog, target)).toBe(expected);
  });

  it.each(['', ' ', ',', ' , '])('%j is the default, info', (rustLog) => {
    expect(level(rustLog, RELAY)).toBe('info');
    expect(LogFilter.parse(rustLog)).toBe(LogFilter.default);
  });
});

describe('RUST_LOG with targets (as the EnvFilter of Rust reads it)', () => {
  it.each([
    ['cairn_signal=debug', RELAY, 'debug'],
    ['cairn_signal=debug', 'cairn_signal', 'debug'],
    ['cairn_signal=DEBUG', RELAY, 'debug'],
    ['cairn_signal=4', RELAY, 'debug'],
    ['cairn_signal=off', RELAY, 'off'],
    ['warn,cairn_signal::relay=trace', RELAY, 'trace'],
    ['warn,cairn_signal::relay=trace', SERVER, 'warn'],
    ['warn,cairn_signal::relay=trace', 'nest', 'warn'],
    [' warn , cairn_signal=debug , ', RELAY, 'debug'],
    ['off,cairn_signal=info', 'nest', 'off'],
  ])('%s gives %s the level %s', (rustLog, target, expected) => {
    expect(level(rustLog, target)).toBe(expected);
  });

  it.each([
    'cairn_signal=warn,cairn_signal::relay=trace,info',
    'info,cairn_signal::relay=trace,cairn_signal=warn',
    'cairn_signal::relay=trace,info,cairn_signal=warn',
  ])('takes the longest matching target, in any position: %s', (rustLog) => {
    expect([RELAY, SERVER, 'nest'].map((target) => level(rustLog, target))).toEqual(['trace', 'warn', 'info']);
  });

  it('takes a target as a prefix', () => {
    expect(level('off,cairn_signal::re=debug', RELAY)).toBe('debug');
    expect(level('off,signal::relay=debug', RELAY)).toBe('off');
  });

  it('writes all lines of a target without a level', () => {
    expect(level('info,cairn_signal::relay', RELAY)).toBe('trace');
    expect(level('info,cairn_signal::relay', SERVER)).toBe('info');
  });

  it('writes all lines of a target with an empty level', () => {
    expect(level('info,cairn_signal::relay=', RELAY)).toBe('trace');
  });

  it.each([
    ['info,debug', RELAY, 'debug'],
    ['debug,info', RELAY, 'info'],
    ['cairn_signal=info,cairn_signal=debug', RELAY, 'debug'],
  ])('takes the last of two directives for one target: %s', (rustLog, target, expected) => {
    expect(level(rustLog, target)).toBe(expected);
  });

  it('writes nothing of a target that no directive matches', () => {
    expect(level('cairn_signal::relay=debug', SERVER)).toBe('off');
  });
});

describe('RUST_LOG that is not a list of directives', () => {
  it.each([
    'verbose',
    'inf',
    'warning',
    '6',
    '-1',
    'cairn_signal=verbose',
    'cairn_signal=6',
    'cairn_signal==debug',
    '=debug',
    'info;debug',
    'cairn_signal = debug',
    'info,cairn_signal=loud',
    'cairn_signal[span]=debug',
    'constructor',
    '__proto__',
    'a=constructor',
    '💥',
  ])('%j is invalid', (rustLog) => {
    expect(LogFilter.parse(rustLog)).toBeUndefined();
  });
});
