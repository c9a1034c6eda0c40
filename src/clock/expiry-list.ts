/** An entry of an ExpiryList. Each entry is in at most one list. */
export interface Expiring<T extends Expiring<T>> {
  previous: T | undefined;
  next: T | undefined;
  list: ExpiryList<T> | undefined;
}

/**
 * Keeps entries in the order in which they expire. It is a linked list through the entries themselves, so adding,
 * removing and finding the first take constant time. Knows nothing of time.
 * Invariant: no entry expires before the one in front of it. Callers append in that order; with one TTL for all entries
 * it is the order of arrival.
 */
export class ExpiryList<T extends Expiring<T>> implements Iterable<T> {
  #first: T | undefined;
  #last: T | undefined;

  /** The entry that expires next. */
  get first(): T | undefined {
    return this.#first;
  }

  append(entry: T): void {
    entry.list = this;
    entry.previous = this.#last;
    if (this.#last === undefined) this.#first = entry;
    else this.#last.next = entry;
    this.#last = entry;
  }

  remove(entry: T): void {
    if (entry.previous === undefined) this.#first = entry.next;
    else entry.previous.next = entry.next;
    if (entry.next === undefined) this.#last = entry.previous;
    else entry.next.previous = entry.previous;
    entry.previous = undefined;
    entry.next = undefined;
    entry.list = undefined;
  }

  *[Symbol.iterator](): Iterator<T> {
    for (let entry = this.#first; entry !== undefined; entry = entry.next) yield entry;
  }
}
