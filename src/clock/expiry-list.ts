/** What an ExpiryList holds; each is in one list at most. */
export interface Expiring<T extends Expiring<T>> {
  previous: T | undefined;
  next: T | undefined;
  list: ExpiryList<T> | undefined;
}

/**
 * Entries in the order in which they expire: a linked list through the entries themselves, so that adding, removing and
 * finding the first cost the same however many there are. Knows nothing of time.
 * Invariant: nobody is appended who expires before the last one; with one TTL for all, that is the order of arrival.
 */
export class ExpiryList<T extends Expiring<T>> implements Iterable<T> {
  #first: T | undefined;
  #last: T | undefined;

  /** The one that expires next. */
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
