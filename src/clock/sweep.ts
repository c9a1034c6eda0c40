/**
 * Does a long piece of work in steps, at an interval: as long as a step says that there is more, the next one follows at once,
 * after others had their turn. One timer, which does not keep the process alive. Knows nothing of the work.
 */
export class Sweep {
  #timer: NodeJS.Timeout | undefined;

  /** `step` does a bounded part of the work and says whether there may be more; `interval` is in milliseconds. */
  constructor(
    private readonly step: () => boolean,
    private readonly interval: number,
  ) {}

  start(): void {
    this.#timer = setInterval(this.#run, this.interval);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  readonly #run = (): void => {
    if (this.step()) setImmediate(this.#run);
  };
}
