import { statSync } from 'node:fs';

/** How often, in milliseconds, files are looked at. By looking rather than by events, which do not see through Kubernetes' swaps of symbolic links. */
const LOOK_EVERY_MS = 1000;
/** How long, in milliseconds, nothing must change before a change is told of. */
const SETTLED_MS = 200;

/**
 * Tells when one of a few files has changed since the watch was made, once for changes that come together. Knows nothing of
 * what is in them, and does not keep the process alive. Invariant: after `stop` nothing is told.
 */
export class FileWatch {
  #seen: readonly string[];
  #looking: NodeJS.Timeout | undefined;
  #settling: NodeJS.Timeout | undefined;

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
    clearTimeout(this.#settling);
  }

  #look(): void {
    if (this.#settling === undefined && this.#isNews()) this.#settle();
  }

  /** Tells of the change once nothing changes any more: a file may be written slowly, and a key follow its certificate. */
  #settle(): void {
    this.#settling = setTimeout(() => {
      this.#settling = undefined;
      if (this.#isNews()) this.#settle();
      else this.changed();
    }, SETTLED_MS).unref();
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
