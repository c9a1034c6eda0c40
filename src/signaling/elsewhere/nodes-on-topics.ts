import type { NodeId } from '../../backplane/roster.js';
import type { Here, WordMember } from '../../protocol/member-words.js';
import type { NodeOnTopic, TopicElsewhere } from './topic-elsewhere.js';

/** Maximum number of pairs of a topic and another node that has it: 250 bytes each, or 64 MB. */
export const MOST_PAIRS = 262_144;
/** Maximum number of other nodes that are known on one topic: more than any service has. */
export const MOST_NODES_OF_A_TOPIC = 64;
/** Maximum number of bytes in lists that have not come to their end. */
export const MOST_UNFINISHED_BYTES = 16 * 1024 * 1024;
const MEMBER_BYTES = 128;

/**
 * Which other nodes have which topics, and the lists that they have begun to say. Owns the bounds of that. Knows nothing
 * of what follows.
 * Invariant: a node is in the nodes of a topic exactly when the topic is in those of the node. `wanting` of a topic
 * counts its nodes that want to know.
 */
export class NodesOnTopics {
  readonly #topics = new Map<NodeId, Set<TopicElsewhere>>();
  #pairs = 0;
  #unfinished = 0;

  /** Returns what is known of a node on a topic, from now on; undefined if there is no room for that. */
  know(topic: TopicElsewhere, node: NodeId, now: number): NodeOnTopic | undefined {
    const known = topic.nodes.get(node);
    if (known !== undefined) return known;
    if (this.#pairs >= MOST_PAIRS || topic.nodes.size >= MOST_NODES_OF_A_TOPIC) return undefined;
    const added = {
      at: -1,
      heard: Math.round(now),
      wants: false,
      lacks: false,
      parts: undefined,
      nextPart: 0,
      partBytes: 0,
    };
    topic.nodes.set(node, added);
    const topics = this.#topics.get(node);
    if (topics === undefined) this.#topics.set(node, new Set([topic]));
    else topics.add(topic);
    this.#pairs += 1;
    return added;
  }

  /** The topics that a node has. The set is live. */
  topicsOf(node: NodeId): Iterable<TopicElsewhere> {
    return this.#topics.get(node) ?? [];
  }

  want(topic: TopicElsewhere, node: NodeOnTopic, wants: boolean): void {
    if (node.wants === wants) return;
    node.wants = wants;
    topic.wanting += wants ? 1 : -1;
  }

  remove(topic: TopicElsewhere, node: NodeId): void {
    const known = topic.nodes.get(node);
    if (known === undefined) return;
    this.want(topic, known, false);
    this.giveUp(known);
    topic.nodes.delete(node);
    const topics = this.#topics.get(node)!;
    topics.delete(topic);
    if (topics.size === 0) this.#topics.delete(node);
    this.#pairs -= 1;
  }

  /**
   * Takes a list, or a part of one. Returns all members once it is whole; undefined before, and for a part that does not
   * continue what came before. `most` is the number of members that a list may have; what is longer is given up.
   */
  collect(node: NodeOnTopic, { part, more, members }: Here, most: number): readonly WordMember[] | undefined {
    if (part === 0) this.giveUp(node);
    else if (node.parts === undefined || node.nextPart !== part) return this.giveUp(node);
    const before = node.parts ?? [];
    if (before.length + members.length > most) return this.giveUp(node);
    if (!more) {
      this.giveUp(node);
      return part === 0 ? members : [...before, ...members];
    }
    const bytes = members.reduce((sum, { data }) => sum + MEMBER_BYTES + (data?.length ?? 0), 0);
    if (this.#unfinished + bytes > MOST_UNFINISHED_BYTES) return this.giveUp(node);
    this.#unfinished += bytes;
    node.partBytes += bytes;
    node.parts = before;
    for (const member of members) before.push(member);
    node.nextPart = part + 1;
    return undefined;
  }

  /** Forgets the parts of a list that has not come to its end. */
  giveUp(node: NodeOnTopic): undefined {
    this.#unfinished -= node.partBytes;
    node.partBytes = 0;
    node.parts = undefined;
    node.nextPart = 0;
  }
}
