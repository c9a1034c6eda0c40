import { Injectable } from '@nestjs/common';
import { Clock } from '../clock/clock.js';
import { Settings } from '../config/settings.js';
import { Log, Logs } from '../logging/log.js';
import { LimitCounts } from '../metrics/limit-counts.js';
import { mayBeProxy } from '../connection/private-address.js';
import type { UpgradeRequest } from './upgrade-request.js';

/** How long wrong tokens of a network are remembered, in milliseconds since the first one. */
const WINDOW_MS = 60_000;
/** Maximum number of networks remembered: about 2 MB. Beyond that the oldest is forgotten. */
const MOST_NETWORKS = 10_000;

interface Attempts {
  count: number;
  readonly forgottenAt: number;
}

/**
 * Owns the number of wrong tokens that each network showed lately. Does not know which tokens are right.
 * Invariant: networks are in the order in which they will be forgotten, and there are never more than MOST_NETWORKS.
 */
@Injectable()
export class WrongTokens {
  readonly #attempts = new Map<string, Attempts>();
  readonly #log: Log<'auth'>;
  #warned = false;

  constructor(
    private readonly settings: Settings,
    private readonly clock: Clock,
    private readonly counts: LimitCounts,
    logs: Logs,
  ) {
    this.#log = logs.for('auth');
  }

  /**
   * Counts a wrong token that a peer showed. Returns the seconds until its network may try again, if that was one too
   * many; otherwise undefined. Where `trustedProxies` is undefined, a private address may be a proxy, and is spared.
   */
  shown(
    { peerAddress, peerNetwork }: Pick<UpgradeRequest, 'peerAddress' | 'peerNetwork'>,
    trustedProxies: readonly unknown[] | undefined = this.settings.trustedProxies,
  ): number | undefined {
    const { maxWrongTokens: most } = this.settings;
    if (most === 0) return undefined;
    const now = this.clock.monotonic();
    const attempts = this.#attemptsOf(peerNetwork, now);
    attempts.count += 1;
    if (attempts.count <= most) return undefined;
    if (mayBeProxy(peerAddress, trustedProxies)) {
      this.#warn();
      return undefined;
    }
    this.counts.reached('max-wrong-tokens');
    return Math.ceil((attempts.forgottenAt - now) / 1000);
  }

  #attemptsOf(network: string, now: number): Attempts {
    for (const [oldest, { forgottenAt }] of this.#attempts) {
      if (forgottenAt > now) break;
      this.#attempts.delete(oldest);
    }
    const known = this.#attempts.get(network);
    if (known !== undefined) return known;
    if (this.#attempts.size === MOST_NETWORKS) this.#attempts.delete(this.#attempts.keys().next().value!);
    const attempts = { count: 0, forgottenAt: now + WINDOW_MS };
    this.#attempts.set(network, attempts);
    return attempts;
  }

  /** Warns once. Does not refuse: that would lock out everyone behind the address. */
  #warn(): void {
    if (this.#warned) return;
    this.#warned = true;
    this.#log.write('wrong_tokens_from_proxy');
  }
}
