import { Injectable } from '@nestjs/common';
import type { OnModuleDestroy, OnModuleInit } from '@nestjs/common';
import { Backplane } from '../../backplane/backplane.js';
import type { NodeId } from '../../backplane/roster.js';
import { Clock } from '../../clock/clock.js';
import { Sweep } from '../../clock/sweep.js';
import { Settings } from '../../config/settings.js';
import type { MemberInfo } from '../../presence/member-list.js';
import { Presence } from '../../presence/presence.js';
import type { PresenceAnnouncer } from '../../presence/presence.js';
import { TopicRegistry } from '../../presence/topic-registry.js';
import type { MemberId } from '../../protocol/member.js';
import { encodeWord, MOST_WORD_BYTES, partsOf, ROOM_FOR_DATA_BYTES } from '../../protocol/member-words.js';
import type { MemberWord } from '../../protocol/member-words.js';
import { FirstAnswers } from './first-answers.js';
import { HeardWords } from './heard-words.js';
import type { Addressed } from './heard-words.js';
import { ListQueue } from './list-queue.js';
import { NodesOnTopics } from './nodes-on-topics.js';
import { Resync } from './resync.js';
import type { TopicElsewhere } from './topic-elsewhere.js';
import { TopicsElsewhere } from './topics-elsewhere.js';

/** Milliseconds without members that may be told, after which this node says that it has none. */
const IDLE_MS = 60_000;
/** Maximum number of topics that are asked about later, because the bus takes nothing. */
const MOST_UNSOUGHT = 65_536;
/** About the bytes of a list without members. */
const OWED_BYTES = 100;

/**
 * Makes the members of all nodes one list (V12, N15): tells other nodes about the members of this one where they want to
 * know, and Presence about theirs. Owns which node wants to know what, and when lists are said. Knows neither
 * connections nor what anybody is told.
 *
 * A node wants to know the members of a topic while it has v2 members of it. It says so with the list of its own, and
 * asks; whoever has the topic answers with theirs, and says who comes and goes from then on. Where nobody wants to know,
 * nothing is said. A list replaces all that was known of its node. All that one node says about a topic is on one
 * subject, and NATS keeps the order of what one connection publishes, so a list and the changes behind it are heard in
 * the order in which they were said; each has a number, and what is not newer than what was heard is ignored, in case
 * that a node changes its connection. So who left between a list and its arrival leaves behind it, and never comes back.
 * Words of different nodes may come in any order: each is only about members of its own node.
 *
 * Two nodes that begin at the same time: both subscribe before they ask. Of two questions, NATS handles one later, and
 * then the other subscription is there: that question is heard, and it holds the asker's list.
 *
 * What gets lost is made good: whatever could not be sent makes the whole list due, every list is said again each
 * ROUND_MS, and a node that says nothing of a topic for FORGET_MS has it no more. When a node that was cut off is back, it
 * and the others say again what they have.
 *
 * Invariant: nothing is said about a topic without v2 members anywhere, except the question whether there are any, to a
 * service that has some. Whatever others say, what is kept is bounded, and so is the work, and what is said in a second.
 */
@Injectable()
export class MembersElsewhere implements PresenceAnnouncer, OnModuleInit, OnModuleDestroy {
  readonly #nodes = new NodesOnTopics();
  readonly #topics: TopicsElsewhere;
  readonly #lists: ListQueue;
  readonly #answers: FirstAnswers;
  readonly #heard: HeardWords;
  readonly #resync: Resync;
  readonly #idle = new Sweep(() => this.#rest(), IDLE_MS);
  /** Whether there is a bus at all. */
  readonly #on: boolean;
  /** Topics of which could not be asked who wants to know them. */
  readonly #unsought = new Set<string>();
  /** Number of the last word. */
  #at = 0;
  /** Whether a topic was open since the last look. */
  #busy = false;

