/** Allowed upper ends of a scale, times a power of ten. Half of each is a round number too. */
const REACHES = [2, 4, 6, 8, 10];

/** Returns the smallest round number that is at least `most`. @param {number} most */
export function reach(most) {
  const power = 10 ** (Math.ceil(Math.log10(most)) - 1);
  return (REACHES.find((of) => of * power >= most) ?? 10) * power;
}

/**
 * Returns the index of the time closest to `at`; -1 if there are no times.
 * @param {readonly number[]} times ascending
 * @param {number} at
 */
export function nearest(times, at) {
  const after = times.findIndex((time) => time >= at);
  if (after <= 0) return after < 0 ? times.length - 1 : 0;
  return times[after] - at < at - times[after - 1] ? after : after - 1;
}
