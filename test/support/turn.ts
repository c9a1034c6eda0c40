/** Resolves in the next turn of the event loop, when what had come in by now has been read. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
