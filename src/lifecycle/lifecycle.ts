import { Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap } from '@nestjs/common';

/**
 * A phase in the life of the server. starting: is being made. serving: lets peers in. lame-duck: about to drain;
 * not ready, but still serves newcomers. draining: lets nobody in, while the last connections leave.
 */
export type Phase = 'starting' | 'serving' | 'lame-duck' | 'draining';

/** Owns the phase of the server. Knows nothing of what a phase entails. Invariant: the phase only moves forward. */
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

  /** Everything is made: the server lets peers in. */
  onApplicationBootstrap(): void {
    if (this.#phase === 'starting') this.#phase = 'serving';
  }

  /** Makes a serving server a lame duck: newcomers should go elsewhere. Returns whether the server was serving. */
  leave(): boolean {
    if (this.#phase !== 'serving') return false;
    this.#phase = 'lame-duck';
    return true;
  }

  /** Starts the drain: nobody is let in any more. */
  drain(): void {
    this.#phase = 'draining';
    this.#draining.abort();
  }
}
