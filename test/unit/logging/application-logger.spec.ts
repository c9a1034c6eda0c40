import { ConsoleLogger, Logger } from '@nestjs/common';
import type { LoggerService, LogLevel as NestLevel } from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { ApplicationLog, loggerFault } from '../../../src/logging/application-logger.js';
import type { ApplicationLogger } from '../../../src/logging/application-logger.js';
import { Logs } from '../../../src/logging/log.js';
import { LogFilter } from '../../../src/logging/log-filter.js';
import { LEVELS, writeAll } from '../../support/log-lines.js';

const TARGET = 'cairn_signal::server';
/** What `writeAll` writes: level of Nest, message, fields and target. */
const WRITTEN = [
  ['verbose', 'a trace', { event: 'nest_trace' }, 'nest'],
  ['debug', 'what nothing caught', { event: 'operator_code_error', error: 'an error' }, TARGET],
  ['log', 'this signal does nothing', { event: 'signal_ignored', signal: 'SIGUSR1' }, TARGET],
  ['warn', 'a warning', { event: 'start_warning' }, TARGET],
  ['error', 'the server stops because of a bug in it', { event: 'bug', origin: 'unhandledRejection' }, TARGET],
];

function logsInto(logger: ApplicationLogger, filter?: string): Logs {
  return new Logs(new ApplicationLog(logger, filter === undefined ? undefined : LogFilter.parse(filter)));
}

/** A LoggerService that keeps what it is called with. */
function nestLogger(): { logger: Required<Omit<LoggerService, 'setLogLevels'>>; calls: unknown[][] } {
  const calls: unknown[][] = [];
  const keep =
    (level: NestLevel) =>
    (...rest: unknown[]) =>
      void calls.push([level, ...rest]);
  const [log, error, warn, debug, verbose, fatal] = (
    ['log', 'error', 'warn', 'debug', 'verbose', 'fatal'] as const
  ).map(keep);
  return { logger: { log, error, warn, debug, verbose, fatal }, calls };
}

function pinoLogger(options: pino.LoggerOptions = {}): { logger: pino.Logger; lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) };
  return { logger: pino({ base: null, timestamp: false, ...options }, destination), lines };
}

describe('a LoggerService of Nest', () => {
  afterEach(() => Logger.overrideLogger(new ConsoleLogger()));

  it('gets the message, the fields, and the target as the context', () => {
    const { logger, calls } = nestLogger();
    writeAll(logsInto(logger));
    expect(calls).toEqual(WRITTEN);
  });

  it('may lack what Nest does not ask of it', () => {
    const { logger, calls } = nestLogger();
    const { log, warn, error } = logger;
    const logs = logsInto({ log, warn, error });
    writeAll(logs);
    expect(calls.map(([level]) => level)).toEqual(['log', 'warn', 'error']);
    expect(logs.for('server').writes('debug')).toBe(false);
  });

  it("decides by its own levels, as Nest's ConsoleLogger does", () => {
    const { logger, calls } = nestLogger();
    const levelled = Object.assign(logger, {
      isLevelEnabled: (level: string) => level === 'warn' || level === 'error',
    });
    const logs = logsInto(levelled);
    writeAll(logs);
    expect(calls.map(([level]) => level)).toEqual(['warn', 'error']);
    expect(LEVELS.filter((level) => logs.for('server').writes(level))).toEqual(['warn', 'error']);
  });

  it("may be Nest's Logger, which is whatever the application's is", () => {
    const { logger, calls } = nestLogger();
    Logger.overrideLogger(logger);
    const fields = { event: 'stopped', code: 0 };
    logsInto(new Logger()).for('server').write('stopped', { code: 0 });
    logsInto(new Logger('Company')).for('server').write('stopped', { code: 0 });
    expect(calls).toEqual([
      ['log', 'stopped', fields, TARGET],
      ['log', 'stopped', { target: TARGET, ...fields }, 'Company'],
    ]);
    Logger.overrideLogger(false);
    expect(logsInto(new Logger()).for('server').writes('error')).toBe(false);
  });

  it('is filtered by a filter before its own levels', () => {
    const { logger, calls } = nestLogger();
    const logs = logsInto(logger, 'warn,cairn_signal::server=debug');
    writeAll(logs);
    logs.for('reload').write('nothing_to_reload');
    logs.for('backplane').write('bus_lost');
    expect(calls.map(([level]) => level)).toEqual(['debug', 'log', 'warn', 'error', 'warn']);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('broken');
      },
    ],
    ['rejects', () => Promise.reject(new Error('broken'))],
  ])('hurts nobody when it %s, and the lines are counted', async (_how, broken) => {
    const logs = logsInto({ log: broken, warn: broken, error: broken });
    writeAll(logs);
    await Promise.resolve();
    expect(logs.dropped).toBe(3);
  });
});

