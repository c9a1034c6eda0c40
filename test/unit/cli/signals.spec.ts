import { EventEmitter } from 'node:events';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { listenForSignals } from '../../../src/cli/signals.js';
import type { Signals } from '../../../src/cli/signals.js';
import { ManualClock } from '../../support/manual-clock.js';

describe('signals', () => {
  let clock: ManualClock;
  let source: EventEmitter;
  let signals: Signals;
  let terminalGone: boolean;

  beforeEach(() => listen(false));

  function listen(onTerminal: boolean): void {
    clock = new ManualClock();
    terminalGone = false;
    source = new EventEmitter();
    signals = listenForSignals(
      {
        on: (signal, listener) => source.on(signal, listener),
        onTerminal,
        isTerminalGone: () => terminalGone,
      },
      clock,
    );
  }

  /** What has been decided so far; nothing for what has not. */
  async function decided(): Promise<readonly [first: unknown, second: unknown]> {
    const nothing = Promise.resolve();
    return [await Promise.race([signals.first, nothing]), await Promise.race([signals.second, nothing])];
  }

  it.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
    ['SIGQUIT', 131],
  ])('%s asks for the end, and later for the end at once', async (signal, code) => {
    source.emit(signal);
    expect(await decided()).toEqual([signal, undefined]);
    clock.pass(501);
    source.emit(signal);
    expect(await decided()).toEqual([signal, code]);
  });

  it('within half a second of the first say the same, as under npm, where Ctrl-C arrives twice', async () => {
    source.emit('SIGINT');
    source.emit('SIGINT');
    clock.pass(500);
    source.emit('SIGTERM');
    expect(await decided()).toEqual(['SIGINT', undefined]);
    clock.pass(1);
    source.emit('SIGTERM');
    expect(await decided()).toEqual(['SIGINT', 143]);
  });

  it('SIGHUP reloads, before somebody listens too', async () => {
    let reloads = 0;
    source.emit('SIGHUP');
    signals.onHangup(() => (reloads += 1));
    expect(reloads).toBe(1);
    source.emit('SIGHUP');
    expect([reloads, await decided()]).toEqual([2, [undefined, undefined]]);
  });

  it('SIGHUP reloads on a terminal that is there', async () => {
    listen(true);
    let reloads = 0;
    signals.onHangup(() => (reloads += 1));
    source.emit('SIGHUP');
    expect([reloads, await decided()]).toEqual([1, [undefined, undefined]]);
  });

  it('SIGHUP asks for the end when the terminal is closed, and later for the end at once', async () => {
    listen(true);
    terminalGone = true;
    source.emit('SIGHUP');
    source.emit('SIGHUP');
    expect(await decided()).toEqual(['SIGHUP', undefined]);
    clock.pass(501);
    source.emit('SIGHUP');
    expect(await decided()).toEqual(['SIGHUP', 129]);
  });

  it('SIGHUP reloads where there never was a terminal, as under a supervisor', async () => {
    terminalGone = true;
    let reloads = 0;
    signals.onHangup(() => (reloads += 1));
    source.emit('SIGHUP');
    expect([reloads, await decided()]).toEqual([1, [undefined, undefined]]);
  });

  it.each(['SIGUSR1', 'SIGUSR2'])('%s does nothing, and is told', async (signal) => {
    source.emit(signal);
    const told: string[] = [];
    signals.onIgnored((name) => told.push(name));
    source.emit(signal);
    expect([told, await decided()]).toEqual([[signal], [undefined, undefined]]);
  });
});
