/** @typedef {Readonly<Record<string, number>>} Sample A figure by its name, and `at`: seconds since the server's own start of counting. */

/** Between samples that are further apart than so many intervals, something is missing. */
const GAP = 2.5;

/**
 * The samples of the last minutes in columns, as charts take them. Knows when samples were taken by the clock of this browser:
 * those of a server count from a start of its own. Invariant: times ascend; where samples are missing there is a time without figures.
 */
export class Window {
  /** Seconds since the epoch, for every sample and gap. @type {number[]} */
  times = [];
  /** By name; null in a gap. @type {Record<string, (number | null)[]>} */
  columns = {};
  /** Seconds that are shown. */
  kept = 600;
  /** @type {Sample | undefined} */
  newest;
  #interval = 2;
  /** Seconds since the epoch at which the server's count was 0. */
  #epoch = 0;

  /**
   * What the server remembers: takes the place of what is known of that time, and leaves what is older, of a process before it.
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
    this.#cut(
      Math.max(
        0,
        this.times.findIndex((at) => at >= time - this.kept - this.#interval),
      ),
      this.times.length,
    );
  }

  /** The lowest and the highest figure shown; undefined without any. @param {string} name */
  span(name) {
    const figures = (this.columns[name] ?? []).filter((figure) => figure !== null);
    return figures.length === 0 ? undefined : /** @type {const} */ ([Math.min(...figures), Math.max(...figures)]);
  }

  /**
   * Without a sample, a gap.
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
   * @param {number} from
   * @param {number} to
   */
  #cut(from, to) {
    this.times = this.times.slice(from, to);
    for (const [name, column] of Object.entries(this.columns)) this.columns[name] = column.slice(from, to);
  }
}
