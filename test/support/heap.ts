import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Bytes in use in the heap and outside of it. */
export function heapUsed(): number {
  collectGarbage();
  collectGarbage();
  const { heapUsed: inside, external } = process.memoryUsage();
  return inside + external;
}

/** How many more bytes are in use after `work` than before. */
export function heapHeldBy(work: () => void): number {
  const before = heapUsed();
  work();
  return heapUsed() - before;
}
