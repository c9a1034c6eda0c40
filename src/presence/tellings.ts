import type { Clock } from '../clock/clock.js';
import { ExpiryList } from '../clock/expiry-list.js';
import { Sweep } from '../clock/sweep.js';
import type { Connection } from '../connection/connection.js';
import type { PresenceCounts } from '../metrics/presence-counts.js';
import { Telling } from './telling.js';
import type { Told } from './telling.js';
import type { TopicMembers } from './topic-members.js';

/** What tells news to those who look. Must not throw. */
export interface PresenceListener {
  /** The same news for all of these lookers: one frame. */
  tell(topic: string, lookers: readonly Connection[], told: Told): void;
}

/** V4: milliseconds between news of a topic; after news that only said how many there are, the second. */
const LISTED_MS = 250;
const COUNTED_MS = 2000;
/** Milliseconds between looks at what is due. */
const INTERVAL_MS = 25;
/** Bounds of one step: milliseconds of work, and topics. */
const STEP_MS = 2;
const MOST_PER_STEP = 512;

/**
 * When lookers are told what has changed (V4): the first change of a topic at the end of the turn, later ones together.
 * Owns one timer for all topics, which runs while there is something to tell or to wait for. Knows nothing of members.
 * Invariant: the topics of a list are in the order in which they may be told. Each telling is in one list.
 */
export class Tellings {
  listener: PresenceListener | undefined;
  readonly #atOnce = new ExpiryList<Telling>();
  readonly #listed = new ExpiryList<Telling>();
  readonly #counted = new ExpiryList<Telling>();
  readonly #sweep: Sweep;
  #running = false;

  constructor(
    private readonly most: number,
    private readonly clock: Clock,
    private readonly counts: PresenceCounts,
    /** Other work in steps, which says whether there is more. */
    private readonly alongside: () => boolean,
  ) {
    this.#sweep = new Sweep(() => this.step(), INTERVAL_MS);
  }

  /** A topic is about to change. What is still to be told changes too, even if nobody looks just now. */
  changing(table: TopicMembers): void {
    if (table.telling === undefined) {
      if (table.lookers === 0) return;
      table.telling = new Telling(table, this.most);
      this.#atOnce.append(table.telling);
      this.wake();
    }
    table.telling.changing();
  }

  /** A topic has no members any more. */
  forget(table: TopicMembers): void {
    const { telling } = table;
    telling?.list?.remove(telling);
    table.telling = undefined;
  }

  /** Has a step run after this turn. */
  wake(): void {
    if (!this.#running) this.#sweep.start();
    this.#running = true;
    this.#sweep.wake();
  }

  stop(): void {
    this.#sweep.stop();
    this.#running = false;
  }

  /** Tells a bounded part of what is due. Returns whether there may be more. */
  step(): boolean {
    const now = this.clock.monotonic();
    let more = this.alongside();
    for (let topics = 0; ; topics += 1) {
      const telling = this.#due(now);
      if (telling === undefined) break;
      if (topics === MOST_PER_STEP || this.clock.monotonic() > now + STEP_MS) return true;
      this.#tell(telling, now);
    }
    if (this.#atOnce.first !== undefined) more = true;
    if (!more && this.#listed.first === undefined && this.#counted.first === undefined) this.stop();
    return more;
  }

  #due(now: number): Telling | undefined {
    if (this.#atOnce.first !== undefined) return this.#atOnce.first;
    for (const { first } of [this.#listed, this.#counted]) {
      if (first !== undefined && first.notBefore <= now) return first;
    }
    return undefined;
  }

  #tell(telling: Telling, now: number): void {
    const { table, changes } = telling;
    telling.list!.remove(telling);
    const news = telling.take();
    this.counts.coalesced += Math.max(0, changes - news.length);
    if (news.length === 0) {
      table.telling = undefined;
      return;
    }
    const isListed = news[0].told.joined !== undefined || news[0].told.left !== undefined;
    telling.notBefore = now + (isListed ? LISTED_MS : COUNTED_MS);
    (isListed ? this.#listed : this.#counted).append(telling);
    this.counts.frames += news.length;
    for (const { lookers, told } of news) {
      this.counts.told += lookers.length;
      this.listener?.tell(table.topic, lookers, told);
    }
  }
}
