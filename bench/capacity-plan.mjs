const MIB = 1024 * 1024;

/**
 * Containers to measure. `oldSpaceMiB` is V8's heap in it: what is left of the memory has to hold the rest of the
 * process, sockets, and what waits for slow peers.
 */
export const SIZES = [
  { name: '128 MiB, 0.25 CPU', memoryMiB: 128, cpus: 0.25, oldSpaceMiB: 64, subscribers: 250 },
  { name: '256 MiB, 0.5 CPU', memoryMiB: 256, cpus: 0.5, oldSpaceMiB: 128, subscribers: 500 },
  { name: '512 MiB, 1 CPU', memoryMiB: 512, cpus: 1, oldSpaceMiB: 256, subscribers: 1000 },
  { name: '1 GiB, 1 CPU', memoryMiB: 1024, cpus: 1, oldSpaceMiB: 512, subscribers: 1000 },
  { name: '2 GiB, 2 CPU', memoryMiB: 2048, cpus: 2, oldSpaceMiB: 1280, subscribers: 1000 },
];

/** Which part of the memory, and of the heap, idle connections may fill. The rest is for work. */
const FULL = 0.8;

/** Rates closer to each other than this are one. */
const CLOSE = 1.1;

/**
 * The highest rate that is good, at least `from` and at most `most`; 0 if none is. Doubles the rate until it is bad, then
 * halves what is left in between. A rate is asked once.
 * @param {(rate: number) => Promise<boolean>} isGood
 */
export async function highest(isGood, from, most) {
  let good = 0;
  let bad = from;
  while (await isGood(bad)) {
    good = bad;
    if (good === most) return good;
    bad = Math.min(most, 2 * bad);
  }
  if (good === 0) return 0;
  while (bad / good > CLOSE) {
    const between = Math.round(Math.sqrt(good * bad));
    if (await isGood(between)) good = between;
    else bad = between;
  }
  return good;
}

/**
 * How many idle connections a container holds, from what it took with none, and with some: all of its memory and all of
 * the heap count.
 * @param {{ memoryMiB: number, oldSpaceMiB: number }} size
 * @param {{ workingSet: number, heap: number }} empty in bytes
 * @param {{ connections: number, workingSet: number, heap: number }} filled in bytes
 */
export function roomFor({ memoryMiB, oldSpaceMiB }, empty, { connections, workingSet, heap }) {
  const fit = (limit, used, then) => ((FULL * limit * MIB - used) * connections) / (then - used);
  return Math.floor(Math.min(fit(memoryMiB, empty.workingSet, workingSet), fit(oldSpaceMiB, empty.heap, heap)));
}
