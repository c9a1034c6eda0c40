import { getHeapStatistics } from 'node:v8';

/**
 * Returns the bytes that the process has in memory; undefined on a Linux without `/proc`, where the system does not
 * say.
 */
export function residentBytes(): number | undefined {
  try {
    return process.memoryUsage.rss();
  } catch {
    return undefined;
  }
}

/** Returns the bytes of the JavaScript heap in use. */
export function heapBytes(): number {
  return getHeapStatistics().used_heap_size;
}
