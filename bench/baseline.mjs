/** A ratio may be worse than it was by this part before it fails: runs on one machine differ by less than that. */
export const TOLERANCE = 0.15;

/**
 * Whether ratios are still what they were. A case without a baseline, or without a measurement, fails: it would never be looked at again.
 * @param {Readonly<Record<string, number>>} baseline
 * @param {Readonly<Record<string, number>>} measured
 * @returns {{ name: string, holds: boolean, says: string }[]}
 */
export function compare(baseline, measured) {
  const names = [...new Set([...Object.keys(baseline), ...Object.keys(measured)])];
  return names.map((name) => ({ name, ...judge(baseline[name], measured[name]) }));
}

/**
 * @param {number | undefined} was
 * @param {number | undefined} is
 * @returns {{ holds: boolean, says: string }}
 */
function judge(was, is) {
  if (is === undefined) return { holds: false, says: 'was not measured' };
  if (was === undefined) return { holds: false, says: `${is.toFixed(2)} x floor, and no baseline: run with --update` };
  const change = is / was - 1;
  const percent = `${change < 0 ? '' : '+'}${(change * 100).toFixed(0)} %`;
  return { holds: change <= TOLERANCE, says: `${is.toFixed(2)} x floor, baseline ${was.toFixed(2)} (${percent})` };
}
