import { closeSync, openSync } from 'node:fs';

const STOPS = ['SIGTERM', 'SIGINT'] as const;
/** Exit code for each signal that ends the process immediately: 128 plus the number of the signal. */
const ENDED_BY = { SIGTERM: 143, SIGINT: 130, SIGHUP: 129 };

/** The signals that the system sends to the process. */
export interface Signals {
  /** Resolves to the name of the first stop signal, which asks for an orderly stop. */
  readonly first: Promise<keyof typeof ENDED_BY>;
  /** Resolves to the exit code for a second stop signal, which asks for an immediate one. */
  readonly second: Promise<number>;
  /** Calls `reload` for every SIGHUP, and immediately if one has already come. */
  onHangup(reload: () => void): void;
}

/**
 * Starts listening. Call it before anything that takes time: process 1 of a container loses a signal that nobody
 * listens for.
 */
export function listenForSignals(): Signals {
  const { promise: first, resolve: onFirst } = withResolvers<keyof typeof ENDED_BY>();
  const { promise: second, resolve: onSecond } = withResolvers<number>();
  let stops = 0;
  const stop = (signal: keyof typeof ENDED_BY): void => {
    stops += 1;
    if (stops === 1) onFirst(signal);
    else onSecond(ENDED_BY[signal]);
  };
  for (const signal of STOPS) process.on(signal, () => stop(signal));

  let reload: (() => void) | undefined;
  let missed = false;
  process.on('SIGHUP', () => {
    if (isTerminalGone()) stop('SIGHUP');
    else if (reload === undefined) missed = true;
    else reload();
  });
  const onHangup = (listener: () => void): void => {
    reload = listener;
    if (missed) listener();
  };
  return { first, second, onHangup };
}

/** Whether the terminal of the process was closed, which is the other reason for a SIGHUP. */
function isTerminalGone(): boolean {
  if (!process.stdin.isTTY && !process.stdout.isTTY) return false;
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return false;
  } catch {
    return true;
  }
}

/** Promise.withResolvers, which Node 20 lacks. */
function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
