import { Injectable } from '@nestjs/common';
import type { OnApplicationShutdown, OnModuleInit } from '@nestjs/common';
import { Clock } from '../clock/clock.js';
import { Sweep } from '../clock/sweep.js';
import { Sampler } from './sampler.js';
import type { Sample } from './sampler.js';
import { Sources } from '../exposition/sources.js';

/** Milliseconds from one sample to the next. */
export const INTERVAL_MS = 2000;
/** Maximum number of samples kept: ten minutes, in some tens of KB. */
export const KEPT = 300;

/**
 * Owns the samples of the last ten minutes. Takes them while the node runs, if there is a management address to see
 * them on. Knows nothing of who looks.
 * Invariant: samples are in order of time and at least half an interval apart. There are at most KEPT. Without
 * `management-addr` there are none, and nothing runs.
 */
@Injectable()
export class History implements OnModuleInit, OnApplicationShutdown {
  readonly #samples: Sample[] = [];
  readonly #sampler: Sampler;
  readonly #sweep: Sweep;
  #listener: (sample: Sample) => void = () => undefined;

  constructor(
    private readonly sources: Sources,
    private readonly clock: Clock,
  ) {
    this.#sampler = new Sampler(sources);
    this.#sweep = new Sweep(() => this.sample(), INTERVAL_MS);
  }

  /** Oldest first. */
  get samples(): readonly Sample[] {
    return this.#samples;
  }

  /** Calls `listener` with every sample from now on. Replaces the previous listener. */
  tell(listener: (sample: Sample) => void): void {
    this.#listener = listener;
  }

  onModuleInit(): void {
    if (this.sources.settings.managementAddr === undefined) return;
    const now = this.clock.monotonic();
    this.#sampler.start(now);
    this.#add(this.#sampler.take(now));
    this.#sweep.start();
  }

  /** Stops after the drain, so that the drain can be watched. */
  onApplicationShutdown(): void {
    this.#sweep.stop();
    this.#sampler.stop();
  }

  /** Takes a sample, unless the last one is fresh. Returns false, as a step of a Sweep that is done. */
  sample(): false {
    const now = this.clock.monotonic();
    // Timers drift a little. After the process was blocked two may fire in a row; rates over so short a time mean
    // nothing.
    if (this.#sampler.elapsed(now) >= INTERVAL_MS / 2) this.#add(this.#sampler.take(now));
    return false;
  }

  #add(sample: Sample): void {
    if (this.#samples.push(sample) > KEPT) this.#samples.shift();
    this.#listener(sample);
  }
}