  constructor(
    private readonly presence: Presence,
    private readonly registry: TopicRegistry,
    private readonly backplane: Backplane,
    settings: Settings,
    clock: Clock,
  ) {
    const { nodes } = backplane;
    this.#on = backplane.state !== 'off';
    this.#topics = new TopicsElsewhere(presence, registry, this.#nodes);
    this.#lists = new ListQueue(clock, (topic) => this.#say(topic));
    this.#answers = new FirstAnswers(nodes, clock, (topic, answered) => {
      topic.known = answered && topic.open;
      this.#topics.showPartial(topic);
    });
    this.#heard = new HeardWords(this.#topics, this.#nodes, this.#answers, nodes, presence, settings, clock, {
      list: (topic) => this.#due(topic),
      nobody: (topic) => void this.#sayNobody(topic),
      want: (topic) => {
        // The list says so, too.
        if (!this.#tell(topic.topic, { kind: 'Want', node: this.#self })) this.#due(topic);
      },
    });
    this.#resync = new Resync(this.#topics, this.#nodes, backplane, clock, {
      ask: (topic) => this.#ask(topic),
      say: (topic) => this.#due(topic),
      visit: (topic) => {
        this.#topics.tellNoMore(topic);
        topic.inquires = true;
        if (isHeard(topic) || topic.open) this.#due(topic);
      },
      lose: (topic) => {
        this.#answers.end(topic, false);
        this.#topics.lose(topic);
      },
      vacate: (topic, node) => this.#topics.vacate(topic, node),
      forget: (node) => this.#topics.forget(node),
      unreach: (node) => presence.forgetNode(node),
      retry: () => this.#seekAgain(),
    });
  }

  onModuleInit(): void {
    if (!this.#on) return;
    this.presence.announcer = this;
    this.backplane.hear((topic, word) => this.#heard.hear(topic, word));
    this.#resync.start();
    this.#idle.start();
  }

  onModuleDestroy(): void {
    this.#resync.stop();
    this.#idle.stop();
    this.#lists.clear();
    this.#answers.stop();
  }

  /** Does what is due; the timers call this. Returns whether there is more to do at once. */
  step(): boolean {
    this.#answers.step();
    return [this.#resync.step(), this.#lists.step()].includes(true);
  }

  // --- for the relay

  /** Sets who takes addressed messages of other nodes. Called once. */
  onAddressed(addressed: Addressed): void {
    this.#heard.addressed = addressed;
  }

  /**
   * V8: passes the canonical encoding of a Relay on to a member of another node. Returns false if no such member is
   * known, or other nodes cannot be reached.
   */
  address(topic: string, to: MemberId, message: Uint8Array, from: MemberId | undefined): boolean {
    if (!this.#on || !this.presence.isElsewhere(topic, to)) return false;
    return this.#tell(topic, { kind: 'Direct', to, from, relay: message });
  }

  /**
   * Fulfilled when the other nodes have said who is there, so that nobody is told half of it; undefined if they have, or
   * cannot be asked. At most as long as N2 waits. Never rejected.
   */
  known(topic: string): Promise<void> | undefined {
    return this.#topics.get(topic)?.waiting?.promise;
  }

  /** Whether members of other nodes may be unknown: the bus is away, or they have not said yet who is there. */
  isPartial(topic: string): boolean {
    if (!this.#on) return false;
    if (!this.#resync.connected) return true;
    const known = this.#topics.get(topic);
    return known?.open === true && known.partial;
  }

  /**
   * A topic has its first subscriber here, who does not ask for members. Where another node wants to know them, it is
   * told once the subscription is `confirmed`: by then this node has heard everybody who said before that it does.
   */
  subscribed(topic: string, confirmed: Promise<void> | undefined): void {
    if (!this.#on || this.#topics.get(topic) !== undefined) return;
    if (confirmed === undefined) this.#seek(topic);
    else void confirmed.then(() => this.#seek(topic));
  }

  // --- PresenceAnnouncer

  opened(topic: string): void {
    const elsewhere = this.#topics.opened(topic);
    this.#busy = true;
    // Before the first list: whoever subscribes too late for that one has heard this.
    this.backplane.wantMembers(true);
    if (this.#resync.connected) this.#ask(elsewhere);
  }

  closed(topic: string): void {
    const elsewhere = this.#topics.get(topic)!;
    const isKnown = elsewhere.told || elsewhere.nodes.size > 0;
    const sought = isKnown && this.#tell(topic, { kind: 'Seek', node: this.#self });
    this.#answers.end(elsewhere, false);
    this.#topics.closed(elsewhere);
    // Those who subscribe on are nobody's business yet, unless somebody asked before they came.
    if (!sought) this.#seek(topic);
  }

  came(topic: string, member: MemberInfo): void {
    const elsewhere = this.#topics.get(topic);
    if (elsewhere === undefined || !isHeard(elsewhere)) return;
    const members = [this.#fitting(member)];
    const word = { kind: 'Came', node: this.#self, at: this.#nextFor(elsewhere), members } as const;
    if (!this.#tell(topic, word)) this.#due(elsewhere);
  }

  left(topic: string, ids: readonly MemberId[]): void {
    const elsewhere = this.#topics.get(topic);
    if (elsewhere === undefined) return;
    const word = { kind: 'Left', node: this.#self, at: this.#nextFor(elsewhere), ids } as const;
    if (isHeard(elsewhere) && !this.#tell(topic, word)) {
      elsewhere.owes = true;
      this.#due(elsewhere);
    }
    this.#topics.onlyTell(elsewhere);
  }

  // --- what this node says

  get #self(): NodeId {
    return this.backplane.nodes.self;
  }

  #next(): number {
    this.#at += 1;
    return this.#at;
  }

  /** Returns the number of the next word, which is about a topic. */
  #nextFor(topic: TopicElsewhere): number {
    topic.saidAt = this.#next();
    return topic.saidAt;
  }

  #tell(topic: string, word: MemberWord): boolean {
    return this.backplane.tell(topic, encodeWord(word));
  }

  #due(topic: TopicElsewhere): void {
    if (this.#resync.connected) this.#lists.add(topic);
  }

  /** Has the other nodes say who is there. */
  #ask(topic: TopicElsewhere): void {
    topic.asks = true;
    topic.inquires = true;
    if (!topic.known) this.#answers.begin(topic);
    this.#due(topic);
  }

  /** Asks who wants to know the members of a topic; nothing where no node has peers that could. */
  #seek(topic: string): void {
    if (this.#topics.get(topic) !== undefined || this.registry.subscribers(topic).size === 0) return;
    if (!this.#resync.connected) return;
    if (!this.#resync.newcomer && !this.backplane.nodes.wantingMembers) return;
    if (this.#tell(topic, { kind: 'Seek', node: this.#self }) || this.#unsought.size >= MOST_UNSOUGHT) return;
    this.#unsought.add(topic);
  }

  /** Asks what could not be asked. */
  #seekAgain(): void {
    for (const topic of this.#unsought) {
      this.#unsought.delete(topic);
      this.#seek(topic);
      if (this.#unsought.has(topic)) return;
    }
  }

  /** Says the list of a topic. Returns its bytes; undefined if the bus takes nothing now. */
  #say(topic: TopicElsewhere): number | undefined {
    // Once it is back, all lists are due.
    if (!this.#resync.connected) return 0;
    if (!this.#topics.isCurrent(topic)) return this.#sayOwed(topic);
    const members = this.presence.here(topic.topic);
    if (members === undefined || (!topic.open && !isHeard(topic))) return 0;
    const most = Math.min(MOST_WORD_BYTES, this.backplane.most);
    const parts = partsOf(
      members.map((member) => this.#fitting(member)),
      most,
    );
    let bytes = 0;
    for (const [part, some] of parts.entries()) {
      const more = part < parts.length - 1;
      const at = this.#nextFor(topic);
      const word = encodeWord({
        kind: 'Here',
        node: this.#self,
        at,
        members: some,
        wants: topic.open,
        ask: topic.asks && !more,
        part,
        more,
      });
      const inquires = topic.inquires && !more;
      const heard = inquires ? (nobody: boolean) => nobody && this.#reachedNobody(topic, at) : undefined;
      if (!this.backplane.tell(topic.topic, word, heard)) return undefined;
      bytes += word.length;
      topic.told = true;
      topic.owes = false;
    }
    if (topic.asks) {
      // Nobody waits any more, if it took long. What is answered is known all the same.
      if (!topic.known) this.#answers.begin(topic);
      this.#answers.asked(topic);
    }
    topic.asks = false;
    topic.inquires = false;
    return bytes;
  }

  /** Nothing that was said before of members of this node is so, or will be told on. */
  #sayNobody(topic: string): boolean {
    const list = { members: [], wants: false, ask: false, part: 0, more: false };
    return this.#tell(topic, { kind: 'Here', node: this.#self, at: this.#next(), ...list });
  }

  /** Says that nobody is there, if that could not be said before and is still so. */
  #sayOwed({ topic, owes }: TopicElsewhere): number | undefined {
    if (!owes || this.#topics.get(topic) !== undefined) return 0;
    return this.#sayNobody(topic) ? OWED_BYTES : undefined;
  }

  /** When a word was said, no other node had the topic. One that has it by now may have heard what was said since. */
  #reachedNobody(topic: TopicElsewhere, at: number): void {
    if (!this.#topics.isCurrent(topic)) return;
    if (topic.saidAt === at) topic.told = false;
    for (const node of topic.nodes.keys()) this.#topics.vacate(topic, node);
    this.#answers.end(topic, true);
  }

  /** Returns a member without its data where NATS does not carry them in one message. */
  #fitting(member: MemberInfo): MemberInfo {
    const { id, data } = member;
    const fits = data === undefined || data.length + ROOM_FOR_DATA_BYTES <= this.backplane.most;
    return fits ? member : { id, data: undefined };
  }

  /** Says that nobody here wants to know anything, where that has been so for a while. */
  #rest(): false {
    if (this.#topics.open === 0 && !this.#busy) this.backplane.wantMembers(false);
    this.#busy = this.#topics.open > 0;
    return false;
  }
}

/** Whether another node may know the members that this one has. */
function isHeard({ wanting, told }: TopicElsewhere): boolean {
  return wanting > 0 || told;
}
