/**
 * Does a long piece of work in steps, at an interval. While a step says that there is more work, the next one runs in
 * the next turn of the event loop. Owns one timer, which does not keep the process alive. Knows nothing of the work.
 * Invariant: at most one step runs per turn, and none after `stop`. When a step runs, the input that had arrived by the
 * end of the interval has been read, even if the process was blocked.
 */
export class Sweep {
  #timer: NodeJS.Timeout | undefined;
  /** The next step; undefined when no work is left until the next interval. */
  #next: NodeJS.Immediate | undefined;

  /** `step` does a bounded part of the work and returns whether there may be more. `interval` is in milliseconds. */
  constructor(
    private readonly step: () => boolean,
    private readonly interval: number,
  ) {}

  start(): void {
    // Timers run before the event loop reads from sockets, immediates after it.
    this.#timer = setInterval(() => (this.#next ??= setImmediate(this.#run)), this.interval);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    clearImmediate(this.#next);
    this.#timer = undefined;
    this.#next = undefined;
  }

  /** Runs a step in the next turn, without waiting for the interval. Does nothing while the sweep is stopped. */
  wake(): void {
    if (this.#timer !== undefined) this.#next ??= setImmediate(this.#run);
  }

  readonly #run = (): void => {
    this.#next = undefined;
    // The step may stop the sweep, or wake it.
    if (this.step() && this.#timer !== undefined) this.#next ??= setImmediate(this.#run);
  };
}
