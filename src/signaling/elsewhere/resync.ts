import type { Backplane } from '../../backplane/backplane.js';
import type { NodeId } from '../../backplane/roster.js';
import type { Clock } from '../../clock/clock.js';
import { Sweep } from '../../clock/sweep.js';
import type { NodesOnTopics } from './nodes-on-topics.js';
import type { TopicElsewhere } from './topic-elsewhere.js';

/** Milliseconds without the bus after which what other nodes have is not known any more. A failover is shorter. */
export const GRACE_MS = 1000;
/** Milliseconds in which each topic is said again once, and the most topics in one second. */
export const ROUND_MS = 180_000;
const MOST_AGAIN_A_SECOND = 1000;
/** Milliseconds after which a node that does not say again that it has a topic has it no more. */
export const FORGET_MS = 2.5 * ROUND_MS;
/** Milliseconds after which a node that was cut off has said again what it has; and more for each topic. */
export const SETTLED_MS = 3000;
const SETTLED_MS_EACH = 0.25;
/** Milliseconds for which the parts of a list that goes on are kept. */
const UNFINISHED_MS = 10_000;
/** Milliseconds after this node came to the bus, in which it may not have heard everything about the other nodes. */
const NEWCOMER_MS = 2500;
export const STEP_MS = 250;
/** Topics that are looked at in one turn. */
const TOGETHER = 256;
/** Nodes remembered that were gone and may come back. */
const MOST_GONE = 1024;
const EVERYBODY = '';

/** Does what must be done about a topic. */
export interface Resynced {
  /** Asks the other nodes for their lists. */
  ask(topic: TopicElsewhere): void;
  /** Says the list of this node. */
  say(topic: TopicElsewhere): void;
  /** Its turn in the round has come. */
  visit(topic: TopicElsewhere): void;
  /** Forgets what other nodes have. */
  lose(topic: TopicElsewhere): void;
  /** A node has the topic no more. */
  vacate(topic: TopicElsewhere, node: NodeId): void;
  /** A node is gone. */
  forget(node: NodeId): void;
  /** Says what could not be said for lack of room on the bus. */
  retry(): void;
  /** A node is not reached any more. What it wants to know is still so when it is. */
  unreach(node: NodeId): void;
}

/**
 * Keeps what nodes know of each other's topics true where words were lost: when the bus was away, when a node was cut
 * off or is gone, and, each ROUND_MS, without a reason. Owns when that is. Knows nothing of words.
 * Invariant: work on many topics is done in steps of TOGETHER. However often others come, at most one such walk is
 * under way and one waits.
 */
export class Resync {
  readonly #look = new Sweep(() => this.step(), STEP_MS);
  /** When this node came to the bus; and lost it, while it has not come back. In milliseconds on the monotonic clock. */
  #joined: number;
  #away: number | undefined;
  /** Whether what other nodes have was forgotten for that. */
  #cut = false;
  /** Nodes that were silent. If they come back, they do not know what was forgotten of them. */
  readonly #gone = new Set<NodeId>();
  /** Since when nodes, or all of them, say again what they have. */
  readonly #settling = new Map<NodeId, number>();
  /** Whether all lists must be said again, and ask. */
  #again: 'say' | 'ask' | undefined;
  #jobs: Generator<void>[] = [];
  #round: Iterator<TopicElsewhere> | undefined;
  /** Topics whose turn has come in this round, as a fraction. */
  #turns = 0;

  constructor(
    private readonly topics: { readonly size: number; values(): Iterator<TopicElsewhere> & Iterable<TopicElsewhere> },
    private readonly nodes: NodesOnTopics,
    private readonly backplane: Backplane,
    private readonly clock: Clock,
    private readonly resynced: Resynced,
  ) {
    this.#joined = clock.monotonic();
  }

