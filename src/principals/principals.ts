import { Injectable } from '@nestjs/common';
import { Clock } from '../clock/clock.js';
import { Settings } from '../config/settings.js';
import type { Allowance } from '../connection/allowance.js';
import type { Connection } from '../connection/connection.js';
import { Refusal } from '../connection/refusal.js';
import { LimitCounts } from '../metrics/limit-counts.js';
import { tooManyTopicsOfPrincipal } from '../protocol/close-codes.js';
import type { CloseReason } from '../protocol/close-codes.js';
import { PrincipalPlace } from './principal-place.js';
import type { Share } from './principal-place.js';

/** Seconds after which a peer that found no room may try again. */
const RETRY_S = 10;
/** Principals without a connection whose empty buckets are remembered, at most: about 2 MB. */
const MOST_ABSENT = 10_000;
/** Newcomers that may be judged at a time where a principal has no place left, but some can be spared. */
const MOST_ON_SPARED = 16;

const FULL = 'Too many connections of this principal; the setting is max-connections-per-principal.';
const FULL_BY_ALLOWANCE =
  'Too many connections of this principal; the number is in the claim "limits" of its token, or set by a guard, ' +
  'in place of the setting max-connections-per-principal.';

/**
 * Owns what each principal has on this node: its connections, its topics, and the token bucket of all of its messages
 * (L17 to L19). Each connection is judged by its own allowance, or else by the settings. Anonymous peers are not
 * counted. Knows nothing of tokens or sockets.
 * Invariant: a principal is here while it has a connection or a topic, and after that, if its bucket is not full, as
 * one of MOST_ABSENT at most: otherwise reconnecting would fill it.
 */
@Injectable()
export class Principals {
  readonly #present = new Map<string, Share>();
  /** Those that have nothing but a bucket that is not full; those that left longest ago first. */
  readonly #absent = new Map<string, Share>();

  constructor(
    private readonly settings: Settings,
    private readonly clock: Clock,
    private readonly counts: LimitCounts,
  ) {}

  /** Number of principals that are remembered. */
  get size(): number {
    return this.#present.size + this.#absent.size;
  }

  /** Returns the refusal that a connection of a principal would get now; undefined if there is room. */
  refusal(principal: string, allowance: Allowance | undefined): Refusal | undefined {
    const most = this.#maxConnections(allowance);
    const { connections = 0, spared } = this.#present.get(principal) ?? {};
    if (most === 0 || connections - most < Math.min(spared?.size ?? 0, MOST_ON_SPARED)) return undefined;
    return this.#full(allowance);
  }

  /** Counts a connection of a principal. Returns a Refusal if it has too many. */
  take(principal: string, allowance: Allowance | undefined): PrincipalPlace | Refusal {
    const refusal = this.refusal(principal, allowance);
    if (refusal !== undefined) return refusal;
    const { rate = this.settings.maxMessagesPerSecondPerPrincipal, burst = this.settings.messageBurstPerPrincipal } =
      allowance ?? {};
    const share = this.#shareOf(principal);
    const place = new PrincipalPlace(share, allowance, { rate, burst }, this);
    share.connections += 1;
    return place;
  }

  /** Where a principal has too many connections now, cuts one that was spared; the refusal, where none is. */
  claim({ share, allowance }: PrincipalPlace): Refusal | undefined {
    const most = this.#maxConnections(allowance);
    if (most === 0 || share.connections <= most) return undefined;
    const [spared] = share.spared;
    if (spared === undefined) return this.#full(allowance);
    this.counts.reached('max-connections-per-principal');
    spared.cut();
    return undefined;
  }

  /** A connection of a principal has ended. */
  gone(share: Share): void {
    share.connections -= 1;
    this.#forget(share);
  }

  /** Returns the close reason if one more topic of the principal would be too many; undefined if there is room. */
  breach({ principal, allowance }: Connection): CloseReason | undefined {
    if (principal === undefined) return undefined;
    const most = allowance?.topics ?? this.settings.maxTopicsPerPrincipal;
    if (most === 0 || (this.#present.get(principal)?.topics ?? 0) < most) return undefined;
    return tooManyTopicsOfPrincipal(most);
  }

  /** A connection subscribed to a topic. */
  subscribed({ principal }: Connection): void {
    if (principal !== undefined) this.#shareOf(principal).topics += 1;
  }

  /** A connection unsubscribed from so many topics. */
  unsubscribed({ principal }: Connection, topics: number): void {
    const share = principal === undefined ? undefined : this.#present.get(principal);
    if (share === undefined || topics === 0) return;
    share.topics -= topics;
    this.#forget(share);
  }

  #maxConnections(allowance: Allowance | undefined): number {
    return allowance?.connections ?? this.settings.maxConnectionsPerPrincipal;
  }

  #full(allowance: Allowance | undefined): Refusal {
    this.counts.reached('max-connections-per-principal');
    const sentence = allowance?.connections === undefined ? FULL : FULL_BY_ALLOWANCE;
    return new Refusal(429, 'connections_per_principal', sentence, { retryAfter: RETRY_S });
  }

  #shareOf(principal: string): Share {
    const present = this.#present.get(principal);
    if (present !== undefined) return present;
    const share = this.#absent.get(principal) ?? {
      principal,
      connections: 0,
      topics: 0,
      fullAt: 0,
      perToken: 0,
      spared: new Set<PrincipalPlace>(),
    };
    this.#absent.delete(principal);
    this.#present.set(principal, share);
    return share;
  }

  /** Forgets a principal that has nothing any more, unless its bucket still has to fill. */
  #forget(share: Share): void {
    if (share.connections > 0 || share.topics > 0) return;
    this.#present.delete(share.principal);
    const now = this.clock.monotonic();
    for (const [oldest, { fullAt }] of this.#absent) {
      if (fullAt > now) break;
      this.#absent.delete(oldest);
    }
    if (share.fullAt <= now) return;
    if (this.#absent.size === MOST_ABSENT) this.#absent.delete(this.#absent.keys().next().value!);
    this.#absent.set(share.principal, share);
  }
}
