import { pino } from 'pino';
import type { DestinationStream, Logger } from 'pino';
import { prettyFactory } from 'pino-pretty';
import { wantsColours } from './colours.js';
import type { LineWriter } from './line-writer.js';
import { LogFilter, LOG_LEVELS, ROOT_TARGET } from './log-filter.js';
import type { LogLevel } from './log-filter.js';
import { standardOutput } from './standard-output.js';

export type LogFields = Readonly<Record<string, unknown>>;

/**
 * Writes the lines of one target. Callers must never pass a topic, a payload or a token; a topic goes through
 * topicDigest first.
 */
export class Log {
  constructor(
    private readonly logger: Logger,
    private readonly level: LogLevel,
  ) {}

  /** Whether lines of `level` are written. Code on the message path asks before it builds a line. */
  writes(level: LogLevel): boolean {
    return LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(this.level);
  }

  trace(message: string, fields: LogFields = {}): void {
    this.logger.trace(fields, message);
  }

  debug(message: string, fields: LogFields = {}): void {
    this.logger.debug(fields, message);
  }

  info(message: string, fields: LogFields = {}): void {
    this.logger.info(fields, message);
  }

  warn(message: string, fields: LogFields = {}): void {
    this.logger.warn(fields, message);
  }

  error(message: string, fields: LogFields = {}): void {
    this.logger.error(fields, message);
  }
}

/** Destination and format of the log. */
export interface LogOptions {
  readonly format: 'json' | 'pretty';
  readonly filter?: LogFilter;
  /** Defaults to standard output. */
  readonly destination?: DestinationStream;
}

/** Owns the log of the process. Gives each target its Log, filtered as RUST_LOG says. */
export class Logs {
  readonly #root: Logger;
  readonly #filter: LogFilter;
  /** Undefined for a destination of the caller's, who knows what it loses. */
  readonly #writer: LineWriter | undefined;

  constructor(options: LogOptions) {
    this.#filter = options.filter ?? LogFilter.default;
    this.#writer = options.destination === undefined ? standardOutput() : undefined;
    const output = this.#writer ?? options.destination!;
    const colorize = this.#writer !== undefined && wantsColours(process.env);
    this.#root = pino(
      {
        base: null,
        level: 'trace',
        timestamp: pino.stdTimeFunctions.isoTime,
        formatters: { level: (label) => ({ level: label }) },
      },
      options.format === 'json' ? output : prettyPrinted(output, colorize),
    );
    if (this.#writer === undefined) return;
    const log = this.for('log');
    this.#writer.onLoss = (lost) => log.warn('standard output works again; lines of the log were lost', { lost });
  }

  /** Number of lines that standard output did not take, since the start. */
  get dropped(): number {
    return this.#writer?.dropped ?? 0;
  }

  /** Resolves once no line waits to be written, because all were written or cannot be; or with `over`. */
  async settled(over: Promise<unknown>): Promise<void> {
    await this.#writer?.settled(over);
  }

  /** Returns the log of a part of the server: `relay` writes as `cairn_signal::relay`. */
  for(part: string): Log {
    return this.forTarget(`${ROOT_TARGET}::${part}`);
  }

  /** Returns the log of a target by its full name. */
  forTarget(target: string): Log {
    const level = this.#filter.level(target);
    return new Log(this.#root.child({ target }, { level: level === 'off' ? 'silent' : level }), level);
  }
}

/** Formats lines for people rather than programs, and writes them to `output`. */
function prettyPrinted(output: DestinationStream, colorize: boolean): DestinationStream {
  const format = prettyFactory({
    colorize,
    translateTime: 'SYS:HH:MM:ss.l',
    messageFormat: '{target}: {msg}',
    ignore: 'target',
    singleLine: true,
  });
  return { write: (line) => output.write(format(line)) };
}
