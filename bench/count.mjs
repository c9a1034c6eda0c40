import { CountedServer } from './counted-server.mjs';
import { COUNTED, openSteps } from './counted-steps.mjs';
import { midmean } from './statistics.mjs';

/** Parts of a case that nobody counts, in turn with those of the others: by then V8 has compiled what it will. */
const WARM_UP = 20;
/** Parts that are counted. In some, V8 compiles something after all, so only the middle ones count. */
const PARTS = 9;

/**
 * Counts the instructions of each case on one Node, per message, delivery or connection: the mean of the middle parts.
 * @param {string} node the path of its binary
 * @returns {Promise<Record<string, { mean: number }>>} by the names of COUNTED
 */
export async function countInstructions(node) {
  const server = await CountedServer.started(node);
  const { steps, stir, leave } = await openSteps(server);
  const run = async (name) => {
    for (let i = 0; i < COUNTED[name].each; i++) await steps[name]();
  };
  for (let i = 0; i < WARM_UP; i++) for (const name of Object.keys(COUNTED)) await run(name);

  await server.begin(stir);
  const counts = {};
  for (const [name, { each, of }] of Object.entries(COUNTED)) {
    await run(name);
    const totals = [await server.counted(stir)];
    for (let i = 0; i < PARTS; i++) {
      await run(name);
      totals.push(await server.counted(stir));
    }
    const parts = totals.slice(1).map((total, i) => (total - totals[i]) / (each * of));
    counts[name] = { mean: midmean(parts) };
  }
  leave();
  await server.stop();
  return counts;
}
