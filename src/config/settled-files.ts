import { createHash } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { StartupError } from './faults.js';
import { shownPath } from './shown-path.js';

/** Milliseconds that files must stay unchanged before their content is trusted. */
export const SETTLED_MS = 1000;
/** Attempts at the start. After that, somebody should look. */
const MOST_TRIES = 10;

/** The part of Clock that is needed here. */
interface Time {
  now(): number;
  sleep(milliseconds: number, over?: AbortSignal): Promise<void>;
}

/**
 * Reads files that somebody may be writing right now. A half-written file could end in the beginning of a token, and
 * the server would accept that as a token. So this looks at the files twice, SETTLED_MS apart, and calls `read` when
 * both looks agree. If the files change during `read`, it starts over. Files that have not changed for longer are read
 * immediately.
 *
 * Resolves to the result of `read`. Rejects with what `read` throws on settled files, and with a StartupError that
 * names the files if they never settle.
 */
export async function readAtStart<T>(paths: readonly string[], time: Time, read: () => T | Promise<T>): Promise<T> {
  const wait = !paths.every((path) => isOld(path, time.now()));
  const done = await readSettled(paths, time, read, { wait, tries: MOST_TRIES });
  if (done === undefined) {
    throw new StartupError(`${paths.map(shownPath).join(', ')}: kept changing while the server read it`);
  }
  return done.read;
}

/**
 * The same for files that changed while the server runs. Waits until they stop changing, or resolves to undefined when
 * `over` is aborted.
 */
export function readAgain<T>(
  paths: readonly string[],
  time: Time,
  read: () => T | Promise<T>,
  over: AbortSignal,
): Promise<{ readonly read: T } | undefined> {
  return readSettled(paths, time, read, { wait: true, tries: Infinity, over });
}

async function readSettled<T>(
  paths: readonly string[],
  time: Time,
  read: () => T | Promise<T>,
  { wait, tries, over }: { wait: boolean; tries: number; over?: AbortSignal },
): Promise<{ read: T } | undefined> {
  let seen = await printOf(paths);
  /** Looks again: whether nothing has changed since the last look. */
  const same = async (): Promise<boolean> => {
    const before = seen;
    seen = await printOf(paths);
    return seen === before;
  };
  for (let tried = 0; tried < tries; tried++) {
    if (wait || tried > 0) await time.sleep(SETTLED_MS, over);
    if (over?.aborted === true) return undefined;
    if (!(await same())) continue;
    try {
      const done = { read: await read() };
      if (await same()) return done;
    } catch (error) {
      if (await same()) throw error;
    }
  }
  return undefined;
}

/**
 * A fingerprint of files: inode, times, size and content, links followed. A pipe and the like can be read only once, so
 * their fingerprint is their kind. Reads in small parts, so that a large file does not block the event loop.
 */
async function printOf(paths: readonly string[]): Promise<string> {
  return JSON.stringify(await Promise.all(paths.map(printOfFile)));
}

async function printOfFile(path: string): Promise<string> {
  try {
    const found = await stat(path, { bigint: true });
    const { dev, ino, size, mtimeNs, ctimeNs, mode } = found;
    if (!found.isFile()) return String(mode);
    const content = createHash('sha256');
    for await (const part of createReadStream(path)) content.update(part as Buffer);
    return [dev, ino, size, mtimeNs, ctimeNs, content.digest('hex')].join(' ');
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown';
  }
}

/**
 * Whether nobody has written to a file lately. True for a missing file and for a pipe and the like: waiting would not
 * help.
 */
function isOld(path: string, now: number): boolean {
  let found: Stats;
  try {
    found = statSync(path);
  } catch {
    return true;
  }
  return !found.isFile() || Math.max(found.mtimeMs, found.ctimeMs) + SETTLED_MS < now;
}
