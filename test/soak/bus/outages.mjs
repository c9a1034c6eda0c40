/** Messages sent so long before an outage may have been on their way when it began, on a busy machine. */
const BEFORE_MS = 1000;
/** Time after an outage in which all must be as before: what crosses nodes arrives again. */
export const RECOVERY_MS = 5000;

/**
 * Remembers when which nodes were cut off from the bus. Judges what was missed, at the end.
 * Invariant: what is missed without an outage of a node on its way is a fault.
 */
export class Outages {
  #outages = [];
  #missed = [];
  #faults;

  constructor(faults) {
    this.#faults = faults;
  }

  /** An outage of these nodes, which began at a moment, is over. */
  note(nodes, began) {
    this.#outages.push({ nodes, from: began - BEFORE_MS, until: performance.now() + RECOVERY_MS });
  }

  /** Something did not arrive that was sent between these moments, from or to one of these nodes. */
  missed(what, nodes, from, until = from) {
    this.#missed.push({ what, nodes, from, until });
  }

  /** Returns how much was missed that may have been. */
  judge() {
    const mayBe = ({ nodes, from, until }) =>
      this.#outages.some(
        (one) => one.from <= until && from <= one.until && one.nodes.some((node) => nodes.includes(node)),
      );
    const faults = this.#missed.filter((one) => !mayBe(one));
    for (const { what } of faults) this.#faults.add(what);
    return this.#missed.length - faults.length;
  }
}
