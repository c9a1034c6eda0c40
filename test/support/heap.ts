import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
// Otherwise the code of spec files that ran before may be freed during a measurement.
setFlagsFromString('--no-flush-bytecode');
const collectGarbage = runInNewContext('gc') as () => void;

/** Bytes in use in the heap and outside of it. */
export function heapUsed(): number {
  let [before, used] = [Infinity, inUse()];
  // What other spec files left is freed in several steps.
  while (used < before) {
    collectGarbage();
    [before, used] = [used, inUse()];
  }
  return used;
}

function inUse(): number {
  const { heapUsed: inside, external } = process.memoryUsage();
  return inside + external;
}

/** How many more bytes are in use after `work` than before. */
export function heapHeldBy(work: () => void): number {
  const before = heapUsed();
  work();
  return heapUsed() - before;
}
