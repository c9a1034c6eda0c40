import type { Environment } from '../config/environment.js';

/** Levels of log lines, as RUST_LOG names them, from everything to nothing. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'off'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

interface Directive {
  /** Prefix of the targets it is for; empty for all. */
  readonly target: string;
  readonly level: LogLevel;
}

/**
 * Which lines are written: the directives of RUST_LOG, as the reference (tracing's EnvFilter) reads them.
 * A list by commas of `level`, `target=level` and `target`; the longest target that fits decides.
 */
export class LogFilter {
  private constructor(private readonly directives: readonly Directive[]) {}

  static readonly default = new LogFilter([{ target: '', level: 'info' }]);

  /** The filter that `text` describes, or undefined when it is not a list of directives. Blank text is the default. */
  static parse(text: string): LogFilter | undefined {
    const parts = text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '');
    if (parts.length === 0) return LogFilter.default;
    const directives = parts.map(parseDirective);
    if (!directives.every((directive) => directive !== undefined)) return undefined;
    // Of two for the same target the last one counts: reversed, the stable sort puts it first.
    return new LogFilter(directives.toReversed().toSorted((a, b) => b.target.length - a.target.length));
  }

  /** The least level that is written for `target`, such as `cairn_signal::relay`; off when no directive is for it. */
  level(target: string): LogLevel {
    return this.directives.find((directive) => target.startsWith(directive.target))?.level ?? 'off';
  }
}

/** The filter that RUST_LOG asks for; where it cannot be understood, the default and a warning that says so. */
export function readLogFilter(environment: Environment): { filter: LogFilter; warnings: string[] } {
  const filter = LogFilter.parse(environment.RUST_LOG ?? '');
  if (filter !== undefined) return { filter, warnings: [] };
  return { filter: LogFilter.default, warnings: ['RUST_LOG is not a list of log directives, so the level is info'] };
}

/** Rust's crate name of the reference: the root of our targets too. */
export const ROOT_TARGET = 'cairn_signal';

function parseDirective(text: string): Directive | undefined {
  const level = parseLevel(text);
  if (level !== undefined) return { target: '', level };
  const parts = /^([\w:-]+)(?:=(\w*))?$/.exec(text);
  if (parts === null) return undefined;
  const [, target, named] = parts;
  // A target alone means all of its lines; one that is none of ours is rather a misspelt level.
  if (named === undefined) return target.startsWith(ROOT_TARGET) ? { target, level: 'trace' } : undefined;
  const targetLevel = named === '' ? 'trace' : parseLevel(named);
  return targetLevel === undefined ? undefined : { target, level: targetLevel };
}

/** A level by name in any case, or by number: 0 is off, 5 is trace. */
function parseLevel(text: string): LogLevel | undefined {
  const word = text.toLowerCase();
  if (/^[0-5]$/.test(word)) return LOG_LEVELS[5 - Number(word)];
  return LOG_LEVELS.find((level) => level === word);
}
