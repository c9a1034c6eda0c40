import { Logger } from '@nestjs/common';
import type { LoggerService } from '@nestjs/common';
import { Log } from './log.js';
import type { LineLogger, LogFields, LogOutput } from './log.js';
import type { LogPart } from './log-event.js';
import { isAtLeast } from './log-filter.js';
import type { LogFilter, LogLevel } from './log-filter.js';

type Level = Exclude<LogLevel, 'off'>;

/** What we use of a pino logger, of any version; bunyan's and Fastify's are like it. */
export type PinoLogger = {
  readonly [Name in Level]: (fields: object, message: string) => unknown;
} & {
  child?(bindings: object): unknown;
  isLevelEnabled?(level: string): boolean;
  level?: unknown;
};

/** The application's logger: a LoggerService of Nest, or a pino logger. */
export type ApplicationLogger = LoggerService | PinoLogger;

/** The name of each of our levels in Nest. */
const NEST_LEVELS = { trace: 'verbose', debug: 'debug', info: 'log', warn: 'warn', error: 'error' } as const;
const LEVELS = Object.keys(NEST_LEVELS) as Level[];

/** Writes a line. May throw, and may return a promise that is rejected. */
type Write = (level: Level, fields: LogFields, message: string) => unknown;

interface Target {
  readonly write: Write;
  /** Whether the application's logger writes lines of that level. */
  readonly enabled: (level: Level) => boolean;
}

/**
 * Hands our lines to the application's logger, with their fields. A filter decides which lines; without one, the
 * application's levels do. Owns the count of lines that the logger did not take. Knows nothing of what lines say.
 * Invariant: nothing that the logger throws reaches the server.
 */
export class ApplicationLog implements LogOutput {
  dropped = 0;

  constructor(
    private readonly logger: ApplicationLogger,
    private readonly filter: LogFilter | undefined,
  ) {}

  open<Part extends LogPart>(part: Part, target: string): Log<Part> {
    const least = this.filter?.level(target);
    const { write, enabled } = isLoggerService(this.logger)
      ? nestTarget(this.logger, target)
      : pinoTarget(this.logger, target, least);
    const writes = (level: LogLevel): boolean =>
      level !== 'off' && (least === undefined || isAtLeast(level, least)) && enabled(level);
    const lineOf = (level: Level) => (fields: LogFields, message: string) => {
      if (writes(level)) this.#write(write, level, defined(fields), message);
    };
    return new Log(part, Object.fromEntries(LEVELS.map((level) => [level, lineOf(level)])) as LineLogger, writes);
  }

  #write(write: Write, ...[level, fields, message]: Parameters<Write>): void {
    try {
      const written = write(level, fields, message);
      if (written instanceof Promise) written.catch(() => (this.dropped += 1));
    } catch {
      this.dropped += 1;
    }
  }
}

/** The fields of a line that it has: others are undefined, which our own lines leave out. */
function defined(fields: LogFields): LogFields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** Says in one sentence why this is not a logger that we can use; undefined if it is one. */
export function loggerFault(value: unknown): string | undefined {
  const logger = value as ApplicationLogger;
  if (has(value, 'transports', 'levels')) {
    return 'logger: a winston logger is no LoggerService of Nest: wrap it, as WinstonModule.createLogger of nest-winston does';
  }
  return isLoggerService(logger) || methodsIn(logger, LEVELS)
    ? undefined
    : 'logger: expected a LoggerService of Nest, or a pino logger';
}

function isLoggerService(logger: ApplicationLogger): logger is LoggerService {
  return methodsIn(logger, ['log', 'warn', 'error']);
}

/** Nest takes the message, an object of fields, and the name of who logs. */
function nestTarget(logger: LoggerService, target: string): Target {
  // Nest's Logger puts a context of its own behind ours, which would then be one more message.
  const own = logger instanceof Logger && (logger as unknown as { context?: string }).context !== undefined;
  const write: Write = (level, fields, message) => {
    const all = own ? { target, ...fields } : fields;
    const context = own ? [] : [target];
    return logger[NEST_LEVELS[level]]?.(message, all, ...context) as unknown;
  };
  return { write, enabled: (level) => isEnabledInNest(logger, NEST_LEVELS[level]) };
}

/** A LoggerService that does not tell its levels gets every line, as it gets Nest's own. */
function isEnabledInNest(logger: LoggerService, level: (typeof NEST_LEVELS)[Level]): boolean {
  if (typeof logger[level] !== 'function') return false;
  if (logger instanceof Logger) return Logger.isLevelEnabled(level);
  return (logger as { isLevelEnabled?(level: string): boolean }).isLevelEnabled?.(level) ?? true;
}

function pinoTarget(logger: PinoLogger, target: string, least: LogLevel | undefined): Target {
  const child = typeof logger.child === 'function' ? (logger.child({ target }) as PinoLogger) : undefined;
  // A filter may let more through than the level of the application's logger.
  const leads = least !== undefined && typeof child?.level === 'string';
  if (leads) child.level = least === 'off' ? 'silent' : least;
  const write: Write = (level, fields, message) =>
    child === undefined ? logger[level]({ target, ...fields }, message) : child[level](fields, message);
  const enabled = (level: Level): boolean => leads || ((child ?? logger).isLevelEnabled?.(level) ?? true);
  return { write, enabled };
}

function methodsIn(value: unknown, names: readonly string[]): boolean {
  return names.every((name) => typeof (value as Record<string, unknown> | null | undefined)?.[name] === 'function');
}

function has(value: unknown, ...names: readonly string[]): boolean {
  return typeof value === 'object' && value !== null && names.every((name) => name in value);
}
