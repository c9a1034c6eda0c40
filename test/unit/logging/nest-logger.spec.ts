import { Logger } from '@nestjs/common';
import { describe, expect, it } from '@jest/globals';
import { Logs } from '../../../src/logging/log.js';
import { LogFilter } from '../../../src/logging/log-filter.js';
import { NestLogger } from '../../../src/logging/nest-logger.js';

function nestLogger(rustLog: string): { logger: NestLogger; lines: object[] } {
  const lines: object[] = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line) as object) };
  return {
    logger: new NestLogger(new Logs({ format: 'json', filter: LogFilter.parse(rustLog)!, destination })),
    lines,
  };
}

describe("Nest's own lines", () => {
  it.each([
    ['log', 'debug'],
    ['debug', 'debug'],
    ['verbose', 'trace'],
    ['warn', 'warn'],
    ['error', 'error'],
    ['fatal', 'error'],
  ] as const)('%s is written at %s under the target nest, with the class that logged it', (method, level) => {
    const { logger, lines } = nestLogger('trace');
    logger[method]('a message', 'RouterExplorer');
    expect(lines).toEqual([
      {
        level,
        time: expect.any(String),
        target: 'nest',
        event: `nest_${level === 'warn' ? 'warning' : level}`,
        context: 'RouterExplorer',
        msg: 'a message',
      },
    ]);
  });

  it('are not written at info, except for warnings and errors', () => {
    const { logger, lines } = nestLogger('info');
    for (const method of ['log', 'debug', 'verbose', 'warn', 'error', 'fatal'] as const) logger[method](method);
    expect(lines).toEqual(['warn', 'error', 'fatal'].map((msg) => expect.objectContaining({ msg })));
  });

  it('obey RUST_LOG=nest=...', () => {
    const { logger, lines } = nestLogger('info,nest=off');
    logger.error('a message');
    expect(lines).toEqual([]);
  });

  it('keep the stack trace of an error in a field of its own', () => {
    const { logger, lines } = nestLogger('info');
    logger.error('a message', 'Error: a message\n    at somewhere', 'ExceptionsHandler');
    expect(lines).toEqual([
      expect.objectContaining({
        msg: 'a message',
        stack: 'Error: a message\n    at somewhere',
        context: 'ExceptionsHandler',
      }),
    ]);
  });

  it('say what an error says', () => {
    const { logger, lines } = nestLogger('info');
    logger.error(new TypeError('a message'), 'ExceptionsHandler');
    expect(lines).toEqual([expect.objectContaining({ msg: 'TypeError: a message', context: 'ExceptionsHandler' })]);
  });

  it('leave out the error that ends a start: the caller of createApp explains it', () => {
    const { logger, lines } = nestLogger('trace');
    logger.error(new Error('listen EADDRINUSE'), 'ExceptionHandler');
    expect(lines).toEqual([]);
  });

  it('say what an object holds', () => {
    const { logger, lines } = nestLogger('info');
    logger.warn({ event: 'slow', ms: 12 }, 'Watcher');
    expect(JSON.stringify(lines)).not.toContain('[object Object]');
    expect(JSON.stringify(lines)).toContain('slow');
  });

  it("arrive through Nest's Logger, which puts the context last", () => {
    const { logger, lines } = nestLogger('info');
    Logger.overrideLogger(logger);
    try {
      new Logger('RoutesResolver').warn('a message');
    } finally {
      Logger.overrideLogger(false);
    }
    expect(lines).toEqual([expect.objectContaining({ level: 'warn', msg: 'a message', context: 'RoutesResolver' })]);
  });

  it('do not mistake a second message for a stack trace', () => {
    const { logger, lines } = nestLogger('info');
    logger.warn('first', 'second', 'Watcher');
    expect(lines[0]).not.toHaveProperty('stack');
  });
});
