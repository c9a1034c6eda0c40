import type { NodeId } from '../../backplane/roster.js';
import type { WordMember } from '../../protocol/member-words.js';

/** What is known of one other node on one topic. */
export interface NodeOnTopic {
  /** Number of the last word that was believed: what is not newer is ignored. */
  at: number;
  /** When its list was last heard, in milliseconds on the monotonic clock. */
  heard: number;
  /** Whether it wants to know the members of this node. */
  wants: boolean;
  /** Whether there was no room for some of its members. */
  lacks: boolean;
  /** The parts of a list that has not come to its end; undefined for none. */
  parts: WordMember[] | undefined;
  nextPart: number;
  partBytes: number;
}

/** Somebody waits until the members of other nodes are known. */
export interface Waiting {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  /** When nobody waits any longer, in milliseconds on the monotonic clock. */
  readonly latest: number;
  /** The same after what was heard so far. */
  until: number;
  readonly answered: Set<NodeId>;
}

/** A topic whose members this node tells to others, or wants to know of them. */
export class TopicElsewhere {
  /** Whether there is a member here that may be told of others. */
  open = false;
  /** Whether the other nodes have said what they have. */
  known = false;
  readonly nodes = new Map<NodeId, NodeOnTopic>();
  /** Number of nodes that want to know the members of this one. */
  wanting = 0;
  waiting: Waiting | undefined;
  /** Whether the list of this node was said where another node may have heard it. */
  told = false;
  /** Number of the last word about it. */
  saidAt = 0;
  /** Whether it could not be said that the last member left. */
  owes = false;
  /** Whether the list of this node is about to be said; and whether that asks the others for theirs. */
  due = false;
  asks = false;
  /** Whether it shall be learnt whether another node has the topic at all. */
  inquires = false;
  /** When the next list may be said, in milliseconds on the monotonic clock. */
  notBefore = 0;

  constructor(readonly topic: string) {}

  /** Whether not all members of other nodes are known. */
  get partial(): boolean {
    if (!this.known) return true;
    for (const { lacks } of this.nodes.values()) if (lacks) return true;
    return false;
  }
}
