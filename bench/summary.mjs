import { median } from './statistics.mjs';

/**
 * Summarises the runs of a case: medians, and the median of the ratios of the repetitions. The ratio is taken per
 * repetition, because its two runs met the same machine.
 * @param {{ figure: Figure, also: readonly Figure[] }} measuredCase
 * @param {{ server: readonly object[], beside: readonly object[] }} runs in the order of the repetitions
 * @returns {Summary}
 *
 * @typedef {{ unit: string, value: (run: any) => number }} Figure
 * @typedef {{ median: number, min: number, max: number }} Spread
 * @typedef {{ unit: string, median: number }} Other
 * @typedef {{ unit: string, server: Spread, beside?: Spread, ratio?: number, also: Other[] }} Summary
 */
export function summarize({ figure, also }, runs) {
  const server = runs.server.map(figure.value);
  const beside = runs.beside.map(figure.value);
  return {
    unit: figure.unit,
    server: spread(server),
    ...(beside.length > 0 && { beside: spread(beside), ratio: median(server.map((value, i) => value / beside[i])) }),
    also: also.map(({ unit, value }) => ({ unit, median: median(runs.server.map(value)) })),
  };
}

/**
 * @param {readonly number[]} values
 * @returns {Spread}
 */
function spread(values) {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}
