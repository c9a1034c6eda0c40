import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Bytes that may be read between two collections. Measured: docs/adr/0007. */
const COLLECTED_EVERY_BYTES = 4 * 1024 * 1024;

type Collect = (options: { type: 'minor' }) => void;

/**
 * Keeps the memory of what was read and handled from piling up. V8 sees a small object for each read and not the 64 KiB behind
 * it, so by itself it collects late, some tens of megabytes late. Owns the count since the last collection.
 */
export class ReadMemory {
  #read = 0;

  constructor(private readonly collect: Collect = exposedCollector()) {}

  /** `bytes` were read, and are garbage as soon as they are handled. */
  count(bytes: number): void {
    this.#read += bytes;
    if (this.#read < COLLECTED_EVERY_BYTES) return;
    this.#read = 0;
    this.collect({ type: 'minor' });
  }
}

/** V8's own collector, which Node shows to programs only under a flag of V8. */
function exposedCollector(): Collect {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as Collect;
  setFlagsFromString('--no-expose-gc');
  return collect;
}
