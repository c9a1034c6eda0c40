/** Messages sent so long before an outage may have been on their way when it began, on a busy machine. */
const BEFORE_MS = 1000;
/** Time after an outage in which all must be as before: what crosses nodes arrives again. */
export const RECOVERY_MS = 5000;

/**
 * Remembers when which nodes were cut off from the bus. Judges what was missed, at the end.
 * Invariant: what is missed without an outage of a node on its way is a fault.
 */
export class Outages {
  #windows = [];
  #missed = [];
  #faults;
  /** Number of things that were missed in an outage, as may be. */
  excused = 0;

  constructor(faults) {
    this.#faults = faults;
  }

  /** An outage of these nodes began at a moment. Returns what to call when it is over. */
  begin(nodes, began) {
    const window = { nodes, from: began - BEFORE_MS, until: Infinity };
    this.#windows.push(window);
    return () => (window.until = performance.now() + RECOVERY_MS);
  }

  /** Whether one of the nodes was in an outage at some moment between two. */
  touch(nodes, from, until = from) {
    return this.#windows.some(
      (window) => window.from <= until && from <= window.until && window.nodes.some((node) => nodes.includes(node)),
    );
  }

  /** Something did not arrive that was sent between these moments, from or to one of these nodes. */
  missed(what, nodes, from, until = from) {
    this.#missed.push({ what, nodes, from, until });
  }

  judge() {
    for (const { what, nodes, from, until } of this.#missed) {
      if (this.touch(nodes, from, until)) this.excused += 1;
      else this.#faults.add(what);
    }
  }
}
