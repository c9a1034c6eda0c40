import type { Clock } from './clock.js';

/** Something took longer than allowed. */
export class TooLate extends Error {
  override readonly name = 'TooLate';
}

/** Returns whether an error is TooLate. Never throws, whatever was thrown: a proxy may. */
export function isTooLate(error: unknown): boolean {
  try {
    return error instanceof TooLate;
  } catch {
    return false;
  }
}

/**
 * Waits for `work`, at most a number of milliseconds. Rejects as `work` does, or with TooLate; then `work` continues
 * and its result is ignored.
 */
export async function within<T>(clock: Clock, milliseconds: number, work: Promise<T>): Promise<T> {
  const over = new AbortController();
  const passed = clock.sleep(milliseconds, over.signal).then(() => {
    if (!over.signal.aborted) throw new TooLate(`no answer within ${milliseconds} ms`);
    return work;
  });
  try {
    return await Promise.race([work, passed]);
  } finally {
    over.abort();
  }
}
