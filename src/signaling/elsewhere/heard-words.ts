import type { NodeId, Roster } from '../../backplane/roster.js';
import type { Clock } from '../../clock/clock.js';
import type { Settings } from '../../config/settings.js';
import type { Presence } from '../../presence/presence.js';
import { canonicalRelayTopic } from '../../protocol/canonical-relay.js';
import type { MemberId } from '../../protocol/member.js';
import { readWord } from '../../protocol/member-words.js';
import type { Direct, Here, WordMember } from '../../protocol/member-words.js';
import type { FirstAnswers } from './first-answers.js';
import type { NodesOnTopics } from './nodes-on-topics.js';
import type { NodeOnTopic, TopicElsewhere } from './topic-elsewhere.js';
import type { TopicsElsewhere } from './topics-elsewhere.js';

/** Maximum number of members of other nodes on one topic. */
export const MOST_ELSEWHERE = 65_536;

/** Takes an addressed message of another node (V8). The bytes are only lent. */
export type Addressed = (topic: string, to: MemberId, message: Buffer, from: MemberId | undefined) => void;

/** Says what is due for a word that was heard. */
export interface Speaker {
  /** The list of this node. */
  list(topic: TopicElsewhere): void;
  /** That this node has no members of a topic. */
  nobody(topic: string): void;
  /** That this node wants to know. */
  want(topic: TopicElsewhere): void;
}

/**
 * Does what the words of other nodes say, where they may say it: a word is about its own node only. Owns nothing. Knows
 * nothing of the bus.
 * Invariant: never throws. A word changes nothing that a newer word of its node has already said otherwise.
 */
export class HeardWords {
  addressed: Addressed = () => undefined;
  /** Most members that one node may have of a topic. */
  readonly #mostMembers: number;

  constructor(
    private readonly topics: TopicsElsewhere,
    private readonly nodes: NodesOnTopics,
    private readonly answers: FirstAnswers,
    private readonly roster: Roster,
    private readonly presence: Presence,
    private readonly settings: Settings,
    private readonly clock: Clock,
    private readonly speaker: Speaker,
  ) {
    this.#mostMembers = settings.maxSubscribersPerTopic || MOST_ELSEWHERE;
  }

  /** Takes a word. Returns whether a node may have said it: anyone who can reach the bus may write to it (N5). */
  hear(topic: string, bytes: Uint8Array): boolean {
    const word = readWord(bytes, this.settings.presenceDataBytes);
    if (word === undefined) return false;
    if (word.kind === 'Direct') return this.#deliver(topic, word);
    const { node } = word;
    // Who says something is there, even if this node has not heard it in the roll call.
    if (node === this.roster.self || !(this.roster.others.has(node) || this.roster.heard(node, 'coming'))) return false;
    switch (word.kind) {
      case 'Here':
        return this.#list(topic, word);
      case 'Came':
        return this.#came(topic, node, word.at, word.members);
      case 'Left':
        this.#changed(topic, node, word.at, () => this.presence.removeFrom(topic, node, word.ids));
        return true;
      case 'Seek':
        this.#sought(topic, node);
        return true;
      case 'Want':
        return this.#wants(topic, node);
    }
  }

  #deliver(topic: string, { to, from, relay }: Direct): boolean {
    const message = Buffer.from(relay.buffer, relay.byteOffset, relay.length);
    if (canonicalRelayTopic(message) !== topic) return false;
    this.addressed(topic, to, message, from);
    return true;
  }

  /** A node has these members, or a part of them, and may want to know those of this one. */
  #list(topic: string, word: Here): boolean {
    const { node, at, wants } = word;
    if (word.members.length > this.#mostMembers) return false;
    const known = wants ? this.topics.wanted(topic) : this.topics.get(topic);
    if (known === undefined) {
      // The topic is still on the bus here, but nobody is: the node may have heard less than that.
      if (wants && !word.more) this.speaker.nobody(topic);
      return true;
    }
    const other = this.nodes.know(known, node, this.clock.monotonic());
    if (other !== undefined && at > other.at) {
      other.at = at;
      other.heard = Math.round(this.clock.monotonic());
      const news = wants && !other.wants;
      this.nodes.want(known, other, wants);
      if (known.open) this.#keep(known, node, other, word);
      else if (!wants) this.nodes.remove(known, node);
      if (news || word.ask) this.speaker.list(known);
    }
    this.topics.onlyTell(known);
    return other !== undefined;
  }

  #keep(topic: TopicElsewhere, node: NodeId, other: NodeOnTopic, word: Here): void {
    const whole = this.nodes.collect(other, word, this.#mostMembers);
    if (whole !== undefined) {
      const isRoom = this.presence.elsewhere(topic.topic) + whole.length <= MOST_ELSEWHERE;
      other.lacks = !isRoom || !this.presence.setNode(topic.topic, node, whole);
      this.topics.showPartial(topic);
    }
    this.answers.heard(topic, node, whole !== undefined);
  }

  #came(topic: string, node: NodeId, at: number, members: readonly WordMember[]): boolean {
    if (members.length > this.#mostMembers) return false;
    return this.#changed(topic, node, at, (known, other) => {
      for (const member of members) {
        const isRoom = this.presence.elsewhere(topic) < MOST_ELSEWHERE || this.presence.isElsewhere(topic, member.id);
        if (!isRoom || !this.presence.addTo(topic, node, member)) other.lacks = true;
      }
      if (other.lacks) this.topics.showPartial(known);
    });
  }

  /** Members of a node have come or left. Returns false if there is no room for the node. */
  #changed(
    topic: string,
    node: NodeId,
    at: number,
    change: (known: TopicElsewhere, other: NodeOnTopic) => void,
  ): boolean {
    const known = this.topics.get(topic);
    if (known?.open !== true) return true;
    const other = this.nodes.know(known, node, this.clock.monotonic());
    if (other === undefined) return false;
    if (at <= other.at) return true;
    other.at = at;
    this.nodes.giveUp(other);
    change(known, other);
    return true;
  }

  /** A node does not want to know the members of a topic, and asks who does. */
  #sought(topic: string, node: NodeId): void {
    const known = this.topics.get(topic);
    if (known === undefined) return;
    const other = known.nodes.get(node);
    if (other !== undefined) this.nodes.want(known, other, false);
    if (known.open) {
      this.speaker.want(known);
    } else {
      this.nodes.remove(known, node);
      this.topics.onlyTell(known);
    }
  }

  /** A node wants to know the members of a topic. Returns false if there is no room for that. */
  #wants(topic: string, node: NodeId): boolean {
    const known = this.topics.wanted(topic);
    if (known === undefined) return true;
    const other = this.nodes.know(known, node, this.clock.monotonic());
    if (other !== undefined) {
      other.heard = Math.round(this.clock.monotonic());
      if (!other.wants) this.speaker.list(known);
      this.nodes.want(known, other, true);
    }
    this.topics.onlyTell(known);
    return other !== undefined;
  }
}
