import { pino } from 'pino';
import type { DestinationStream } from 'pino';
import { prettyFactory } from 'pino-pretty';
import { wantsColours } from './colours.js';
import type { LineWriter } from './line-writer.js';
import { messageOf } from './log-event.js';
import type { LogEvent, LogPart, Told } from './log-event.js';
import { isAtLeast, LogFilter, ROOT_TARGET } from './log-filter.js';
import type { LogLevel } from './log-filter.js';
import { LOG_EVENTS } from './log-table.js';
import type { LogEventRow } from './log-table.js';
import { standardOutput } from './standard-output.js';

export type LogFields = Readonly<Record<string, unknown>>;

/** Takes lines, as a pino logger does. */
export type LineLogger = {
  readonly [Level in Exclude<LogLevel, 'off'>]: (fields: LogFields, message: string) => void;
};

/**
 * Writes the lines of one part of the server, each of them an event of the table in log-table.ts. Callers must never pass
 * a topic, a payload or a token; a topic goes through topicDigest first.
 */
export class Log<Part extends LogPart> {
  readonly #rows: Readonly<Record<string, LogEventRow>>;

  constructor(
    part: Part,
    private readonly logger: LineLogger,
    /** Whether lines of `level` are written. Code on the message path asks before it builds a line. */
    readonly writes: (level: LogLevel) => boolean,
  ) {
    this.#rows = LOG_EVENTS[part];
  }

  write<Event extends LogEvent<Part>>(event: Event, ...[fields, words]: Told<Part, Event>): void {
    const row = this.#rows[event];
    this.logger[row.level]({ event, ...fields }, messageOf(row, words));
  }
}

/** Destination and format of the log. */
export interface LogOptions {
  readonly format: 'json' | 'pretty';
  readonly filter?: LogFilter;
  /** Defaults to standard output. */
  readonly destination?: DestinationStream;
}

/** Where lines go. */
export interface LogOutput {
  /** Number of lines that were lost since the start. */
  readonly dropped: number;
  /** Returns the log of a part of the server, which writes as `target`. */
  open<Part extends LogPart>(part: Part, target: string): Log<Part>;
}

/** Owns the log of the process. Gives each target its Log, filtered as RUST_LOG says. */
export class Logs {
  readonly #output: LogOutput;
  /** Undefined for a destination of the caller's, who knows what it loses. */
  readonly #writer: LineWriter | undefined;

  constructor(options: LogOptions | LogOutput) {
    if ('open' in options) {
      this.#output = options;
      return;
    }
    this.#writer = options.destination === undefined ? standardOutput() : undefined;
    this.#output = ownOutput(options, this.#writer);
    if (this.#writer === undefined) return;
    const log = this.for('log');
    this.#writer.onLoss = (lost) => log.write('lines_lost', { lost });
  }

  /** Number of lines that standard output, or the application's logger, did not take, since the start. */
  get dropped(): number {
    return this.#output.dropped;
  }

  /** Resolves once no line waits to be written, because all were written or cannot be; or with `over`. */
  async settled(over: Promise<unknown>): Promise<void> {
    await this.#writer?.settled(over);
  }

  /** Returns the log of a part of the server: `relay` writes as `cairn_signal::relay`, and `nest` as itself. */
  for<Part extends LogPart>(part: Part): Log<Part> {
    return this.#output.open(part, targetOf(part));
  }
}

/** The target of a part's lines. */
export function targetOf(part: LogPart): string {
  return part === 'nest' ? part : `${ROOT_TARGET}::${part}`;
}

/** Our own lines, in JSON or for people. */
function ownOutput(
  { format, filter = LogFilter.default, destination }: LogOptions,
  writer: LineWriter | undefined,
): LogOutput {
  const output = writer ?? destination!;
  const colorize = writer !== undefined && wantsColours(process.env);
  const root = pino(
    {
      base: null,
      level: 'trace',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    format === 'json' ? output : prettyPrinted(output, colorize),
  );
  return {
    get dropped() {
      return writer?.dropped ?? 0;
    },
    open(part, target) {
      const least = filter.level(target);
      const logger = root.child({ target }, { level: least === 'off' ? 'silent' : least });
      return new Log(part, logger, (level) => isAtLeast(level, least));
    },
  };
}

/** Formats lines for people rather than programs, and writes them to `output`. */
function prettyPrinted(output: DestinationStream, colorize: boolean): DestinationStream {
  const format = prettyFactory({
    colorize,
    translateTime: 'SYS:HH:MM:ss.l',
    messageFormat: '{target}: {msg}',
    ignore: 'target,event',
    singleLine: true,
  });
  return { write: (line) => output.write(format(line)) };
}
