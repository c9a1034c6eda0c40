// What the examples share that run in CI: whether all came that an example promises.

/** When nothing comes for long: an example that hangs is one that failed. */
const hanging = setTimeout(() => {
  console.error('nothing came for 30 s');
  process.exit(1);
}, 30_000);
hanging.unref();

/** Says what happened, and ends with 1 where that is not what the example promises. */
export function expect(what, holds) {
  hanging.refresh();
  console.log(`${holds ? 'ok    ' : 'FAILED'}  ${what}`);
  if (!holds) process.exit(1);
}
