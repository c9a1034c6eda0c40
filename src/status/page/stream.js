/** What is told with every event. @typedef {{ phase: string, bus: string, certificateEnds: number | null, troubles: readonly TroubleGroup[] }} Node */
/** @typedef {{ title: string, troubles: readonly (readonly [name: string, count: number, about: string])[] }} TroubleGroup */
/** @typedef {Node & { version: string, heapLimit: number, intervalSeconds: number, keptSeconds: number, figures: readonly string[], samples: readonly number[][] }} History */
/** @typedef {import('./window.js').Sample} Sample */
/** @typedef {{ history: (history: History, samples: readonly Sample[]) => void, sample: (node: Node, sample: Sample) => void, lost: () => void }} Listener */

/** A browser comes back by itself, but not to a server that answered something else, such as 503. */
const AGAIN_MS = 5000;
/** A server that says nothing for so many intervals is stuck, or out of reach without the browser having noticed. */
const SILENT = 4;

/** The server's events, for as long as the page is open: a stream that ends or falls silent is taken up again. Knows nothing of what is shown. */
export class Stream {
  /** @type {readonly string[]} */
  #figures = [];
  #interval = 2;
  /** @type {EventSource | undefined} */
  #source;
  /** @type {ReturnType<typeof setTimeout> | undefined} Until the stream is taken up anew. */
  #timer;

  /** @param {Listener} listener */
  constructor(listener) {
    this.listener = listener;
  }

  /** Begins, or begins anew. */
  open = () => {
    this.#source?.close();
    const source = new EventSource('events');
    this.#source = source;
    this.#expectMore();
    source.addEventListener('history', ({ data }) => {
      /** @type {History} */
      const history = JSON.parse(data);
      this.#figures = history.figures;
      this.#interval = history.intervalSeconds;
      this.#expectMore();
      this.listener.history(history, history.samples.map(this.#named));
    });
    source.addEventListener('sample', ({ data }) => {
      /** @type {Node & { sample: number[] }} */
      const node = JSON.parse(data);
      this.#expectMore();
      this.listener.sample(node, this.#named(node.sample));
    });
    source.addEventListener('error', () => {
      this.listener.lost();
      if (source.readyState === EventSource.CLOSED) this.#after(AGAIN_MS, this.open);
    });
  };

  #expectMore() {
    this.#after(SILENT * this.#interval * 1000, () => {
      this.listener.lost();
      this.open();
    });
  }

  /**
   * @param {number} milliseconds
   * @param {() => void} then
   */
  #after(milliseconds, then) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(then, milliseconds);
  }

  /** @param {readonly number[]} row */
  #named = (row) =>
    /** @type {Sample} */ (Object.fromEntries(row.map((figure, index) => [this.#figures[index], figure])));
}
