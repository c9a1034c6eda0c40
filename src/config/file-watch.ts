import { statSync } from 'node:fs';

/**
 * Milliseconds between two looks at the files. Polling sees the symbolic links that Kubernetes swaps; file system
 * events do not.
 */
const LOOK_EVERY_MS = 1000;

/**
 * Calls `changed` when one of a few files differs from the last look. The file may be half written by then. Does not
 * know the content of the files, and does not keep the process alive.
 * Invariant: `changed` is never called after `stop`.
 */
export class FileWatch {
  #seen: readonly string[];
  #looking: NodeJS.Timeout | undefined;

  constructor(
    private readonly paths: readonly string[],
    private readonly changed: () => void,
  ) {
    this.#seen = paths.map(stateOf);
  }

  start(): void {
    this.#looking = setInterval(() => this.#look(), LOOK_EVERY_MS).unref();
  }

  stop(): void {
    clearInterval(this.#looking);
  }

  #look(): void {
    if (this.#isNews()) this.changed();
  }

  /** Whether a file has changed since the last call. */
  #isNews(): boolean {
    const found = this.paths.map(stateOf);
    const news = found.some((state, i) => state !== this.#seen[i]);
    this.#seen = found;
    return news;
  }
}

/** The facts about a file that change with its content, links followed. */
function stateOf(path: string): string {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown';
  }
}
