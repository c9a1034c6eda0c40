/** Runs `task(i)` for every `i` below `count`, `side` tasks at a time. Resolves to their results. */
export async function many(count, side, task) {
  const results = Array.from({ length: count });
  let next = 0;
  const work = async () => {
    while (next < count) {
      const i = next++;
      results[i] = await task(i);
    }
  };
  await Promise.all(Array.from({ length: Math.min(side, count) }, work));
  return results;
}
