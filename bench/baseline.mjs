/** Share by which a ratio may get worse before the check fails. Runs on one machine differ by less. */
export const TOLERANCE = 0.15;

/**
 * Compares ratios with their baseline. A case without a baseline, or without a measurement, fails: otherwise nobody
 * would notice it.
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
  if (was === undefined) {
    return { holds: false, says: `${is.toFixed(2)} x floor, without a baseline: run with --update` };
  }
  const change = is / was - 1;
  const percent = `${change < 0 ? '' : '+'}${(change * 100).toFixed(0)} %`;
  return { holds: change <= TOLERANCE, says: `${is.toFixed(2)} x floor, baseline ${was.toFixed(2)} (${percent})` };
}
