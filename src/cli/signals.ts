import { closeSync, openSync } from 'node:fs';

const STOPS = ['SIGTERM', 'SIGINT'] as const;
/** Exit codes of a process that a signal ended at once: 128 and the signal's number. */
const ENDED_BY = { SIGTERM: 143, SIGINT: 130, SIGHUP: 129 };

/** What the system asks of the process. */
export interface Signals {
  /** Resolves to the name of the first signal to stop: end in order. */
  readonly first: Promise<string>;
  /** Resolves to the exit code for a second one: end at once. */
  readonly second: Promise<number>;
  /** Has `reload` called for every SIGHUP, and at once for one that came before. */
  onHangup(reload: () => void): void;
}

/** Listens from the call on. Called before anything that takes time: as process 1 of a container, a signal nobody listens to is lost. */
export function listenForSignals(): Signals {
  const { promise: first, resolve: onFirst } = withResolvers<string>();
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

/** Whether the terminal that the process was started on has been closed, which is the other reason for a SIGHUP. */
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
