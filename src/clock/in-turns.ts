import { setImmediate } from 'node:timers/promises';

/** Long work that pauses often: each `yield` is a place where others may have their turn. */
export type Work<T> = Generator<void, T>;

/** Milliseconds of work in one turn of the event loop. */
const SLICE_MS = 4;

/**
 * Does long work in slices of a few milliseconds, so that the event loop serves others meanwhile. Rejects with what it
 * throws.
 */
export async function inTurns<T>(work: Work<T>): Promise<T> {
  let until = performance.now() + SLICE_MS;
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
    if (performance.now() < until) continue;
    await setImmediate();
    until = performance.now() + SLICE_MS;
  }
}

/** Does the same work in one go, where nobody waits. Returns its result, and throws what it throws. */
export function inOneGo<T>(work: Work<T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
  }
}
