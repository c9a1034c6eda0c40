import { figure, table } from './table.mjs';

/** A floor that costs more than this in pair1 shares its machine with something else. */
const QUIET_MICROSECONDS = 6;

const HEAD = ['case', 'figure', 'server', 'lowest', 'highest', 'beside', 'it costs', 'ratio', 'also'];

/**
 * The table of what was measured.
 * @param {Readonly<Record<string, import('./summary.mjs').Summary>>} summaries by the name of the case
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
 * What is to be said about the machine, if anything.
 * @param {Readonly<Record<string, import('./summary.mjs').Summary>>} summaries
 * @returns {string | undefined}
 */
export function unquiet({ pair1 }) {
  const floor = pair1?.beside?.median;
  if (floor === undefined || floor <= QUIET_MICROSECONDS) return undefined;
  return `warning: the machine is not quiet: the floor costs ${figure(floor)} us a message in pair1, and alone it stays below ${QUIET_MICROSECONDS}`;
}
