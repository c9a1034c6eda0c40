import type { NodeId } from '../../backplane/roster.js';
import type { Presence } from '../../presence/presence.js';
import type { TopicRegistry } from '../../presence/topic-registry.js';
import type { NodesOnTopics } from './nodes-on-topics.js';
import { TopicElsewhere } from './topic-elsewhere.js';

/** Maximum number of topics whose members are only told. */
export const MOST_ONLY_TOLD = 131_072;

/**
 * The topics whose members are told to other nodes, or wanted of them. Owns which these are. Knows nothing of words.
 * Invariant: a topic is among them while a v2 member is here (then it is open), or while it has subscribers here and
 * another node wants to know them, or was told a while ago; then Presence has a table of it.
 */
export class TopicsElsewhere {
  readonly #topics = new Map<string, TopicElsewhere>();
  #open = 0;

  constructor(
    private readonly presence: Presence,
    private readonly registry: TopicRegistry,
    private readonly nodes: NodesOnTopics,
  ) {}

  /** Number of topics that are open. */
  get open(): number {
    return this.#open;
  }

  get size(): number {
    return this.#topics.size;
  }

  get(topic: string): TopicElsewhere | undefined {
    return this.#topics.get(topic);
  }

  values(): IterableIterator<TopicElsewhere> {
    return this.#topics.values();
  }

  /** A topic has its first v2 member here. */
  opened(topic: string): TopicElsewhere {
    const elsewhere = this.#topics.get(topic) ?? new TopicElsewhere(topic);
    this.#topics.set(topic, elsewhere);
    elsewhere.open = true;
    this.#open += 1;
    this.showPartial(elsewhere);
    return elsewhere;
  }

  /** A topic has lost its last v2 member here. Those that want to know the others are told on. */
  closed(topic: TopicElsewhere): void {
    topic.open = false;
    topic.known = false;
    this.#open -= 1;
    for (const [node, { wants }] of topic.nodes) if (!wants) this.nodes.remove(topic, node);
    this.onlyTell(topic);
  }

  /** Another node wants to know the members of a topic, which need not be open. Undefined if there is nobody or no room. */
  wanted(topic: string): TopicElsewhere | undefined {
    const known = this.#topics.get(topic);
    if (known !== undefined) return known;
    const isFull = this.#topics.size - this.#open >= MOST_ONLY_TOLD;
    if (isFull || this.registry.subscribers(topic).size === 0) return undefined;
    const elsewhere = new TopicElsewhere(topic);
    this.#topics.set(topic, elsewhere);
    return elsewhere;
  }

  /** Tells the members of a topic that is not open, as long as somebody wants to know them. */
  onlyTell(topic: TopicElsewhere): void {
    if (topic.open) return;
    const subscribers = this.registry.subscribers(topic.topic);
    if ((topic.wanting === 0 && !topic.told) || subscribers.size === 0) this.#drop(topic);
    else this.presence.openFor(topic.topic, subscribers);
  }

  /** It is a while ago that somebody wanted to know the members of a topic. */
  tellNoMore(topic: TopicElsewhere): void {
    if (topic.open || topic.wanting > 0) return;
    topic.told = false;
    this.onlyTell(topic);
  }

  isCurrent(topic: TopicElsewhere): boolean {
    return this.#topics.get(topic.topic) === topic;
  }

  // --- what is known of other nodes

  showPartial(topic: TopicElsewhere): void {
    if (topic.open) this.presence.setPartial(topic.topic, topic.partial);
  }

  /** What other nodes have is not known any more, or not yet. */
  lose(topic: TopicElsewhere): void {
    topic.known = false;
    for (const node of topic.nodes.values()) {
      node.lacks = false;
      this.nodes.giveUp(node);
    }
    this.showPartial(topic);
  }

  /** A node has a topic no more. */
  vacate(topic: TopicElsewhere, node: NodeId): void {
    if (topic.open) this.presence.setNode(topic.topic, node, []);
    this.#remove(topic, node);
  }

  /** A node is gone: its members leave, and nobody there wants to know anything. */
  forget(node: NodeId): void {
    this.presence.forgetNode(node);
    for (const topic of this.nodes.topicsOf(node)) this.#remove(topic, node);
  }

  #remove(topic: TopicElsewhere, node: NodeId): void {
    this.nodes.remove(topic, node);
    this.showPartial(topic);
    this.onlyTell(topic);
  }

  #drop(topic: TopicElsewhere): void {
    if (!this.isCurrent(topic)) return;
    for (const node of topic.nodes.keys()) this.nodes.remove(topic, node);
    this.#topics.delete(topic.topic);
    this.presence.closeFor(topic.topic);
  }
}
