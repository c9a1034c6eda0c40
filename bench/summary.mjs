import { median } from './statistics.mjs';

/**
 * Summarises the runs of a case: for each column the median, and the ratios to another column. A ratio is taken per
 * repetition, because its two runs met the same machine.
 * @param {{ figure: Figure, also: readonly Figure[] }} measuredCase
 * @param {readonly { label: string, to?: string }[]} columns
 * @param {Readonly<Record<string, readonly object[]>>} runs of each column, in the order of the repetitions
 * @returns {Summary}
 *
 * @typedef {{ unit: string, value: (run: any) => number }} Figure
 * @typedef {{ median: number, min: number, max: number }} Spread
 * @typedef {{ unit: string, median: number }} Other
 * @typedef {Spread & { ratio?: Spread & { to: string }, also: Other[] }} ColumnSummary
 * @typedef {{ unit: string, columns: Record<string, ColumnSummary> }} Summary
 */
export function summarize({ figure, also }, columns, runs) {
  const values = (label) => runs[label].map(figure.value);
  const summaries = columns.map(({ label, to }) => [
    label,
    {
      ...spread(values(label)),
      ...(to !== undefined && { ratio: { to, ...spread(ratios(values(label), values(to))) } }),
      also: also.map(({ unit, value }) => ({ unit, median: median(runs[label].map(value)) })),
    },
  ]);
  return { unit: figure.unit, columns: Object.fromEntries(summaries) };
}

function ratios(/** @type {readonly number[]} */ values, /** @type {readonly number[]} */ others) {
  return values.map((value, i) => value / others[i]);
}

/**
 * @param {readonly number[]} values
 * @returns {Spread}
 */
function spread(values) {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}
