/**
 * Figures by name, and `at`: seconds since the server began to sample.
 * @typedef {Readonly<Record<string, number>>} Sample
 */

/** Samples further apart than this many intervals have a gap between them. */
const GAP = 2.5;
/** The shortest time that a chart shows, in seconds. */
const SHORTEST_S = 20;

/**
 * Owns the samples of the last minutes, in columns as charts need them. Converts the time of a sample, which counts
 * from the start of the server, to the clock of this browser. Knows nothing of where samples come from.
 * Invariant: times ascend. Where samples are missing there is a time without figures.
 */
export class Window {
  /** Times of all samples and gaps, in seconds since the epoch. @type {number[]} */
  times = [];
  /** Figures by name; null in a gap. @type {Record<string, (number | null)[]>} */
  columns = {};
  /** Seconds shown. */
  kept = 600;
  /** @type {Sample | undefined} */
  newest;
  #interval = 2;
  /** When the server began to sample, in seconds since the epoch. */
  #epoch = 0;

  /**
   * Takes the history of the server. It replaces the samples of that time. Older ones, of a previous process, stay.
   * @param {readonly Sample[]} samples
   * @param {{ interval: number, kept: number, now: number }} of in seconds; `now` since the epoch
   */
  restart(samples, { interval, kept, now }) {
    this.#interval = interval;
    this.kept = kept;
    this.newest = undefined;
    this.#epoch = now - (samples.at(-1)?.at ?? 0);
    const first = this.#epoch + (samples[0]?.at ?? 0);
    this.#cut(0, this.times.findLastIndex((time) => time < first - interval / 2) + 1);
    for (const sample of samples) this.add(sample);
  }

  /** @param {Sample} sample */
  add(sample) {
    const time = this.#epoch + sample.at;
    const last = this.times.at(-1);
    if (last !== undefined && time - last > GAP * this.#interval) this.#append(last + this.#interval);
    this.#append(time, sample);
    this.newest = sample;
    const first = this.times.findIndex((at) => at >= time - this.kept - this.#interval);
    this.#cut(Math.max(0, first), this.times.length);
  }

  /**
   * Returns the time at which a chart begins: the last minutes, or less where there are no samples from before. So the
   * chart of a young server is not empty for the most part.
   * @param {number} now seconds since the epoch
   */
  from(now) {
    return Math.max(now - this.kept, Math.min(this.times[0] ?? now, now - SHORTEST_S));
  }

  /** Returns the lowest and the highest figure; undefined if there are none. @param {string} name */
  span(name) {
    const figures = (this.columns[name] ?? []).filter((figure) => figure !== null);
    return figures.length === 0 ? undefined : /** @type {const} */ ([Math.min(...figures), Math.max(...figures)]);
  }

  /**
   * Adds a time with a sample, or a gap without one.
   * @param {number} time
   * @param {Sample} [sample]
   */
  #append(time, sample) {
    for (const name of Object.keys(sample ?? this.columns)) {
      (this.columns[name] ??= this.times.map(() => null)).push(sample?.[name] ?? null);
    }
    this.times.push(time);
  }

  /**
   * Keeps the times from index `from` to before `to`.
   * @param {number} from
   * @param {number} to
   */
  #cut(from, to) {
    this.times = this.times.slice(from, to);
    for (const [name, column] of Object.entries(this.columns)) this.columns[name] = column.slice(from, to);
  }
}