describe('a pino logger', () => {
  it('gets lines with their fields, and the target', () => {
    const { logger, lines } = pinoLogger({ level: 'trace' });
    writeAll(logsInto(logger));
    expect(lines).toEqual(
      WRITTEN.map(([, msg, fields, target], i) => ({ level: 10 * (i + 1), target, ...(fields as object), msg })),
    );
  });

  it('decides by its own level', () => {
    const { logger, lines } = pinoLogger({ level: 'warn' });
    const logs = logsInto(logger);
    writeAll(logs);
    expect(lines.map(({ level }) => level)).toEqual([40, 50]);
    expect(LEVELS.filter((level) => logs.for('server').writes(level))).toEqual(['warn', 'error']);
  });

  it.each([
    ['debug', [20, 30, 40, 50]],
    ['warn', [40, 50]],
    ['off', []],
  ])('is filtered by a filter in place of its own level: %s', (filter, written) => {
    const { logger, lines } = pinoLogger();
    writeAll(logsInto(logger, filter));
    expect(lines.map(({ level }) => level)).toEqual(written);
  });

  it('keeps what it was made with', () => {
    const { logger, lines } = pinoLogger({
      messageKey: 'message',
      redact: ['code'],
      mixin: () => ({ service: 'company' }),
    });
    logsInto(logger.child({ module: 'signaling' }))
      .for('server')
      .write('stopped', { code: 0 });
    const made = { module: 'signaling', service: 'company', message: 'stopped' };
    expect(lines).toEqual([{ level: 30, ...made, target: TARGET, event: 'stopped', code: '[Redacted]' }]);
  });

  it('may be one whose level is a method, as that of bunyan', () => {
    const calls: unknown[][] = [];
    const keep = (...args: unknown[]): void => void calls.push(args);
    const child = { trace: keep, debug: keep, info: keep, warn: keep, error: keep, level: () => 20 };
    const logs = logsInto({ ...child, child: (bindings: object) => (calls.push([bindings]), child) }, 'warn');
    writeAll(logs);
    expect(calls).toEqual([
      [{ target: 'nest' }],
      [{ target: TARGET }],
      ...WRITTEN.slice(3).map(([, message, fields]) => [fields, message]),
    ]);
  });

  it('may be one without children, as PinoLogger of nestjs-pino', () => {
    const calls: unknown[][] = [];
    const keep = (...args: unknown[]): void => void calls.push(args);
    const logger = { trace: keep, debug: keep, info: keep, warn: keep, error: keep, setContext: keep };
    expect(loggerFault(logger)).toBeUndefined();
    logsInto(logger, 'info').for('server').write('stopped', { code: 0 });
    expect(calls).toEqual([[{ target: TARGET, event: 'stopped', code: 0 }, 'stopped']]);
  });
});

describe('what is no logger', () => {
  it.each([[null], [5], ['console'], [{}], [() => undefined], [{ log: () => undefined }]])('%p', (value) => {
    expect(loggerFault(value)).toBe('logger: expected a LoggerService of Nest, or a pino logger');
  });

  it('winston, whose methods only look like those of a LoggerService', () => {
    const method = (): void => undefined;
    expect(loggerFault({ log: method, warn: method, error: method, info: method, transports: [], levels: {} })).toMatch(
      /^logger: a winston logger .*wrap it/,
    );
  });

  it('but these are', () => {
    for (const value of [new Logger(), new ConsoleLogger(), pino(), console]) {
      expect(loggerFault(value)).toBeUndefined();
    }
  });
});
