import { Ration } from '../../backplane/ration.js';
import type { Clock } from '../../clock/clock.js';
import { Sweep } from '../../clock/sweep.js';
import type { TopicElsewhere } from './topic-elsewhere.js';

/** Milliseconds between two lists of a topic, for each LIST_BYTES that they take; and how much of that may be saved up. */
const BETWEEN_MS = 250;
const LIST_BYTES = 16_384;
const SAVED_MS = 3 * BETWEEN_MS;
/** Lists that are said in a second, for all topics together, and their bytes. */
export const MOST_LISTS_A_SECOND = 8000;
export const MOST_LIST_BYTES_A_SECOND = 8 * 1024 * 1024;
/** Lists that are said in one turn. */
const TOGETHER = 128;
const LOOK_MS = 10;
/** Milliseconds for which nothing is said to a bus that takes nothing. */
const PAUSE_MS = 20;

/**
 * The topics whose members this node is about to say. Owns when each may be said. Knows nothing of members.
 * Invariant: a topic is in it once. The lists of one topic, and of all together, keep to their paces, whoever asks how
 * often.
 */
export class ListQueue {
  readonly #ready = new Set<TopicElsewhere>();
  /** Topics that wait for their pace, by when they may go on, in steps of BETWEEN_MS. */
  readonly #later = new Map<number, TopicElsewhere[]>();
  readonly #look = new Sweep(() => this.step(), LOOK_MS);
  readonly #lists: Ration;
  readonly #bytes: Ration;
  #running = false;
  #pausedUntil = 0;

  /** `say` says the list of a topic, and returns its bytes; undefined if the bus takes nothing now. */
  constructor(
    private readonly clock: Clock,
    private readonly say: (topic: TopicElsewhere) => number | undefined,
  ) {
    this.#lists = new Ration(MOST_LISTS_A_SECOND, clock);
    this.#bytes = new Ration(MOST_LIST_BYTES_A_SECOND, clock);
  }

  /** The list of a topic is due: it is said behind this turn, as soon as the paces allow. */
  add(topic: TopicElsewhere): void {
    if (topic.due) return;
    topic.due = true;
    this.#ready.add(topic);
    if (!this.#running) this.#look.start();
    this.#running = true;
    this.#look.wake();
  }

  /** Forgets what is due. */
  clear(): void {
    for (const topic of this.#ready) topic.due = false;
    for (const topics of this.#later.values()) for (const topic of topics) topic.due = false;
    this.#ready.clear();
    this.#later.clear();
    this.#stop();
  }

  /** Says some lists. Returns whether more may be said at once. */
  step(): boolean {
    const now = this.clock.monotonic();
    if (now < this.#pausedUntil) return false;
    this.#goOn(now);
    let said = 0;
    for (const topic of this.#ready) {
      if (said >= TOGETHER) return true;
      if (this.#lists.spent || this.#bytes.spent) return false;
      this.#ready.delete(topic);
      if (topic.notBefore > now) {
        this.#wait(topic);
        continue;
      }
      topic.due = false;
      const bytes = this.say(topic);
      if (bytes === undefined) {
        this.add(topic);
        this.#pausedUntil = now + PAUSE_MS;
        return false;
      }
      said += 1;
      this.#lists.take(1);
      this.#bytes.take(bytes);
      topic.notBefore = Math.max(topic.notBefore, now - SAVED_MS) + BETWEEN_MS * Math.ceil(bytes / LIST_BYTES);
    }
    if (this.#ready.size === 0 && this.#later.size === 0) this.#stop();
    return false;
  }

  #wait(topic: TopicElsewhere): void {
    const slot = Math.ceil(topic.notBefore / BETWEEN_MS);
    const waiting = this.#later.get(slot);
    if (waiting === undefined) this.#later.set(slot, [topic]);
    else waiting.push(topic);
  }

  /** Lets those go on whose time has come. */
  #goOn(now: number): void {
    for (const [slot, topics] of this.#later) {
      if (slot * BETWEEN_MS > now) continue;
      this.#later.delete(slot);
      for (const topic of topics) this.#ready.add(topic);
    }
  }

  #stop(): void {
    this.#look.stop();
    this.#running = false;
  }
}
