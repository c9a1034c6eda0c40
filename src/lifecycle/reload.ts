import { Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import { Clock } from '../clock/clock.js';
import { FileWatch } from '../config/file-watch.js';
import { requireRegularFile } from '../config/setting-file.js';
import type { SettingFile } from '../config/setting-file.js';
import { readAgain, readAtStart } from '../config/settled-files.js';
import { Log, Logs } from '../logging/log.js';
import type { LogFieldsOf } from '../logging/log-event.js';

/** What the log says of what was read again. */
export type ReloadedFields = LogFieldsOf<'reload', 'reloaded'>;

/** Files that settings name and whose content is in use. */
export interface FilesInUse<T> {
  readonly files: readonly SettingFile[];
  /** Reads and checks the files again. Throws or rejects with a StartupError that names the file at fault. */
  read(): T | Promise<T>;
  /** Puts what was read to use. Returns what the log says about it. */
  use(read: T): ReloadedFields;
  /** What was read, for the log: "certificate and key". */
  readonly what: string;
  /** What happens if it cannot be used, for the log: "keeping the current certificate". */
  readonly otherwise: string;
}

/** Files in use that are being watched. */
interface Watched {
  readonly watch: FileWatch;
  readonly again: () => Promise<void>;
}

/**
 * Reads files that are in use again, when they change and when asked to. Owns the watches. Knows nothing of what is in
 * the files.
 * Invariant: what is put to use was valid when it was read, and had not changed for a while. A file that cannot be used
 * changes nothing. Nothing is read after the shutdown.
 */
@Injectable()
export class Reload implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #watched: Watched[] = [];
  readonly #over = new AbortController();
  readonly #log: Log<'reload'>;

  constructor(
    private readonly clock: Clock,
    logs: Logs,
  ) {
    this.#log = logs.for('reload');
  }

  /**
   * Watches files from now on, and reads them for the first time once nobody writes to them any more. Resolves to what
   * `read` returns, which is for the caller to use. Rejects with what `read` throws on settled files, and with a
   * StartupError that names the files if they never settle.
   */
  readAndWatch<T>(all: readonly FilesInUse<unknown>[], read: () => T | Promise<T>): Promise<T> {
    // Watched first, so that no change is missed.
    for (const used of all) this.#watch(used);
    const paths = all.flatMap(({ files }) => files.map(({ path }) => path));
    return readAtStart(paths, this.clock, read);
  }

  /** Reads everything again. Resolves when that is done. Never rejects: the log says what cannot be used. */
  async all(): Promise<void> {
    if (this.#watched.length === 0) {
      this.#log.write('nothing_to_reload');
    }
    await Promise.all(this.#watched.map(({ again }) => again()));
  }

  onApplicationBootstrap(): void {
    for (const { watch } of this.#watched) watch.start();
  }

  onApplicationShutdown(): void {
    this.#over.abort();
    for (const { watch } of this.#watched) watch.stop();
  }

  #watch(used: FilesInUse<unknown>): void {
    if (used.files.length === 0) return;
    let reading: Promise<void> | undefined;
    // A request while the files are being read gets the same result, which is then the newest.
    const again = (): Promise<void> => (reading ??= this.#renew(used).finally(() => (reading = undefined)));
    const watch = new FileWatch(
      used.files.map(({ path }) => path),
      () => void again(),
    );
    this.#watched.push({ watch, again });
  }

  async #renew<T>(used: FilesInUse<T>): Promise<void> {
    const { files, what, otherwise } = used;
    const paths = files.map(({ path }) => path);
    const readRegular = (): T | Promise<T> => {
      for (const { name, path } of files) requireRegularFile(name, path);
      return used.read();
    };
    try {
      const done = await readAgain(paths, this.clock, readRegular, this.#over.signal);
      if (done === undefined || this.#over.signal.aborted) return;
      this.#log.write('reloaded', used.use(done.read), { what });
    } catch (error) {
      this.#log.write('reload_failed', {}, { fault: (error as Error).message, otherwise });
    }
  }
}
