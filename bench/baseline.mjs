/**
 * The two ways to see a regression. Instructions differ by less than 1 % from run to run on any machine. Ratios to the
 * floor differ by more, so they come with an interval, and fail only if all of it is beyond the tolerance.
 */
export const WAYS = {
  instructions: { tolerance: 0.03, digits: 0, unit: 'instructions' },
  ratios: { tolerance: 0.1, digits: 2, unit: 'x floor' },
};

/**
 * Compares figures with their baseline. A case without a baseline, or without a measurement, fails: otherwise nobody
 * would notice it.
 * @param {keyof typeof WAYS} way
 * @param {Readonly<Record<string, number>>} baseline
 * @param {Readonly<Record<string, Measured>>} measured
 * @returns {{ name: string, holds: boolean, says: string }[]}
 *
 * @typedef {{ mean: number, from?: number, to?: number }} Measured
 */
export function compare(way, baseline, measured) {
  const names = [...new Set([...Object.keys(baseline), ...Object.keys(measured)])];
  return names.map((name) => ({ name, ...judge(WAYS[way], baseline[name], measured[name]) }));
}

/**
 * @param {(typeof WAYS)[keyof typeof WAYS]} way
 * @param {number | undefined} was
 * @param {Measured | undefined} is
 * @returns {{ holds: boolean, says: string }}
 */
function judge({ tolerance, digits, unit }, was, is) {
  const written = (/** @type {number} */ value) =>
    value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  if (is === undefined) return { holds: false, says: 'was not measured' };
  const { mean, from = mean, to = mean } = is;
  const range = from === to ? '' : ` (${written(from)} to ${written(to)})`;
  const says = `${written(mean)} ${unit}${range}`;
  if (was === undefined) return { holds: false, says: `${says}, without a baseline: run with --update` };
  const change = mean / was - 1;
  const percent = `${change < 0 ? '' : '+'}${(change * 100).toFixed(1)} %`;
  return { holds: from / was - 1 <= tolerance, says: `${says}, baseline ${written(was)} (${percent})` };
}

/** The name of the Nodes that share a baseline, from a version such as v24.21.0. */
export function majorOf(/** @type {string} */ version) {
  return /^v(\d+)\./.exec(version)[1];
}

/**
 * The baseline with other figures for one Node and one way.
 * @param {Baseline} baseline
 * @param {keyof typeof WAYS} way
 * @param {string} major
 * @param {Readonly<Record<string, Measured>>} measured
 * @returns {Baseline}
 *
 * @typedef {{ [way: string]: { [major: string]: Record<string, number> } }} Baseline
 */
export function updated(baseline, way, major, measured) {
  const figures = Object.entries(measured).map(([name, { mean }]) => [name, Number(mean.toFixed(WAYS[way].digits))]);
  return { ...baseline, [way]: { ...baseline[way], [major]: Object.fromEntries(figures) } };
}
