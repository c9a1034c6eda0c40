import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { turn } from './turn.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes that this process holds, in V8's heap and in buffers outside of it, once all garbage is collected. */
export async function heldMemory(): Promise<number> {
  // What the first collection frees may hold, by a finalizer, what only the next one can free.
  for (let i = 0; i < 3; i++) {
    collect();
    await turn();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
