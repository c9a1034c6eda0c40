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
 * The smallest number that at least `part` of the numbers do not exceed.
 * @param {readonly number[]} sorted in ascending order
 * @param {number} part from 0 to 1
 * @returns {number}
 */
export function percentile(sorted, part) {
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)];
}
