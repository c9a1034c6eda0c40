import type { Environment } from '../config/environment.js';

/** Log levels as RUST_LOG names them, from everything to nothing. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'off'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Whether a line of `level` is written where `least` is the lowest level that is. */
export function isAtLeast(level: LogLevel, least: LogLevel): boolean {
  return LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(least);
}

interface Directive {
  /** Prefix of the targets that it applies to; empty for all. */
  readonly target: string;
  readonly level: LogLevel;
}

/**
 * Decides which lines are written, by the directives of RUST_LOG, as the reference (tracing's EnvFilter) reads them.
 * Directives are `level`, `target=level` or `target`, separated by commas. The longest matching target decides.
 */
export class LogFilter {
  private constructor(private readonly directives: readonly Directive[]) {}

  static readonly default = new LogFilter([{ target: '', level: 'info' }]);

  /** Parses a list of directives; undefined if `text` is not one. Blank text gives the default filter. */
  static parse(text: string): LogFilter | undefined {
    const parts = text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '');
    if (parts.length === 0) return LogFilter.default;
    const directives = parts.map(parseDirective);
    if (!directives.every((directive) => directive !== undefined)) return undefined;
    // Of two directives for one target the last counts. The list is reversed, so the stable sort puts that one first.
    return new LogFilter(directives.toReversed().toSorted((a, b) => b.target.length - a.target.length));
  }

  /** Lowest level that is written for `target`, such as `cairn_signal::relay`; off if no directive applies to it. */
  level(target: string): LogLevel {
    return this.directives.find((directive) => target.startsWith(directive.target))?.level ?? 'off';
  }
}

/** Reads the filter from RUST_LOG. If that is not a list of directives, returns the default filter and a warning. */
export function readLogFilter(environment: Environment): { filter: LogFilter; warnings: string[] } {
  const filter = LogFilter.parse(environment.RUST_LOG ?? '');
  if (filter !== undefined) return { filter, warnings: [] };
  return { filter: LogFilter.default, warnings: ['RUST_LOG is not a list of log directives, so the level is info'] };
}

/** Root of all targets: the Rust crate name of the reference. */
export const ROOT_TARGET = 'cairn_signal';

function parseDirective(text: string): Directive | undefined {
  const level = parseLevel(text);
  if (level !== undefined) return { target: '', level };
  const parts = /^([\w:-]+)(?:=(\w*))?$/.exec(text);
  if (parts === null) return undefined;
  const [, target, named] = parts;
  // A target alone means all of its lines. If it is not one of ours, it is more likely a misspelt level.
  if (named === undefined) return target.startsWith(ROOT_TARGET) ? { target, level: 'trace' } : undefined;
  const targetLevel = named === '' ? 'trace' : parseLevel(named);
  return targetLevel === undefined ? undefined : { target, level: targetLevel };
}

/** Reads a level by name, in any case, or by number: 0 is off, 5 is trace. */
function parseLevel(text: string): LogLevel | undefined {
  const word = text.toLowerCase();
  if (/^[0-5]$/.test(word)) return LOG_LEVELS[5 - Number(word)];
  return LOG_LEVELS.find((level) => level === word);
}
