import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { StartupError } from './faults.js';

/** How long, in milliseconds, files must stay as they are before they are believed. */
export const SETTLED_MS = 1000;
/** How often that is tried at the start; then somebody should look. */
const MOST_TRIES = 10;

/** What is needed of a clock: see Clock. */
interface Time {
  now(): number;
  sleep(milliseconds: number, over?: AbortSignal): Promise<void>;
}

/**
 * What `read` makes of files that may be written just now: a file that is written in two steps has a beginning, and a token's beginning would be a token. So
 * they are looked at twice, SETTLED_MS apart, and `read` is called once they are the same, and again should they change under it. Files that have been as they are
 * for longer are read at once. Rejects with what `read` throws of files that are settled, and with a StartupError that names them where they never are.
 */
export async function readAtStart<T>(paths: readonly string[], time: Time, read: () => T): Promise<T> {
  const wait = !paths.every((path) => isOld(path, time.now()));
  const done = await readSettled(paths, time, read, { wait, tries: MOST_TRIES });
  if (done === undefined) {
    throw new StartupError(
      `${paths.map((path) => JSON.stringify(path)).join(', ')}: changed again and again while it was read`,
    );
  }
  return done.read;
}

/** The same for files that changed, which takes as long as they go on changing. Undefined where `over` came first. */
export function readAgain<T>(
  paths: readonly string[],
  time: Time,
  read: () => T,
  over: AbortSignal,
): Promise<{ readonly read: T } | undefined> {
  return readSettled(paths, time, read, { wait: true, tries: Infinity, over });
}

async function readSettled<T>(
  paths: readonly string[],
  time: Time,
  read: () => T,
  { wait, tries, over }: { wait: boolean; tries: number; over?: AbortSignal },
): Promise<{ read: T } | undefined> {
  let seen = printOf(paths);
  /** Takes a second look: whether nothing has changed since the first. */
  const same = (): boolean => {
    const before = seen;
    seen = printOf(paths);
    return seen === before;
  };
  for (let tried = 0; tried < tries; tried++) {
    if (wait || tried > 0) await time.sleep(SETTLED_MS, over);
    if (over?.aborted === true) return undefined;
    if (!same()) continue;
    try {
      const done = { read: read() };
      if (same()) return done;
    } catch (error) {
      if (same()) throw error;
    }
  }
  return undefined;
}

/** What of files changes when they do: where links lead, times, size, and what is in them. Of what can be read only once, such as a pipe, that it is that. */
function printOf(paths: readonly string[]): string {
  return JSON.stringify(
    paths.map((path) => {
      try {
        const found = statSync(path, { bigint: true });
        const { dev, ino, size, mtimeNs, ctimeNs, mode } = found;
        if (!found.isFile()) return String(mode);
        return [dev, ino, size, mtimeNs, ctimeNs, createHash('sha256').update(readFileSync(path)).digest('hex')].join(
          ' ',
        );
      } catch (error) {
        return (error as NodeJS.ErrnoException).code ?? 'unknown';
      }
    }),
  );
}

/** Whether nothing has written to a file lately; what is not there, or no file, need not be waited for. */
function isOld(path: string, now: number): boolean {
  let found: Stats;
  try {
    found = statSync(path);
  } catch {
    return true;
  }
  return !found.isFile() || Math.max(found.mtimeMs, found.ctimeMs) + SETTLED_MS < now;
}
