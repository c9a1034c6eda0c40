import { closeSync, openSync } from 'node:fs';
import { constants } from 'node:os';
import { isatty } from 'node:tty';
import { SystemClock } from '../clock/clock.js';
import type { Clock } from '../clock/clock.js';

/** Signals that end the server in order. SIGQUIT is Ctrl-\, and how some supervisors stop nginx. */
const STOPS = ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const;
/**
 * Signals that mean nothing here, but would end the process (SIGUSR2) or open a debugger that everybody on the machine
 * can use (SIGUSR1) if nobody listened to them.
 */
const IGNORED = ['SIGUSR1', 'SIGUSR2'] as const;
/**
 * Milliseconds after the first signal in which others say the same: under npm, Ctrl-C comes from the terminal and from
 * npm.
 */
const SAME_WISH_MS = 500;

export type StopSignal = (typeof STOPS)[number] | 'SIGHUP';

/** The signals that the system sends to the process. */
export interface Signals {
  /** Resolves to the name of the first stop signal, which asks for an orderly stop. */
  readonly first: Promise<StopSignal>;
  /** Resolves to the exit code for a second stop signal, later than half a second, which asks for an immediate one. */
  readonly second: Promise<number>;
  /** Whether the process was started on a terminal, so that SIGINT is Ctrl-C. */
  readonly onTerminal: boolean;
  /** Calls `reload` for every SIGHUP, and immediately if one has already come. */
  onHangup(reload: () => void): void;
  /** Has `tell` called with the name of every signal that does nothing. */
  onIgnored(tell: (signal: string) => void): void;
}

/** What signals are listened to on, and what a terminal is told by. Tests replace it. */
export interface SignalSource {
  on(signal: NodeJS.Signals, listener: () => void): unknown;
  /** Whether the process was started on a terminal. */
  readonly onTerminal: boolean;
  /** Whether that terminal has been closed, which is the other reason for a SIGHUP. */
  isTerminalGone(): boolean;
}

/**
 * Starts listening. Call it before anything that takes time: process 1 of a container loses a signal that nobody
 * listens for.
 */
export function listenForSignals(source: SignalSource = systemSource(), clock: Clock = new SystemClock()): Signals {
  const { promise: first, resolve: onFirst } = withResolvers<StopSignal>();
  const { promise: second, resolve: onSecond } = withResolvers<number>();
  let firstAt: number | undefined;
  const stop = (signal: StopSignal): void => {
    const now = clock.monotonic();
    firstAt ??= now;
    onFirst(signal);
    // Exit code of a process that a signal ended: 128 and the signal's number.
    if (now - firstAt > SAME_WISH_MS) onSecond(128 + constants.signals[signal]);
  };
  for (const signal of STOPS) source.on(signal, () => stop(signal));

  let reload: (() => void) | undefined;
  let missed = false;
  source.on('SIGHUP', () => {
    if (source.onTerminal && source.isTerminalGone()) stop('SIGHUP');
    else if (reload === undefined) missed = true;
    else reload();
  });
  const onHangup = (listener: () => void): void => {
    reload = listener;
    if (missed) listener();
  };

  let tell: (signal: string) => void = () => undefined;
  for (const signal of IGNORED) source.on(signal, () => tell(signal));
  const onIgnored = (listener: typeof tell): void => {
    tell = listener;
  };
  return { first, second, onTerminal: source.onTerminal, onHangup, onIgnored };
}

function systemSource(): SignalSource {
  return {
    on: (signal, listener) => process.on(signal, listener),
    // Asked now: nothing is a terminal any more once it has been closed.
    onTerminal: [0, 1, 2].some((descriptor) => isatty(descriptor)),
    isTerminalGone: () => {
      try {
        closeSync(openSync('/dev/tty', 'r'));
        return false;
      } catch {
        return true;
      }
    },
  };
}

/** Promise.withResolvers, which Node 20 lacks. */
function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
