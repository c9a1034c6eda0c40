/** @typedef {readonly [name: string, count: number, about: string]} Trouble */
/** @typedef {{ title: string, troubles: readonly Trouble[] }} TroubleGroup */
/** @typedef {import('./window.js').Sample} Sample */

/**
 * The state of the node, which comes with every event.
 * @typedef {object} Node
 * @property {string} phase
 * @property {string} bus
 * @property {number | null} certificateEnds milliseconds since the epoch; null without TLS
 * @property {readonly TroubleGroup[]} troubles
 */

/**
 * What the first event of a stream adds.
 * @typedef {object} Beginning
 * @property {string} version
 * @property {number} heapLimit bytes
 * @property {number} intervalSeconds between two samples
 * @property {number} keptSeconds that the server remembers
 * @property {readonly string[]} figures names of the figures in a row
 * @property {readonly number[][]} samples one row each, oldest first
 */
/** @typedef {Node & Beginning} History */

/**
 * @typedef {object} Listener
 * @property {(history: History, samples: readonly Sample[]) => void} history
 * @property {(node: Node, sample: Sample) => void} sample
 * @property {() => void} lost
 */

/** Milliseconds before a new attempt where the browser makes none itself: after an answer such as 503. */
const AGAIN_MS = 5000;
/** A server that sends nothing for this many intervals is stuck, or unreachable without the browser noticing. */
const SILENT = 4;

/**
 * Owns the event stream from the server while the page is open. Opens it again when it ends or falls silent. Knows
 * nothing of what is shown.
 */
export class Stream {
  /** @type {readonly string[]} */
  #figures = [];
  #interval = 2;
  /** @type {EventSource | undefined} */
  #source;
  /** Opens the stream again when it fires. @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {Listener} listener */
  constructor(listener) {
    this.listener = listener;
  }

  /** Opens the stream, or opens it again. */
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
