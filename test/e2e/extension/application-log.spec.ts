import { ConsoleLogger } from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { CairnSignalModule, ConfigurationError, LogFilter, Logs } from '../../../src/embedding.js';
import type { CairnSignalOptions } from '../../../src/embedding.js';
import { closeMounted, mount } from '../../support/mounted-application.js';
import { Peer } from '../../support/peer.js';

const before = process.env.RUST_LOG;
afterEach(async () => {
  await closeMounted();
  if (before === undefined) delete process.env.RUST_LOG;
  else process.env.RUST_LOG = before;
});

type Line = Record<string, unknown>;

/**
 * Lets a peer subscribe and relay to a secret topic with a secret token, and returns what the application's log got.
 */
async function written(options: CairnSignalOptions, lines: readonly unknown[]): Promise<string> {
  const { url } = await mount({ ...options, settings: { authToken: 's3cret-token' } });
  const peer = await Peer.connect(url, { headers: { Authorization: 'Bearer s3cret-token' } });
  peer.subscribe('s3cret-topic');
  peer.relay('s3cret-topic', 's3cret-payload');
  await peer.sync();
  await Peer.refused(url, { headers: { Authorization: 'Bearer s3cret-other' } });
  return JSON.stringify(lines);
}

function collectingPino(level: string): { logger: pino.Logger; lines: Line[] } {
  const lines: Line[] = [];
  return { lines, logger: pino({ level }, { write: (line: string) => void lines.push(JSON.parse(line) as Line) }) };
}

describe("the server's log in the application's logger", () => {
  it('has its fields, at the level of a pino logger, and no secret', async () => {
    delete process.env.RUST_LOG;
    const { logger, lines } = collectingPino('trace');
    const text = await written({ logger }, lines);
    expect(lines).toContainEqual(
      expect.objectContaining({ level: 20, target: 'cairn_signal::relay', msg: 'subscribed', connection: 1 }),
    );
    expect(lines).toContainEqual(expect.objectContaining({ target: 'cairn_signal::upgrade', reason: 'token_wrong' }));
    expect(text).not.toContain('s3cret');
  });

  it('has its fields in a LoggerService', async () => {
    delete process.env.RUST_LOG;
    const lines: unknown[][] = [];
    class Collecting extends ConsoleLogger {
      override debug = (...line: unknown[]) => void lines.push(line);
      override log = this.debug;
      override warn = this.debug;
    }
    const text = await written({ logger: new Collecting() }, lines);
    expect(lines).toContainEqual([
      'subscribed',
      { event: 'subscribed', connection: 1, topicDigest: expect.any(String) },
      'cairn_signal::relay',
    ]);
    // What is undefined is left out, as from our own lines: not `toContainEqual`, which does not tell it.
    const connected = lines.find(([message]) => message === 'connected');
    expect(connected).toStrictEqual(['connected', { event: 'peer_connected', connection: 1 }, 'cairn_signal::upgrade']);
    expect(text).not.toContain('s3cret');
  });

  it('is filtered by RUST_LOG, where that is set', async () => {
    process.env.RUST_LOG = 'off,cairn_signal::relay=debug';
    const { logger, lines } = collectingPino('info');
    await written({ logger }, lines);
    expect(lines.map(({ target, msg }) => [target, msg])).toEqual([['cairn_signal::relay', 'subscribed']]);
  });

  it('is filtered by a LogFilter before that', async () => {
    process.env.RUST_LOG = 'trace';
    const { logger, lines } = collectingPino('trace');
    await written({ logger, logFilter: LogFilter.parse('off')! }, lines);
    expect(lines).toEqual([]);
  });

  it('says so where RUST_LOG is no filter', async () => {
    process.env.RUST_LOG = 'chatty';
    const { logger, lines } = collectingPino('trace');
    await written({ logger }, lines);
    expect(lines[0]).toMatchObject({ level: 40, msg: expect.stringMatching(/^RUST_LOG is not a list/) });
  });
});

describe('faults of the log', () => {
  const logs = new Logs({ format: 'json', destination: { write: () => undefined } });

  it.each([
    ['a logger that is none', { logger: {} }, /^logger: expected/],
    ['a filter that is none', { logFilter: 'info' }, /^logFilter: expected a LogFilter/],
    ['two logs', { logs, logger: pino() }, /^logs: /],
  ])('%s', (_what, options, fault) => {
    const make = (): unknown => CairnSignalModule.forRoot(options as CairnSignalOptions);
    expect(make).toThrow(ConfigurationError);
    expect(make).toThrow(fault);
  });
});
