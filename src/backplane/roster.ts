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
  /**
   * A node is there with all its subscriptions: a new one, or one that was cut off from the bus, or from which this one
   * was. Either may have missed what the other said meanwhile.
   */
  came?(node: NodeId): void;
  /** A node has stopped, or was silent for too long. */
  gone?(node: NodeId): void;
}

/** What a node says of itself. coming: it does not have all its subscriptions yet. leaving: it is about to stop. */
export type Condition = 'coming' | 'here' | 'leaving';

/** What a node says besides. */
export interface Said {
  /** The number of its connection to the bus. */
  readonly connection: number;
  /** Whether it has peers that want to know members of topics. */
  readonly wantsMembers: boolean;
}

interface Entry extends OtherNode {
  leaving: boolean;
  wantsMembers: boolean;
  connection: number;
  /** When it was last heard, in milliseconds that this node listened. */
  heard: number;
  /** Whether it has said, since either was cut off from the bus, that it has all its subscriptions. */
  whole: boolean;
}

/**
 * Knows which other nodes of the service there are. Owns that list. Knows nothing of how they are heard.
 * Invariant: there are at most MOST_NODES. A node is on the list from when it is first heard until it says that it has
 * gone, or until this one has listened for SILENT_MS without hearing it, and a look. Time in which this node did not
 * run, or was cut off from the bus, does not count. Each change is told once.
 */
export class Roster {
  readonly self: NodeId = randomBytes(12).toString('base64url');
  /** Number of connections to the bus that this node has had. */
  connection = 0;
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
    for (const { whole, leaving } of this.#others.values()) if (whole && !leaving) return true;
    return false;
  }

  /** Whether all nodes that were not heard to go are there with all their subscriptions. */
  get complete(): boolean {
    for (const { whole } of this.#others.values()) if (!whole) return false;
    return true;
  }

  /** What this node's messages bear, so that others know on which of its connections they were sent. */
  get tag(): string {
    return `${this.self}.${this.connection}`;
  }

  /**
   * Whether a message with this tag was sent by this node itself, or over a connection that its node has given up: a
   * NATS server that was frozen passes it on much later, when others that were sent after it have arrived.
   */
  stale(tag: string): boolean {
    const node = tag.slice(0, this.self.length);
    if (node === this.self) return true;
    const entry = this.#others.get(node);
    return entry !== undefined && Number(tag.slice(node.length + 1)) < entry.connection;
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

  /** A node says how it is. Returns false if there is no room for it. */
  heard(node: NodeId, condition: Condition, { connection = 0, wantsMembers = false }: Partial<Said> = {}): boolean {
    if (node === this.self) return true;
    let entry = this.#others.get(node);
    if (entry === undefined) {
      if (this.#others.size >= MOST_NODES) return false;
      entry = { wantsMembers, leaving: false, heard: 0, connection, whole: false };
      this.#others.set(node, entry);
    }
    const came = condition !== 'coming' && !entry.whole;
    entry.wantsMembers = wantsMembers;
    entry.leaving = condition === 'leaving';
    entry.heard = this.#time;
    entry.connection = connection;
    entry.whole = condition !== 'coming';
    if (came) for (const listener of this.#listeners) listener.came?.(node);
    return true;
  }

  /** A node has stopped. */
  left(node: NodeId): void {
    if (!this.#others.delete(node)) return;
    for (const listener of this.#listeners) listener.gone?.(node);
  }

  /** This node was cut off from the bus: what it knows may not be so any more. */
  cutOff(): void {
    this.#looked = undefined;
    for (const entry of this.#others.values()) entry.whole = false;
  }

  /** Looks who has been silent for too long. Called every LOOK_MS while the bus answers. */
  look(clock: Clock): void {
    const now = clock.monotonic();
    this.#time += Math.min(now - (this.#looked ?? now), MOST_BETWEEN_LOOKS_MS);
    this.#looked = now;
    for (const [node, { heard }] of this.#others) if (this.#time - heard >= SILENT_MS) this.left(node);
  }
}
