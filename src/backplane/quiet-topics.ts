import type { Msg } from '@nats-io/transport-node';
import type { Clock } from '../clock/clock.js';
import { Sweep } from '../clock/sweep.js';
import type { BareSubscriptions, Receiver } from './nats-internals.js';
import { isOffer } from './questions.js';
import type { Subjects } from './subjects.js';

/** Number of messages to a topic after which it is worth learning whether another node wants it. */
const FIRST_TRY = 8;
/** Maximum number of messages between two tries. */
const RARELY = 4096;
/**
 * Milliseconds after which what was learnt is learnt again. Shorter than SUSPECT_MS, for which a node that begins to want
 * a topic waits: one that did not hear of it in that time, because it was blocked, does not trust what it knew before.
 */
const TRUSTED_MS = 1000;
/**
 * Milliseconds for which a node listens before it tries: the subscriptions of either side have reached all NATS servers.
 * Leaf nodes do not tell that they are any.
 */
const SETTLED_MS = 250;
/** Milliseconds without a message after which a topic is forgotten. */
const IDLE_MS = 10_000;
/** Maximum number of topics that are remembered. The oldest makes room. */
const MOST = 10_000;

/**
 * What happens to a message: it is sent; or not sent; or sent so that NATS says whether anybody got it, which the
 * function must be told, before anything that NATS sends later is taken.
 */
export type Way = 'send' | 'skip' | ((nobody: boolean) => void);

/** A topic that peers of this node send to. */
class Quiet implements Receiver {
  /** The ids of the subscriptions by which others say that they want the topic; empty before the first try. */
  ids: readonly number[] = [];
  /** When the ids were subscribed; undefined while they are not. They are while it is tried, and while it is alone. */
  since: number | undefined = undefined;
  /** Whether nobody else wants the topic. */
  alone = false;
  /** The number of the try under way; undefined for none. */
  trying: number | undefined = undefined;
  /** Number of messages until the next try, and between the last two. */
  left = FIRST_TRY;
  pause = FIRST_TRY;
  /** When what was learnt was asked, and when the last message came, in milliseconds on the monotonic clock. */
  learnt = 0;
  used = 0;

  constructor(private readonly leave: (question: Msg, quiet: Quiet) => void) {}

  receive(message: Msg): void {
    this.leave(message, this);
  }
}

/**
 * Knows the topics that no other node wants, so that messages to them need not go to the bus. Owns what is remembered
 * of them. Knows nothing of messages.
 *
 * A node that is alone with a topic subscribes to the topic's subject of this kind before it learns that it is. A node
 * that begins to want a topic subscribes to it, and then asks on the subject of this kind until NATS says that nobody
 * listens there; so long its subscription does not count as confirmed. Whoever is asked sends everything from then on,
 * stops listening, and then answers. NATS puts all that in an order. Either the one that is alone finds the other's
 * subscription, or the other's question finds it. Several nodes may be alone with a topic that nobody wants: the
 * question ends when the last one has left.
 *
 * A node of an older version does not ask there. Behind its subscription it asks for the topic's records, and waits for
 * the answer. So that is listened to as well.
 *
 * A node that was cut off subscribes to all its topics again, and does not ask for each. It says behind the last one that
 * it is there (N14), and whoever hears that sends everything.
 *
 * Invariant: a message is left out only if no other node's subscription was confirmed before.
 */
export class QuietTopics {
  readonly #topics = new Map<string, Quiet>();
  readonly #sweep = new Sweep(() => this.#forgetIdle(), IDLE_MS / 2);
  /** Whether it is used on this connection. */
  #on = false;
  #tries = 0;

  /** `subjects`: of this kind, and of questions for records. `answer` answers a question. */
  constructor(
    private readonly subjects: readonly Subjects[],
    private readonly subscriptions: BareSubscriptions,
    private readonly clock: Clock,
    private readonly answer: (question: Msg) => void,
  ) {
    this.#sweep.start();
  }