  start(): void {
    this.backplane.onRecovery(() => this.#recovered());
    if (!this.backplane.answers) this.#away = this.clock.monotonic();
    this.backplane.nodes.watch({
      came: (node) => this.#came(node),
      gone: (node) => {
        this.#settling.delete(node);
        if (this.#gone.size >= MOST_GONE) this.#gone.clear();
        this.#gone.add(node);
        this.resynced.forget(node);
      },
    });
    this.#look.start();
  }

  stop(): void {
    this.#look.stop();
  }

  /** Whether other nodes can be told and asked. */
  get connected(): boolean {
    return this.#away === undefined && this.backplane.answers;
  }

  /** Whether this node may not have heard everything about the others. */
  get newcomer(): boolean {
    return this.clock.monotonic() - this.#joined < NEWCOMER_MS;
  }

  /** A node is there with all its subscriptions. It may have missed what was said before. */
  #came(node: NodeId): void {
    if (this.#gone.delete(node)) this.#again = 'ask';
    else this.#again ??= 'say';
    this.#settling.set(node, this.clock.monotonic());
    this.#look.wake();
  }

  /** Does what is due. Returns whether there is more to do at once. */
  step(): boolean {
    const now = this.clock.monotonic();
    if (!this.backplane.answers) this.#away ??= now;
    if (this.#away !== undefined) {
      if (now - this.#away >= GRACE_MS) this.#cutOff();
    } else {
      this.#settle(now);
      if (this.#again !== undefined && this.#jobs.length === 0) {
        this.#jobs.push(this.#sayAgain(this.#again, now));
        this.#again = undefined;
      }
      this.#goRound(now);
      this.resynced.retry();
    }
    return this.#work();
  }

  /** The bus answers, and has all subscriptions of this node. */
  #recovered(): void {
    this.#joined = this.clock.monotonic();
    this.#away = undefined;
    this.#cut = false;
    this.#again = 'ask';
    this.#settling.set(EVERYBODY, this.#joined);
    this.#look.wake();
  }

  #cutOff(): void {
    if (this.#cut) return;
    this.#cut = true;
    for (const node of this.backplane.nodes.others.keys()) this.resynced.unreach(node);
    this.#jobs.push(this.#loseAll());
  }

  *#loseAll(): Generator<void> {
    for (const topic of this.topics.values()) {
      if (topic.open) this.resynced.lose(topic);
      yield;
    }
  }

  *#sayAgain(how: 'say' | 'ask', now: number): Generator<void> {
    for (const topic of this.topics.values()) {
      if (how === 'say' && topic.open) this.resynced.say(topic);
      else if (how === 'ask' && topic.open) this.resynced.ask(topic);
      else if (how === 'ask') this.resynced.say(topic);
      yield;
    }
    // It took a while until the last one was even asked about.
    if (how === 'ask' && this.#settling.has(EVERYBODY)) this.#settling.set(EVERYBODY, now);
  }

  /** Forgets what nodes that were cut off, or this one was cut off from, have not said again. */
  #settle(now: number): void {
    for (const [node, since] of this.#settling) {
      if (now - since < SETTLED_MS + SETTLED_MS_EACH * this.topics.size) continue;
      this.#settling.delete(node);
      this.#jobs.push(this.#vacateUnsaid(node, since));
    }
  }

  *#vacateUnsaid(said: NodeId, since: number): Generator<void> {
    const topics = said === EVERYBODY ? this.topics.values() : this.nodes.topicsOf(said);
    for (const topic of topics) {
      for (const [node, { heard }] of topic.nodes) {
        if ((said === EVERYBODY || node === said) && heard < since) this.resynced.vacate(topic, node);
      }
      yield;
    }
  }

  /** Says again the lists of those topics whose turn it is. */
  #goRound(now: number): void {
    const most = (MOST_AGAIN_A_SECOND * STEP_MS) / 1000;
    // Between half and one and a half times as many, so that nodes do not fall into step.
    const share = ((this.topics.size * STEP_MS) / ROUND_MS) * (0.5 + Math.random());
    this.#turns = Math.min(most, this.#turns + share);
    for (; this.#turns >= 1; this.#turns -= 1) {
      this.#round ??= this.topics.values();
      const next = this.#round.next();
      if (next.done === true) this.#round = undefined;
      else this.#visit(next.value, now);
    }
  }

  #visit(topic: TopicElsewhere, now: number): void {
    for (const [node, other] of topic.nodes) {
      const silent = now - other.heard;
      if (silent > FORGET_MS) this.resynced.vacate(topic, node);
      else if (silent > UNFINISHED_MS) this.nodes.giveUp(other);
    }
    this.resynced.visit(topic);
  }

  #work(): boolean {
    for (let done = 0; done < TOGETHER && this.#jobs.length > 0; done++) {
      if (this.#jobs[0].next().done === true) this.#jobs.shift();
    }
    return this.#jobs.length > 0;
  }
}
