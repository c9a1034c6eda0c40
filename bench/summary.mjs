import { median } from './statistics.mjs';

/**
 * What the runs of a case come to: medians, and the median of the ratios that each repetition has by itself, since two runs one
 * right after the other met the same machine.
 * @param {{ figure: Figure, also: readonly Figure[] }} measuredCase
 * @param {{ server: readonly object[], beside: readonly object[] }} runs in the order of the repetitions
 * @returns {Summary}
 *
 * @typedef {{ unit: string, value: (run: any) => number }} Figure
 * @typedef {{ median: number, min: number, max: number }} Spread
 * @typedef {{ unit: string, server: Spread, beside?: Spread, ratio?: number, also: { unit: string, median: number }[] }} Summary
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
