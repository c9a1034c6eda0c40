/**
 * Places that newcomers may have, those spared longest first, in all and by network. Knows nothing of limits. A place
 * is in it once at most.
 */
export class SparedPlaces<T extends { readonly network: string }> {
  readonly #all = new Set<T>();
  readonly #ofNetwork = new Map<string, Set<T>>();

  get size(): number {
    return this.#all.size;
  }

  /** Number of places of a network. */
  sizeOf(network: string): number {
    return this.#ofNetwork.get(network)?.size ?? 0;
  }

  /** The one that was spared longest ago. */
  get first(): T | undefined {
    return first(this.#all);
  }

  /** The one of a network that was spared longest ago. */
  firstOf(network: string): T | undefined {
    const places = this.#ofNetwork.get(network);
    return places && first(places);
  }

  add(place: T): void {
    this.remove(place);
    this.#all.add(place);
    const places = this.#ofNetwork.get(place.network);
    if (places === undefined) this.#ofNetwork.set(place.network, new Set([place]));
    else places.add(place);
  }

  remove(place: T): void {
    if (!this.#all.delete(place)) return;
    const places = this.#ofNetwork.get(place.network)!;
    places.delete(place);
    if (places.size === 0) this.#ofNetwork.delete(place.network);
  }
}

/** The one that has been in a set longest. */
export function first<T>(places: ReadonlySet<T>): T | undefined {
  const [place] = places;
  return place;
}
