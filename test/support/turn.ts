/** Resolves in the next turn of the event loop, when everything that had arrived has been read. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
