import { randomBytes } from 'node:crypto';
import type { Clock } from '../clock/clock.js';

/** What a node calls itself on the bus: 16 random characters of base64url, new with each process. */
export type NodeId = string;

/** Milliseconds after which a node that says nothing has gone: three of its calls were missed, and a second more. */
export const SILENT_MS = 13_000;
/** Milliseconds between two looks at who has been silent. */
export const LOOK_MS = 500;
/** A look adds at most this to how long others were silent: the rest of the time, this process did not run. */
const MOST_BETWEEN_LOOKS_MS = 2 * LOOK_MS;
/** Maximum number of other nodes: more than any service has. */
export const MOST_NODES = 1024;

/** Another node. */
export interface OtherNode {
  /** Whether it has peers that want to know members of topics. */
  readonly wantsMembers: boolean;
  /** Whether it is about to stop, so that newcomers should go elsewhere. */
  readonly leaving: boolean;
}

/** Hears who comes and who goes. Called while a message of the bus is handled, so it must be quick. */
export interface RosterListener {
  /** A node is there that was not, or that had gone. It may have missed what was said meanwhile. */
  came?(node: NodeId): void;
  /** A node has stopped, or was silent for too long. */
  gone?(node: NodeId): void;
  /** A node has new subscriptions, and has missed what was said before: it has come, or was cut off. */
  greeted?(node: NodeId): void;
}

interface Entry extends OtherNode {
  wantsMembers: boolean;
  leaving: boolean;
  /** When it was last heard, in milliseconds that this node listened. */
  heard: number;
  /** Whether it was heard on the current connection to the bus. */
  fresh: boolean;
}

/**
 * Knows which other nodes of the service there are. Owns that list. Knows nothing of how they are heard.
 * Invariant: there are at most MOST_NODES. A node is on the list from when it is first heard until it says that it has
 * gone, or until this one has listened for SILENT_MS without hearing it, and a look. Time in which this node did not
 * run, or was cut off from the bus, does not count. Each change is told once.
 */
export class Roster {
  readonly self: NodeId = randomBytes(12).toString('base64url');
  readonly #others = new Map<NodeId, Entry>();
  readonly #listeners: RosterListener[] = [];
  /** Milliseconds that this node has listened. */
  #time = 0;
  /** When was last looked, in milliseconds on the monotonic clock. */
  #looked: number | undefined;

  /** The other nodes, also while this one is cut off from them. */
  get others(): ReadonlyMap<NodeId, OtherNode> {
    return this.#others;
  }

  /** Whether a node that takes newcomers was heard since this one was last cut off. */
  get welcoming(): boolean {
    for (const { fresh, leaving } of this.#others.values()) if (fresh && !leaving) return true;
    return false;
  }

  /** Tells a listener of all changes from now on. */
  watch(listener: RosterListener): void {
    this.#listeners.push(listener);
  }

  /** Whether a node that was heard has peers that want to know members of topics. */
  get wantingMembers(): boolean {
    for (const { wantsMembers } of this.#others.values()) if (wantsMembers) return true;
    return false;
  }

  /** A node is there. Returns false if there is no room for it. */
  heard(node: NodeId, leaving: boolean, wantsMembers = false): boolean {
    if (node === this.self) return true;
    const known = this.#others.get(node);
    if (known === undefined && this.#others.size >= MOST_NODES) return false;
    const entry = known ?? { leaving, wantsMembers, heard: 0, fresh: true };
    entry.leaving = leaving;
    entry.wantsMembers = wantsMembers;
    entry.heard = this.#time;
    entry.fresh = true;
    if (known !== undefined) return true;
    this.#others.set(node, entry);
    for (const listener of this.#listeners) listener.came?.(node);
    return true;
  }

  /** A node has stopped. */
  left(node: NodeId): void {
    if (!this.#others.delete(node)) return;
    for (const listener of this.#listeners) listener.gone?.(node);
  }

  /** A node that was heard has new subscriptions. */
  greeted(node: NodeId): void {
    for (const listener of this.#listeners) listener.greeted?.(node);
  }

  /** This node was cut off from the bus: what it knows may not be so any more. */
  cutOff(): void {
    this.#looked = undefined;
    for (const entry of this.#others.values()) entry.fresh = false;
  }

  /** Looks who has been silent for too long. Called every LOOK_MS while the bus answers. */
  look(clock: Clock): void {
    const now = clock.monotonic();
    this.#time += Math.min(now - (this.#looked ?? now), MOST_BETWEEN_LOOKS_MS);
    this.#looked = now;
    for (const [node, { heard }] of this.#others) if (this.#time - heard >= SILENT_MS) this.left(node);
  }
}
