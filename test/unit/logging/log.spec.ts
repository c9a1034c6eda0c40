import { PassThrough } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { Logs } from '../../../src/logging/log.js';
import { LOG_LEVELS, LogFilter } from '../../../src/logging/log-filter.js';
import { LEVELS, writeAll } from '../../support/log-lines.js';

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

interface Line {
  readonly level: string;
  readonly target: string;
  readonly msg: string;
}

const parsed = (lines: readonly string[]): Line[] => lines.map((line) => JSON.parse(line) as Line);
const levels = (lines: readonly string[]): string[] => parsed(lines).map(({ level }) => level);

describe('a log in JSON', () => {
  it('writes one line per message, with level name, time, target, event, fields and message', () => {
    const { lines, logs } = jsonLogs();
    const fields = { address: '127.0.0.1:443', tls: 'on', auth: 'on', jwt: 'off' };
    logs.for('server').write('listening', fields, { where: 'wss://127.0.0.1:443' });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(
      /^\{"level":"info","time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z","target":"cairn_signal::server","event":"listening",.*\}\n$/,
    );
    expect(JSON.parse(lines[0])).toEqual({
      level: 'info',
      time: expect.any(String),
      target: 'cairn_signal::server',
      event: 'listening',
      ...fields,
      msg: 'listening on wss://127.0.0.1:443',
    });
  });

  it('says nothing of the process or the machine', () => {
    const { lines, logs } = jsonLogs();
    logs.for('reload').write('nothing_to_reload');
    expect(Object.keys(JSON.parse(lines[0]) as object)).toEqual(['level', 'time', 'target', 'event', 'msg']);
  });

  it('keeps a message on one line, and does not treat it as a format string', () => {
    const { lines, logs } = jsonLogs();
    const warning = 'two\nlines %s %d %o {warning} $& \u001B[31m';
    logs.for('server').write('start_warning', {}, { warning });
    expect(lines[0].trimEnd()).not.toMatch(/[\n\u001B]/);
    expect(parsed(lines)).toEqual([expect.objectContaining({ msg: warning })]);
  });

  it("writes Nest's lines under its own name", () => {
    const { lines, logs } = jsonLogs();
    logs.for('nest').write('nest_warning', { context: 'Watcher' }, { text: 'x' });
    expect(parsed(lines)).toEqual([expect.objectContaining({ target: 'nest', event: 'nest_warning', msg: 'x' })]);
  });

  it('leaves out what is undefined', () => {
    const { lines, logs } = jsonLogs();
    logs.for('server').write('stopping', { signal: 'SIGTERM', fault: undefined });
    expect(parsed(lines)).toEqual([expect.not.objectContaining({ fault: expect.anything() })]);
  });
});

describe('the level of a log', () => {
  it('is info without RUST_LOG', () => {
    const { lines, logs } = jsonLogs();
    writeAll(logs);
    expect(levels(lines)).toEqual(['info', 'warn', 'error']);
  });

  it.each(LOG_LEVELS)('%s writes the lines of that level and those above it', (level) => {
    const { lines, logs } = jsonLogs(level);
    writeAll(logs);
    expect(levels(lines)).toEqual(LOG_LEVELS.slice(LOG_LEVELS.indexOf(level)).filter((written) => written !== 'off'));
  });

  it('is that of its target', () => {
    const { lines, logs } = jsonLogs('warn,cairn_signal::server=debug,nest=off');
    writeAll(logs);
    logs.for('nest').write('nest_error', {}, { text: 'left out' });
    logs.for('auth').write('issuer_keys_back', { issuer: 'left out', keys: 1 });
    logs.for('auth').write('tokens_warning', {}, { warning: 'w' });
    expect(parsed(lines).map(({ target, level }) => `${target} ${level}`)).toEqual([
      ...['debug', 'info', 'warn', 'error'].map((level) => `cairn_signal::server ${level}`),
      'cairn_signal::auth warn',
    ]);
  });

  it.each(LOG_LEVELS)('is what writes() reports: %s', (least) => {
    const { lines, logs } = jsonLogs(least);
    writeAll(logs);
    expect(LEVELS.filter((level) => logs.for('server').writes(level))).toEqual(levels(lines));
  });
});

describe('a log for people', () => {
  function pretty(): { logs: Logs; written: () => unknown } {
    const destination = new PassThrough({ encoding: 'utf8' });
    return { logs: new Logs({ format: 'pretty', destination }), written: () => destination.read() };
  }

  it('writes time, level, target, message and fields on one line, synchronously, without the event', () => {
    const { logs, written } = pretty();
    logs.for('drain').write('draining', { connections: 443, spreadMs: 7 });
    expect(written()).toMatch(
      /^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: cairn_signal::drain: draining \{"connections":443,"spreadMs":7\}\n$/,
    );
  });

  it('is filtered like one in JSON', () => {
    const { logs, written } = pretty();
    logs.for('server').write('operator_code_error', { error: 'e' });
    expect(written()).toBeNull();
  });

  it('writes to the same destinations as one in JSON', () => {
    const lines: string[] = [];
    const logs = new Logs({ format: 'pretty', destination: { write: (line: string) => void lines.push(line) } });
    logs.for('backplane').write('bus_lost');
    expect(lines).toEqual([expect.stringMatching(/ WARN: cairn_signal::backplane: lost the bus, .* only\n$/)]);
  });
});
