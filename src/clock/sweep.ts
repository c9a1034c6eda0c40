/**
 * Does a long piece of work in steps, at an interval: as long as a step says that there is more, the next one follows at once,
 * after others had their turn. One timer, which does not keep the process alive. Knows nothing of the work.
 * Invariant: at most one step a turn of the event loop, and none after `stop`; what had come in before the interval was over
 * has been read when a step runs, also when the process stood still.
 */
export class Sweep {
  #timer: NodeJS.Timeout | undefined;
  /** The step to come; undefined when the work is done until the next interval. */
  #next: NodeJS.Immediate | undefined;

  /** `step` does a bounded part of the work and says whether there may be more; `interval` is in milliseconds. */
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

  readonly #run = (): void => {
    this.#next = undefined;
    // The step may stop the sweep.
    if (this.step() && this.#timer !== undefined) this.#next = setImmediate(this.#run);
  };
}
