/** What a scale may reach to, times a power of ten: half of each is as round. */
const REACHES = [2, 4, 6, 8, 10];

/** The least round number that a figure does not exceed. @param {number} most */
export function reach(most) {
  const power = 10 ** (Math.ceil(Math.log10(most)) - 1);
  return (REACHES.find((of) => of * power >= most) ?? 10) * power;
}

/**
 * The index of the time next to `at`; -1 where there is none.
 * @param {readonly number[]} times ascending
 * @param {number} at
 */
export function nearest(times, at) {
  const after = times.findIndex((time) => time >= at);
  if (after <= 0) return after < 0 ? times.length - 1 : 0;
  return times[after] - at < at - times[after - 1] ? after : after - 1;
}
