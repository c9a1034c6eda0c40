import { Injectable } from '@nestjs/common';
import type { OnApplicationShutdown, OnModuleInit } from '@nestjs/common';
import { Clock } from '../clock/clock.js';
import { Sweep } from '../clock/sweep.js';
import { Sampler } from './sampler.js';
import type { Sample } from './sampler.js';
import { Sources } from '../exposition/sources.js';

/** Milliseconds from one sample to the next. */
export const INTERVAL_MS = 2000;
/** Samples that are kept: ten minutes, in some tens of KB. */
export const KEPT = 300;

/**
 * How this node was in the last ten minutes, sample by sample. Owns the samples, and takes them while the node runs where
 * there is an address on which to see them. Knows nothing of who looks.
 * Invariant: samples are in the order of their time, at least half an interval apart, and at most KEPT; without
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

  /** Calls `listener` with every sample from now on, instead of who was called before. */
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

  /** Later than the drain, so that it can be watched. */
  onApplicationShutdown(): void {
    this.#sweep.stop();
    this.#sampler.stop();
  }

  /** Takes a sample, unless the last one is that fresh. Nothing is left to do. */
  sample(): false {
    const now = this.clock.monotonic();
    // A timer is early or late by a little; two in a row, after the process stood still, would make rates of next to no time.
    if (this.#sampler.elapsed(now) >= INTERVAL_MS / 2) this.#add(this.#sampler.take(now));
    return false;
  }

  #add(sample: Sample): void {
    if (this.#samples.push(sample) > KEPT) this.#samples.shift();
    this.#listener(sample);
  }
}
