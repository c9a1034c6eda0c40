import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Bytes of heap, and of memory outside, that are in use. */
export function heapUsed(): number {
  collectGarbage();
  collectGarbage();
  const { heapUsed: inside, external } = process.memoryUsage();
  return inside + external;
}

/** Bytes more that are in use after `work` than before. */
export function heapHeldBy(work: () => void): number {
  const before = heapUsed();
  work();
  return heapUsed() - before;
}
