import type { Clock } from './clock.js';

/** Something took longer than it may. */
export class TooLate extends Error {
  override readonly name = 'TooLate';
}

/** What `work` gives. Rejects as it does, or with TooLate where it takes more than so many milliseconds; it goes on unheard then. */
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
