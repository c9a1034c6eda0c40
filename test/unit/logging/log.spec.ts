import { PassThrough } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { Logs } from '../../../src/logging/log.js';
import type { Log } from '../../../src/logging/log.js';
import { LOG_LEVELS, LogFilter } from '../../../src/logging/log-filter.js';

/** Makes a JSON log that is filtered by `rustLog`, and collects its lines. */
function jsonLogs(rustLog?: string) {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  return {
    lines,
    logs: new Logs({
      format: 'json',
      destination,
      ...(rustLog === undefined ? {} : { filter: LogFilter.parse(rustLog)! }),
    }),
  };
}

function messages(lines: readonly string[]): string[] {
  return lines.map((line) => (JSON.parse(line) as { msg: string }).msg);
}

function writeAll(log: Log, prefix = ''): void {
  for (const level of ['trace', 'debug', 'info', 'warn', 'error'] as const) log[level](`${prefix}${level}`);
}

describe('a log in JSON', () => {
  it('writes one line per message, with level name, time, target, fields and message', () => {
    const { lines, logs } = jsonLogs();
    logs.for('server').info('listening', { port: 443, tls: 'on' });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(
      /^\{"level":"info","time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z","target":"cairn_signal::server",.*\}\n$/,
    );
    expect(JSON.parse(lines[0])).toEqual({
      level: 'info',
      time: expect.any(String),
      target: 'cairn_signal::server',
      port: 443,
      tls: 'on',
      msg: 'listening',
    });
  });

  it('says nothing of the process or the machine', () => {
    const { lines, logs } = jsonLogs();
    logs.for('server').info('x');
    expect(Object.keys(JSON.parse(lines[0]) as object)).toEqual(['level', 'time', 'target', 'msg']);
  });

  it('keeps a message on one line, and does not treat it as a format string', () => {
    const { lines, logs } = jsonLogs();
    logs.for('server').warn('two\nlines %s %d %o \u001B[31m');
    expect(lines[0].trimEnd()).not.toMatch(/[\n\u001B]/);
    expect(messages(lines)).toEqual(['two\nlines %s %d %o \u001B[31m']);
  });

  it('writes under the full name of a target', () => {
    const { lines, logs } = jsonLogs();
    logs.forTarget('nest').info('x');
    expect(JSON.parse(lines[0])).toMatchObject({ target: 'nest' });
  });
});

describe('the level of a log', () => {
  it('is info without RUST_LOG', () => {
    const { lines, logs } = jsonLogs();
    writeAll(logs.for('relay'));
    expect(messages(lines)).toEqual(['info', 'warn', 'error']);
  });

  it.each(LOG_LEVELS)('%s writes the lines of that level and those above it', (level) => {
    const { lines, logs } = jsonLogs(level);
    writeAll(logs.for('relay'));
    expect(messages(lines)).toEqual(LOG_LEVELS.slice(LOG_LEVELS.indexOf(level)).filter((written) => written !== 'off'));
  });

  it('is that of its target', () => {
    const { lines, logs } = jsonLogs('warn,cairn_signal::relay=trace,nest=off');
    writeAll(logs.for('relay'), 'relay ');
    writeAll(logs.for('server'), 'server ');
    writeAll(logs.forTarget('nest'), 'nest ');
    expect(messages(lines)).toEqual([
      'relay trace',
      'relay debug',
      'relay info',
      'relay warn',
      'relay error',
      'server warn',
      'server error',
    ]);
  });

  it.each(LOG_LEVELS)('is what writes() reports: %s', (least) => {
    for (const level of ['trace', 'debug', 'info', 'warn', 'error'] as const) {
      const { lines, logs } = jsonLogs(least);
      const log = logs.for('relay');
      log[level]('x');
      expect(log.writes(level)).toBe(lines.length === 1);
    }
  });
});

describe('a log for people', () => {
  function pretty(): { logs: Logs; written: () => unknown } {
    const destination = new PassThrough({ encoding: 'utf8' });
    return { logs: new Logs({ format: 'pretty', destination }), written: () => destination.read() };
  }

  it('writes time, level, target, message and fields on one line, synchronously', () => {
    const { logs, written } = pretty();
    logs.for('server').info('listening', { port: 443, tls: { on: true } });
    expect(written()).toMatch(
      /^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: cairn_signal::server: listening \{"port":443,"tls":\{"on":true\}\}\n$/,
    );
  });

  it('is filtered like one in JSON', () => {
    const { logs, written } = pretty();
    logs.for('server').debug('listening');
    expect(written()).toBeNull();
  });

  it('writes to the same destinations as one in JSON', () => {
    const lines: string[] = [];
    const logs = new Logs({ format: 'pretty', destination: { write: (line: string) => void lines.push(line) } });
    logs.for('server').info('listening');
    expect(lines).toEqual([expect.stringMatching(/ INFO: cairn_signal::server: listening\n$/)]);
  });
});
