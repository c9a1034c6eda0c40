import { figure, table } from './table.mjs';

/** Most that the floor costs in pair1 on a quiet machine, in microseconds. */
const QUIET_MICROSECONDS = 6;

const HEAD = ['case', 'figure', 'of', 'median', 'lowest', 'highest', 'ratio', 'from', 'to', 'also'];

/**
 * Renders the table of results: a row for each column of each case.
 * @param {Readonly<Record<string, import('./summary.mjs').Summary>>} summaries by case name
 * @returns {string}
 */
export function report(summaries) {
  const rows = Object.entries(summaries).flatMap(([name, { unit, columns }]) =>
    Object.entries(columns).map(([label, { median, min, max, ratio, also }], i) => [
      i === 0 ? name : '',
      i === 0 ? unit : '',
      label,
      figure(median),
      figure(min),
      figure(max),
      ...(ratio === undefined ? ['', '', ''] : [ratio.median, ratio.min, ratio.max].map((value) => value.toFixed(2))),
      also.map((other) => `${figure(other.median)} ${other.unit}`).join(', '),
    ]),
  );
  return table(HEAD, rows);
}

/**
 * Warns when the machine is not quiet.
 * @param {Readonly<Record<string, import('./summary.mjs').Summary>>} summaries
 * @returns {string | undefined}
 */
export function unquiet({ pair1 }) {
  const floor = pair1?.columns.floor?.median;
  if (floor === undefined || floor <= QUIET_MICROSECONDS) return undefined;
  return (
    `warning: the machine is not quiet: the floor costs ${figure(floor)} us per message in pair1, but stays below ` +
    `${QUIET_MICROSECONDS} when it runs alone`
  );
}
