import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { messageOf } from '../../../src/logging/log-event.js';
import { LOG_FIELDS } from '../../../src/logging/log-fields.js';
import { LOG_EVENTS } from '../../../src/logging/log-table.js';
import type { LogEventRow } from '../../../src/logging/log-table.js';
import { logCalls } from '../../support/log-calls.js';
import { faultOf, LogCheck } from '../../support/log-faults.js';

const ROWS: readonly (readonly [part: string, event: string, row: LogEventRow])[] = Object.entries(LOG_EVENTS).flatMap(
  ([part, events]) => Object.entries<LogEventRow>(events).map(([event, row]) => [part, event, row] as const),
);
const EVENTS = ROWS.map(([, event]) => event);
const bare = (field: string): string => field.replace('?', '');

/** The server's code without comments, and without the table itself. */
const SOURCES = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && !name.endsWith('log-table.ts'))
  .map((name): [string, string] => [
    name,
    readFileSync(`src/${name}`, 'utf8').replaceAll(/^\s*(?:\/?\*|\/\/).*$/gm, ''),
  ]);

describe('the table of log events', () => {
  it('has each event once, and all names in snake case', () => {
    expect(EVENTS).toEqual([...new Set(EVENTS)]);
    expect(EVENTS.filter((event) => !/^[a-z]+(_[a-z]+)*$/.test(event))).toEqual([]);
  });

  it('has only fields that are described, and describes none in vain', () => {
    const used = new Set(ROWS.flatMap(([, , { fields }]) => fields.map(bare)));
    expect([...used].toSorted()).toEqual(Object.keys(LOG_FIELDS).toSorted());
  });

  it('has no field for what may hold a secret', () => {
    const secret = /^(topics?|payload|message|data|token|secret|credential|password|url|header|query)s?$/i;
    expect(Object.keys(LOG_FIELDS).filter((name) => secret.test(name))).toEqual([]);
  });

  it('lets every line that strangers can cause be throttled', () => {
    const throttled = ROWS.filter(([, , { fields }]) => fields.includes('unmentionedBefore?')).map(
      ([, event]) => event,
    );
    const writers = SOURCES.flatMap(([, text]) => [...text.matchAll(/#(\w+): ThrottledLog</g)].map(([, name]) => name));
    const written = SOURCES.filter(([, text]) => text.includes('ThrottledLog(')).flatMap(([, text]) =>
      writers.flatMap((name) =>
        [...text.matchAll(new RegExp(`#${name}\\.write\\(\\s*'(\\w+)'`, 'g'))].map(([, event]) => event),
      ),
    );
    expect(throttled).toEqual(expect.arrayContaining(written));
    expect(written.length).toBeGreaterThan(10);
  });

  it('fills in the words of a message as they are', () => {
    const row = LOG_EVENTS.backplane.bus_failed;
    expect(messageOf(row, { what: '$& {what}' })).toBe(
      '$& {what}; further failures are counted, and logged once a minute',
    );
    expect(messageOf(LOG_EVENTS.drain.draining)).toBe('draining');
  });
});

describe('the code of the server', () => {
  const { events, faults } = logCalls({
    'probe.ts': `
      import { Logger } from '@nestjs/common';
      import { pino } from 'pino';
      import type { Logger as Pino } from 'pino';
      import type { Log } from './logging/log.js';
      import { ThrottledLog } from './logging/throttled-log.js';
      type More = { code: number; topic: string };
      export function probe(log: Log<'server'>, slow: ThrottledLog<'auth'>, any: string, known: boolean, more: More) {
        console.log('a line');
        process.stdout.write('a line');
        process.emitWarning('a line');
        log.write(any);
        log.write(known ? 'stopped' : 'made_up', { code: 0 });
        log.write('stopped', { ...more });
        slow.write('guard_failed', { guard: 'A', ...more }, { what: 'threw' });
      }`,
  });
  const ofProbe = (fault: string): boolean => fault.startsWith('probe.ts:');

  it('logs by the table and in no other way, with the fields that an event has', () => {
    expect(faults.filter((fault) => !ofProbe(fault))).toEqual([]);
  });

  it('logs every event of the table, and no other', () => {
    expect([...events].toSorted()).toEqual([...EVENTS, 'made_up'].toSorted());
  });

  it('is seen where it does otherwise', () => {
    expect(faults.filter(ofProbe).map((fault) => fault.replace(/^probe\.ts:\d+ /, ''))).toEqual([
      'imports the logger Logger',
      'imports the logger pino',
      'uses console.log',
      'uses process.stdout.write',
      'uses process.emitWarning',
      'logs any, which may be any event',
      'gives made_up the field code, which it does not have',
      'gives stopped the field topic, which it does not have',
      'gives guard_failed the field code, which it does not have',
      'gives guard_failed the field topic, which it does not have',
    ]);
  });
});

describe('the check of lines in tests', () => {
  const line = {
    level: 'info',
    time: '2026-01-01T00:00:00.000Z',
    target: 'cairn_signal::drain',
    event: 'draining',
    connections: 1,
    spreadMs: 2,
    msg: 'draining',
  };

  it('lets pass what is as in the table', () => {
    expect(faultOf(line)).toBeUndefined();
    const stopping = { ...line, target: 'cairn_signal::server', event: 'stopping', msg: 'stopping', signal: 'SIGTERM' };
    expect(faultOf(stopping)).toBe('stopping: has no field connections');
  });

  it.each<[string, object, string]>([
    ['an event of no part', { event: 'drained' }, 'there is no event drained of cairn_signal::drain'],
    [
      'an event of another part',
      { target: 'cairn_signal::server' },
      'there is no event draining of cairn_signal::server',
    ],
    ['no event', { event: undefined }, 'there is no event undefined of cairn_signal::drain'],
    ['another level', { level: 'warn' }, 'draining: is at warn, not at info'],
    ['no time', { time: 'soon' }, 'draining: has no time'],
    ['other words', { msg: 'draining now' }, 'draining: does not say "draining"'],
    ['a field too many', { topic: 'x' }, 'draining: has no field topic'],
    [
      'a message without one of its words',
      {
        target: 'cairn_signal::server',
        event: 'listening_too',
        msg: 'listen-addr has several addresses: listening on , too',
        connections: undefined,
      },
      'listening_too: does not say "{setting} has several addresses: listening on {where}, too"',
    ],
    ['another type', { spreadMs: '2' }, 'draining: spreadMs is no number'],
  ])('tells of %s', (_, changed, fault) => {
    expect(faultOf({ ...line, ...changed })).toBe(fault);
    const check = new LogCheck();
    check.output(`readable\n${JSON.stringify({ ...line, ...changed })}\n{"level":"torn\n`);
    expect(() => check.done()).toThrow(fault);
    expect(() => check.done()).not.toThrow();
  });

  it('tells of a field too few', () => {
    const { spreadMs: _, ...rest } = line;
    expect(faultOf(rest)).toBe('draining: lacks spreadMs');
  });
});
