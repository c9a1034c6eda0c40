import { statSync } from 'node:fs';

/** How often, in milliseconds, files are looked at. By looking rather than by events, which do not see through Kubernetes' swaps of symbolic links. */
const LOOK_EVERY_MS = 1000;

/**
 * Tells when one of a few files has changed since the watch was made, at once: it may be in the midst of being written. Knows nothing of
 * what is in them, and does not keep the process alive. Invariant: after `stop` nothing is told.
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

  /** Whether a file is not as it was when this was last asked. */
  #isNews(): boolean {
    const found = this.paths.map(stateOf);
    const news = found.some((state, i) => state !== this.#seen[i]);
    this.#seen = found;
    return news;
  }
}

/** What of a file changes when its content does, links followed. */
function stateOf(path: string): string {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown';
  }
}
