import type { Settings } from '../config/settings.js';
import { MOST_OF_PUBLIC_ADDRESS } from '../config/values.js';
import type { Log } from '../logging/log.js';
import type { LimitCounts } from '../metrics/limit-counts.js';
import { Refusal } from '../connection/refusal.js';
import { mayBeProxy } from '../connection/private-address.js';
import type { Origin } from './plain-connections.js';

/** Seconds after which a peer that found no room may try again. */
const RETRY_S = 10;
/** Plain connections that a network may have when its peers take all of its places: for health checks and refusals. */
const FOR_REFUSALS = 16;

export const ADDRESS_FULL = new Refusal(
  429,
  'connections_per_ip',
  'Too many connections from this address; the setting is max-connections-per-ip.',
  { retryAfter: RETRY_S },
);
const NODE_FULL = new Refusal(
  503,
  'connections',
  'This server has reached its connection limit; the setting is max-connections.',
  { retryAfter: RETRY_S },
);

/** A connection's share of the limits, from its upgrade to its end. */
export interface Place {
  /** Gives the place back. A second call does nothing. */
  readonly release: () => void;
}

/**
 * Limits the connections of the node and of each network. Owns the counts. Knows nothing of requests or sockets.
 * Invariant: the counts are those of the places that are taken and not released. A network without places takes no
 * memory.
 */
export class ConnectionLimits {
  readonly #ofNetwork = new Map<string, number>();
  #taken = 0;
  #warned = false;

  /** `max` is 0 for no limit. */
  constructor(
    private readonly max: number,
    private readonly settings: Pick<Settings, 'maxConnectionsPerIp' | 'trustedProxies'>,
    private readonly counts: LimitCounts,
    private readonly log: Log,
  ) {}

  /** Number of places that are taken. */
  get taken(): number {
    return this.#taken;
  }

  /**
   * Returns how many plain connections a network that has `plain` of them may have now. They and its peers share one
   * limit.
   */
  maxPlain(origin: Origin, plain: number): number {
    const taken = this.#takenOf(origin);
    return this.#maxOf(origin, taken + plain) - taken + FOR_REFUSALS;
  }

  /** Takes a place for a connection from `origin`. Returns a Refusal if there is none. */
  take(origin: Origin): Place | Refusal {
    const { network } = origin;
    const ofNetwork = this.#takenOf(origin);
    if (ofNetwork >= this.#maxOf(origin, ofNetwork)) {
      this.counts.reached('max-connections-per-ip');
      return ADDRESS_FULL;
    }
    if (this.max > 0 && this.#taken >= this.max) {
      this.counts.reached('max-connections');
      return NODE_FULL;
    }
    if (this.settings.maxConnectionsPerIp === undefined && ofNetwork === MOST_OF_PUBLIC_ADDRESS) this.#warn();
    this.#taken += 1;
    this.#ofNetwork.set(network, ofNetwork + 1);
    let released = false;
    return {
      release: () => {
        if (!released) this.#release(network);
        released = true;
      },
    };
  }

  #takenOf({ network }: Origin): number {
    return this.#ofNetwork.get(network) ?? 0;
  }

  /**
   * Returns the maximum number of connections from the network of an address. A limit that is set applies to every
   * address. The default does not apply to an address that may be a proxy. That is only checked once the network has
   * enough connections.
   */
  #maxOf({ address }: Origin, has: number): number {
    const { maxConnectionsPerIp: set, trustedProxies } = this.settings;
    if (set !== undefined) return set === 0 ? Infinity : set;
    if (has < MOST_OF_PUBLIC_ADDRESS) return MOST_OF_PUBLIC_ADDRESS;
    return mayBeProxy(address, trustedProxies) ? Infinity : MOST_OF_PUBLIC_ADDRESS;
  }

  #release(network: string): void {
    this.#taken -= 1;
    const left = this.#ofNetwork.get(network)! - 1;
    if (left === 0) this.#ofNetwork.delete(network);
    else this.#ofNetwork.set(network, left);
  }

  #warn(): void {
    if (this.#warned) return;
    this.#warned = true;
    this.log.warn(
      'many connections from a private address, which has no limit by default: ' +
        'if that is a proxy, list it in trusted-proxies so that the peers behind it are counted separately',
    );
  }
}
