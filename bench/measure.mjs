import { runLoad } from './run-load.mjs';

/**
 * Runs the columns of a case one after the other, `repeat` times, so that all of a repetition meet the same machine. Each
 * run has its own process.
 * @param {readonly import('./columns.mjs').Column[]} columns
 * @param {{ repeat: number, cores: { load: readonly string[] } }} options
 * @returns {Promise<Record<string, object[]>>} the runs of each column, by its label, in the order of the repetitions
 */
export async function measureCase(columns, { repeat, cores }) {
  const runs = Object.fromEntries(columns.map(({ label }) => [label, []]));
  for (let i = 0; i < repeat; i++) {
    for (const { label, start, order } of columns) {
      const target = await start();
      try {
        runs[label].push(order.load === 'start' ? target.start : await runLoad(target, order, cores.load));
      } finally {
        await target.stop();
      }
    }
  }
  return runs;
}
