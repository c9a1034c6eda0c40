/** More distinct faults than this are only counted. */
const MOST = 20;

/** What went wrong, from whatever part of the soak saw it. Invariant: bounded, and no fault goes uncounted. */
export class Faults {
  #counts = new Map();
  #others = 0;

  get none() {
    return this.#counts.size === 0;
  }

  add(text) {
    const count = this.#counts.get(text) ?? 0;
    if (count > 0 || this.#counts.size < MOST) this.#counts.set(text, count + 1);
    else this.#others += 1;
  }

  /** One sentence each. */
  *[Symbol.iterator]() {
    for (const [text, count] of this.#counts) yield count === 1 ? text : `${text} (${count} times)`;
    if (this.#others > 0) yield `and ${this.#others} more`;
  }
}
