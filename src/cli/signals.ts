const SIGNALS = ['SIGTERM', 'SIGINT'] as const;
/** Exit codes of a process that a signal ended at once: 128 and the signal's number. */
const ENDED_BY = { SIGTERM: 143, SIGINT: 130 };

/** What the system asks of the process. */
export interface StopSignals {
  /** Resolves to the name of the first signal: end in order. */
  readonly first: Promise<string>;
  /** Resolves to the exit code for a second one: end at once. */
  readonly second: Promise<number>;
}

/** Listens from the call on. Called before anything that takes time: as process 1 of a container, a signal nobody listens to is lost. */
export function listenForSignals(): StopSignals {
  const { promise: first, resolve: onFirst } = withResolvers<string>();
  const { promise: second, resolve: onSecond } = withResolvers<number>();
  let count = 0;
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      count += 1;
      if (count === 1) onFirst(signal);
      else onSecond(ENDED_BY[signal]);
    });
  }
  return { first, second };
}

/** Promise.withResolvers, which Node 20 lacks. */
function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
