import type { Settings } from '../config/settings.js';
import { MOST_OF_PUBLIC_ADDRESS } from '../config/values.js';
import type { Log } from '../logging/log.js';
import type { LimitCounts } from '../metrics/limit-counts.js';
import { Refusal } from '../connection/refusal.js';
import { mayBeProxy } from '../connection/private-address.js';
import type { Origin } from './plain-connections.js';

/** How soon, in seconds, a peer that found no place may try again. */
const RETRY_S = 10;
/** Plain connections that a network may have when peers have taken all of its places: health checks, and peers that are told so. */
const FOR_REFUSALS = 16;

const ADDRESS_FULL = new Refusal(
  429,
  'connections_per_ip',
  'Too many connections from this address; the setting is max-connections-per-ip.',
  { retryAfter: RETRY_S },
);
const NODE_FULL = new Refusal(
  503,
  'connections',
  'This server has as many connections as it may; the setting is max-connections.',
  { retryAfter: RETRY_S },
);

/** A connection's share of the limits, from its upgrade to its end. */
export interface Place {
  /** Gives it back; a second time does nothing. */
  readonly release: () => void;
}

/**
 * How many connections there may be, on the node and from one network. Owns the counts. Knows nothing of requests or sockets.
 * Invariant: the counts are those of the places taken and not released; a network without any takes no memory.
 */
export class ConnectionLimits {
  readonly #ofNetwork = new Map<string, number>();
  #taken = 0;
  #warned = false;

  /** `most` is 0 for no limit. */
  constructor(
    private readonly most: number,
    private readonly settings: Pick<Settings, 'maxConnectionsPerIp' | 'trustedProxies'>,
    private readonly counts: LimitCounts,
    private readonly log: Log,
  ) {}

  /** Places that are taken. */
  get taken(): number {
    return this.#taken;
  }

  /** How many plain connections there may be at this moment from a network that has `plain`: they and its peers share one limit. */
  plainOf(origin: Origin, plain: number): number {
    const taken = this.#takenOf(origin);
    return this.#mostOf(origin, taken + plain) - taken + FOR_REFUSALS;
  }

  /** A place for a connection from there, or why there is none. */
  take(origin: Origin): Place | Refusal {
    const { network } = origin;
    const ofNetwork = this.#takenOf(origin);
    if (ofNetwork >= this.#mostOf(origin, ofNetwork)) {
      this.counts.reached('max-connections-per-ip');
      return ADDRESS_FULL;
    }
    if (this.most > 0 && this.#taken >= this.most) {
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

  /** What is set holds for every address; the default does not for one behind which everyone may be, which is asked only of one that has so many. */
  #mostOf({ address }: Origin, has: number): number {
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
      'many connections from a private address, which has no limit by default: if that is a proxy, name it in trusted-proxies, so that those behind it are told apart',
    );
  }
}
