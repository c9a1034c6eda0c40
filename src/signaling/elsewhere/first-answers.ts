import type { NodeId, Roster } from '../../backplane/roster.js';
import type { Clock } from '../../clock/clock.js';
import { Sweep } from '../../clock/sweep.js';
import type { TopicElsewhere } from './topic-elsewhere.js';

/** Milliseconds for which somebody waits at all: as long as for a bus that does not answer (N4). */
const LATEST_MS = 1500;
/** Milliseconds to wait for the first answer, and for the next one after one came. */
const FIRST_MS = 150;
const NEXT_MS = 30;
const LOOK_MS = 10;
/** Topics that are looked at each time. */
const TOGETHER = 512;

/**
 * Knows when the other nodes have answered the first question about a topic. Owns who waits for that. Knows nothing of
 * the answers.
 * Invariant: nobody waits longer than LATEST_MS and a look; nor when no other node has the topic, or all have answered.
 */
export class FirstAnswers {
  readonly #topics = new Set<TopicElsewhere>();
  readonly #look = new Sweep(() => this.step(), LOOK_MS);

  /** `over` is called when nobody waits for a topic any more; `answered` says whether it was asked about. */
  constructor(
    private readonly nodes: Roster,
    private readonly clock: Clock,
    private readonly over: (topic: TopicElsewhere, answered: boolean) => void,
  ) {}

  /** The other nodes are about to be asked. */
  begin(topic: TopicElsewhere): void {
    if (topic.waiting !== undefined) return;
    let resolve!: () => void;
    const promise = new Promise<void>((settle) => (resolve = settle));
    const latest = this.clock.monotonic() + LATEST_MS;
    topic.waiting = { promise, resolve, latest, until: latest, answered: new Set() };
    if (this.#topics.size === 0) this.#look.start();
    this.#topics.add(topic);
  }

  /** The question was sent. */
  asked({ waiting }: TopicElsewhere): void {
    if (waiting !== undefined) waiting.until = Math.min(waiting.latest - 1, this.clock.monotonic() + FIRST_MS);
  }

  /** A node has said what it has, or a part of that. */
  heard(topic: TopicElsewhere, node: NodeId, whole: boolean): void {
    const { waiting } = topic;
    if (waiting === undefined) return;
    if (whole) waiting.answered.add(node);
    if (waiting.until === waiting.latest) return;
    if (waiting.answered.size >= this.nodes.others.size) this.end(topic, true);
    else waiting.until = Math.min(waiting.latest - 1, this.clock.monotonic() + NEXT_MS);
  }

  /** Nobody waits for a topic any more. */
  end(topic: TopicElsewhere, answered: boolean): void {
    const { waiting } = topic;
    if (waiting === undefined) return;
    topic.waiting = undefined;
    this.#topics.delete(topic);
    if (this.#topics.size === 0) this.#look.stop();
    waiting.resolve();
    this.over(topic, answered);
  }

  stop(): void {
    for (const topic of this.#topics) this.end(topic, false);
  }

  step(): false {
    const now = this.clock.monotonic();
    let left = Math.min(TOGETHER, this.#topics.size);
    for (const topic of this.#topics) {
      if (left === 0) break;
      left -= 1;
      const { until, latest } = topic.waiting!;
      // Where it was not even sent, nothing is known.
      if (until <= now) {
        this.end(topic, until !== latest);
      } else {
        // Behind those that are looked at next time.
        this.#topics.delete(topic);
        this.#topics.add(topic);
      }
    }
    return false;
  }
}
