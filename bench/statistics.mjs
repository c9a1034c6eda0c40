/** Quantiles 0.975 of Student's t for 1 to 10 degrees of freedom. Beyond, the last one is wide enough. */
const T = [12.71, 4.3, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23];

/**
 * The median of some numbers. For an even count, the mean of the two in the middle.
 * @param {readonly number[]} numbers
 * @returns {number}
 */
export function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * The mean of the middle half of some numbers: what is far out does not count, and the others all do.
 * @param {readonly number[]} numbers
 * @returns {number}
 */
export function midmean(numbers) {
  const quarter = Math.floor(numbers.length / 4);
  const middle = numbers.toSorted((a, b) => a - b).slice(quarter, numbers.length - quarter);
  return middle.reduce((sum, number) => sum + number, 0) / middle.length;
}

/**
 * The smallest number that at least `part` of the numbers do not exceed.
 * @param {readonly number[]} sorted in ascending order
 * @param {number} part from 0 to 1
 * @returns {number}
 */
export function percentile(sorted, part) {
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)];
}

/**
 * Where the true ratio is with a confidence of 95 %, given some measured ones: the interval of Student's t around the
 * geometric mean. One ratio alone says nothing.
 * @param {readonly number[]} ratios above 0
 * @returns {{ from: number, mean: number, to: number }}
 */
export function confidence(ratios) {
  const logs = ratios.map((ratio) => Math.log(ratio));
  const mean = logs.reduce((sum, log) => sum + log, 0) / logs.length;
  const freedom = logs.length - 1;
  if (freedom === 0) return { from: 0, mean: Math.exp(mean), to: Infinity };
  const variance = logs.reduce((sum, log) => sum + (log - mean) ** 2, 0) / freedom;
  const reach = T[Math.min(freedom, T.length) - 1] * Math.sqrt(variance / logs.length);
  return { from: Math.exp(mean - reach), mean: Math.exp(mean), to: Math.exp(mean + reach) };
}
