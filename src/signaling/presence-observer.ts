import type { Type } from '@nestjs/common';
import type { ConnectedPeer } from './signaling.service.js';

/**
 * Sees who subscribes to which topic on this node, in the application's process. A port: an application provides its own
 * (docs/extending.md, E5).
 *
 * The contract:
 * - It is called for all peers that subscribe, whatever they speak, in the order in which it happens, and after it has
 *   happened. It is not asked, and cannot hold anything up. Peers of other nodes, and the application's own
 *   subscriptions, are not seen.
 * - Topics are secrets: whoever knows one can listen there. They must not be logged, or shown.
 * - What it throws or rejects with is logged without its text. The next call does not wait for its promise.
 */
export abstract class PresenceObserver {
  abstract joined(topic: string, peer: ConnectedPeer): unknown;
  /** It unsubscribed, or its connection ended. */
  abstract left(topic: string, peer: ConnectedPeer): unknown;
  /** A cairn-signal.v2 peer has new data (V5), which are a copy. Called after `joined`. */
  changed?(topic: string, peer: ConnectedPeer, data: Buffer): unknown;
}

/** The observers, fetched when they are first needed: what they inject may itself inject SignalingService. */
export class PresenceObserverList {
  #made: readonly PresenceObserver[] | undefined;

  constructor(
    readonly types: readonly Type<PresenceObserver>[],
    private readonly fetch: (type: Type<PresenceObserver>) => PresenceObserver,
  ) {}

  get inOrder(): readonly PresenceObserver[] {
    return (this.#made ??= this.types.map((type) => this.fetch(type)));
  }
}
