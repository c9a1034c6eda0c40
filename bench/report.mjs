import { figure, table } from './table.mjs';

/** Most that the floor costs in pair1 on a quiet machine, in microseconds. */
const QUIET_MICROSECONDS = 6;

const HEAD = ['case', 'figure', 'server', 'lowest', 'highest', 'beside', 'it costs', 'ratio', 'also'];

/**
 * Renders the table of results.
 * @param {Readonly<Record<string, import('./summary.mjs').Summary>>} summaries by case name
 * @param {Readonly<Record<string, { beside?: string }>>} cases
 * @returns {string}
 */
export function report(summaries, cases) {
  const rows = Object.entries(summaries).map(([name, { unit, server, beside, ratio, also }]) => [
    name,
    unit,
    figure(server.median),
    figure(server.min),
    figure(server.max),
    beside === undefined ? '' : cases[name].beside,
    beside === undefined ? '' : figure(beside.median),
    ratio === undefined ? '' : ratio.toFixed(2),
    also.map((other) => `${figure(other.median)} ${other.unit}`).join(', '),
  ]);
  return table(HEAD, rows);
}

/**
 * Warns when the machine is not quiet.
 * @param {Readonly<Record<string, import('./summary.mjs').Summary>>} summaries
 * @returns {string | undefined}
 */
export function unquiet({ pair1 }) {
  const floor = pair1?.beside?.median;
  if (floor === undefined || floor <= QUIET_MICROSECONDS) return undefined;
  return (
    `warning: the machine is not quiet: the floor costs ${figure(floor)} us per message in pair1, but stays below ` +
    `${QUIET_MICROSECONDS} when it runs alone`
  );
}
