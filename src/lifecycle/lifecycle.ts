import { Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap } from '@nestjs/common';

/**
 * starting: being made; serving; lame-duck: about to drain, not ready but serving everyone who still comes;
 * draining: no newcomers, the last connections are leaving.
 */
export type Phase = 'starting' | 'serving' | 'lame-duck' | 'draining';

/** Owns which phase of its life the server is in. Knows nothing of what a phase entails. Invariant: it only moves forward. */
@Injectable()
export class Lifecycle implements OnApplicationBootstrap {
  #phase: Phase = 'starting';
  readonly #draining = new AbortController();

  get phase(): Phase {
    return this.#phase;
  }

  /** Aborted when the drain begins. */
  get draining(): AbortSignal {
    return this.#draining.signal;
  }

  /** Everything is made, and whoever comes is served. */
  onApplicationBootstrap(): void {
    if (this.#phase === 'starting') this.#phase = 'serving';
  }

  /** From now on newcomers should go elsewhere. Whether that is news: a server that does not serve has nothing to leave. */
  leave(): boolean {
    if (this.#phase !== 'serving') return false;
    this.#phase = 'lame-duck';
    return true;
  }

  /** From now on nobody new is let in. */
  drain(): void {
    this.#phase = 'draining';
    this.#draining.abort();
  }
}
