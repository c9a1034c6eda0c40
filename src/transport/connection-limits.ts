import type { Settings } from '../config/settings.js';
import { MOST_OF_PUBLIC_ADDRESS } from '../config/values.js';
import type { Log } from '../logging/log.js';
import type { LimitCounts } from '../metrics/limit-counts.js';
import { Refusal } from '../connection/refusal.js';
import { mayBeProxy } from '../connection/private-address.js';
import type { Origin } from './plain-connections.js';
import type { PrincipalPlace } from '../principals/principal-place.js';
import { SparedPlaces } from './spared-places.js';

/** Seconds after which a peer that found no room may try again. */
const RETRY_S = 10;
/** Plain connections that a network may have when its peers take all of its places: for health checks and refusals. */
const FOR_REFUSALS = 16;
/** Newcomers that may be judged at a time where no place is free, but some can be spared. */
const MOST_ON_SPARED = 16;

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
  release(): void;
  /** The connection is one of a principal, and counts there as long as the place is taken. */
  join(place: PrincipalPlace): void;
  /** The connection as one of a principal; undefined for an anonymous peer. */
  readonly ofPrincipal: PrincipalPlace | undefined;
  /**
   * Called once the newcomer that took it is let in. Where there are too many now, cuts the connection whose place was
   * spared longest ago; the refusal, where none is spared any more.
   */
  claim(): Refusal | undefined;
  /** A newcomer may have the place from now on: `cut` ends the connection that has it. */
  spare(cut: () => void): void;
  /** Nobody else may have it any more. */
  keep(): void;
}

/**
 * Limits the connections of the node and of each network. Owns the counts, and the list of places that can be spared.
 * Knows nothing of requests or sockets.
 * Invariant: the counts are those of the places that are taken and not released. A network without places takes no
 * memory. No more places are claimed than the limits allow.
 */
export class ConnectionLimits {
  /** Places that a newcomer may have. */
  readonly spared = new SparedPlaces<TakenPlace>();
  readonly #ofNetwork = new Map<string, number>();
  #taken = 0;
  #warned = false;

  /** `max` is 0 for no limit. */
  constructor(
    private readonly max: number,
    private readonly settings: Pick<Settings, 'maxConnectionsPerIp' | 'trustedProxies'>,
    private readonly counts: LimitCounts,
    private readonly log: Log<'upgrade'>,
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
    const beyond = ofNetwork - this.#maxOf(origin, ofNetwork);
    if (beyond >= Math.min(this.spared.sizeOf(network), MOST_ON_SPARED)) {
      this.counts.reached('max-connections-per-ip');
      return ADDRESS_FULL;
    }
    if (this.max > 0 && this.#taken - this.max >= Math.min(this.spared.size, MOST_ON_SPARED)) {
      this.counts.reached('max-connections');
      return NODE_FULL;
    }
    if (this.settings.maxConnectionsPerIp === undefined && ofNetwork === MOST_OF_PUBLIC_ADDRESS) this.#warn();
    this.#taken += 1;
    this.#ofNetwork.set(network, ofNetwork + 1);
    return new TakenPlace(origin, this);
  }

  /** Where there are too many now, another connection makes way for the one that took a place from there. */
  claim(origin: Origin): Refusal | undefined {
    const ofNetwork = this.#takenOf(origin);
    if (ofNetwork > this.#maxOf(origin, ofNetwork - 1)) {
      this.counts.reached('max-connections-per-ip');
      return makeWay(this.spared.firstOf(origin.network)) ? undefined : ADDRESS_FULL;
    }
    if (this.max > 0 && this.#taken > this.max) {
      this.counts.reached('max-connections');
      return makeWay(this.spared.first) ? undefined : NODE_FULL;
    }
    return undefined;
  }

  /** A place of that network is free again. */
  giveBack(network: string): void {
    this.#taken -= 1;
    const left = this.#ofNetwork.get(network)! - 1;
    if (left === 0) this.#ofNetwork.delete(network);
    else this.#ofNetwork.set(network, left);
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

  #warn(): void {
    if (this.#warned) return;
    this.#warned = true;
    this.log.write('private_address_busy');
  }
}

function makeWay(place: TakenPlace | undefined): boolean {
  place?.cut();
  return place !== undefined;
}

/** A place that was taken. Owns whether it still is, and how the connection that has it is cut. */
class TakenPlace implements Place {
  ofPrincipal: PrincipalPlace | undefined;
  #released = false;
  #cut: (() => void) | undefined;

  constructor(
    private readonly origin: Origin,
    private readonly limits: ConnectionLimits,
  ) {}

  get network(): string {
    return this.origin.network;
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.keep();
    this.ofPrincipal?.release();
    this.limits.giveBack(this.network);
  }

  join(place: PrincipalPlace): void {
    // The newcomer may have left while guards took their time.
    if (this.#released) place.release();
    else this.ofPrincipal = place;
  }

  claim(): Refusal | undefined {
    // Released where the newcomer has left meanwhile.
    return this.#released ? undefined : (this.ofPrincipal?.claim() ?? this.limits.claim(this.origin));
  }

  spare(cut: () => void): void {
    if (this.#released) return;
    this.#cut = cut;
    this.limits.spared.add(this);
    this.ofPrincipal?.spare(() => this.cut());
  }

  keep(): void {
    this.#cut = undefined;
    this.limits.spared.remove(this);
    this.ofPrincipal?.keep();
  }

  /** Gives the place back before the connection has ended. */
  cut(): void {
    const cut = this.#cut!;
    this.release();
    cut();
  }
}