  /** Begins anew. `on`: whether NATS puts questions and subscriptions of all nodes in one order. */
  begin(on: boolean): void {
    this.#on = on;
    for (const topic of this.#topics.keys()) this.#forget(topic);
  }

  /** A node has come, or come back, with subscriptions that nobody heard of: everything is sent until it is learnt anew. */
  relearn(): void {
    this.begin(this.#on);
  }

  stop(): void {
    this.#sweep.stop();
  }

  /** Decides about the next message to a topic. */
  next(topic: string): Way {
    if (!this.#on) return 'send';
    const quiet = this.#topics.get(topic) ?? this.#remember(topic);
    const now = this.clock.monotonic();
    quiet.used = now;
    if (quiet.alone && now - quiet.learnt < TRUSTED_MS) return 'skip';
    if (quiet.trying !== undefined) return 'send';
    if (quiet.since === undefined) {
      quiet.left -= 1;
      if (quiet.left <= 0) this.#listen(quiet, topic, now);
      return 'send';
    }
    if (now - quiet.since < SETTLED_MS) return 'send';
    this.#tries += 1;
    const mine = this.#tries;
    quiet.trying = mine;
    return (nobody) => {
      if (quiet.trying !== mine) return;
      quiet.trying = undefined;
      quiet.alone = nobody;
      // Not now: this node may have been blocked since NATS said so.
      quiet.learnt = now;
      if (!nobody) this.#wait(quiet);
    };
  }

  /** Another node wants the topic from now on. */
  readonly #leave = (question: Msg, quiet: Quiet): void => {
    if (isOffer(question)) return;
    quiet.alone = false;
    // What is being tried may be from before.
    quiet.trying = undefined;
    this.#wait(quiet);
    // Behind the end of the subscriptions: whoever asks again does not find this node.
    this.answer(question);
  };

  #listen(quiet: Quiet, topic: string, now: number): void {
    if (quiet.ids.length === 0) quiet.ids = this.subjects.map(() => this.subscriptions.add(quiet));
    for (const [i, id] of quiet.ids.entries()) this.subscriptions.subscribe(id, this.subjects[i].of(topic));
    quiet.since = now;
  }

  /** Sends everything for a while. */
  #wait(quiet: Quiet): void {
    if (quiet.since === undefined) return;
    quiet.since = undefined;
    for (const id of quiet.ids) this.subscriptions.unsubscribe(id);
    quiet.pause = Math.min(2 * quiet.pause, RARELY);
    quiet.left = quiet.pause;
  }

  #remember(topic: string): Quiet {
    if (this.#topics.size >= MOST) this.#forget(this.#topics.keys().next().value!);
    const quiet = new Quiet(this.#leave);
    this.#topics.set(topic, quiet);
    return quiet;
  }

  #forget(topic: string): void {
    const quiet = this.#topics.get(topic)!;
    // A try that is under way tells nothing any more.
    quiet.trying = undefined;
    for (const id of quiet.ids) this.subscriptions.remove(id);
    this.#topics.delete(topic);
  }

  #forgetIdle(): false {
    const now = this.clock.monotonic();
    for (const [topic, { used }] of this.#topics) if (now - used > IDLE_MS) this.#forget(topic);
    return false;
  }
}

/**
 * Asks those who leave out messages to a topic, until none is left or `patience` milliseconds are over. `ask` asks once,
 * and calls `heard` with whether nobody was there; it returns false where nothing will be heard.
 */
export async function everybodyLeft(
  clock: Clock,
  patience: number,
  ask: (heard: (nobody: boolean) => void) => boolean,
): Promise<void> {
  const until = clock.monotonic() + patience;
  let left = false;
  while (!left && clock.monotonic() < until) {
    // oxlint-disable-next-line no-await-in-loop -- those who have answered are not asked again
    left = await new Promise<boolean>((heard) => {
      if (!ask(heard)) heard(true);
    });
  }
}
