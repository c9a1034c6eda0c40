import type { Msg } from '@nats-io/transport-node';
import type { Clock } from '../clock/clock.js';
import { Sweep } from '../clock/sweep.js';
import type { BareSubscriptions, Receiver } from './nats-internals.js';
import type { Subjects } from './subjects.js';

/** Number of messages to a topic after which it is worth to learn whether another node wants it. */
const FIRST_TRY = 8;
/** Maximum number of messages between two tries. */
const RARELY = 4096;
/** Milliseconds after which what was learnt is learnt again: nodes of an older version do not say that they come. */
const TRUSTED_MS = 1000;
/** Milliseconds without a message after which a topic is forgotten. */
const IDLE_MS = 10_000;
/** Maximum number of topics that are remembered. The oldest makes room. */
const MOST = 10_000;

/** What happens to a message: it is sent, or sent so that NATS says whether anybody got it, or not sent. */
export type Way = 'send' | 'try' | 'skip';

/** A topic that peers of this node send to. */
class Quiet implements Receiver {
  /** The id of the subscription by which others say that they want the topic; undefined before the first try. */
  id: number | undefined = undefined;
  /** Whether nobody else wants the topic. */
  alone = false;
  trying = false;
  /** Number of messages until the next try, and between the last two. */
  left = FIRST_TRY;
  pause = FIRST_TRY;
  /** Milliseconds on the monotonic clock. */
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
 * A node that begins to want a topic asks on the topic's subject of this kind, and waits for the answer, before its
 * subscription counts as confirmed. A node that is alone with a topic subscribes to that subject before it learns that
 * it is. NATS puts the two in an order. Either the one that is alone finds the other's subscription, or the other's
 * question finds it.
 *
 * Invariant: a message is left out only if no other node's subscription was confirmed before.
 */
export class QuietTopics {
  readonly #topics = new Map<string, Quiet>();
  readonly #sweep = new Sweep(() => this.#forgetIdle(), IDLE_MS / 2);
  /** Whether it is used on this connection. */
  #on = false;

  /** `answer` answers a question. */
  constructor(
    private readonly subjects: Subjects,
    private readonly subscriptions: BareSubscriptions,
    private readonly clock: Clock,
    private readonly answer: (question: Msg) => void,
  ) {
    this.#sweep.start();
  }

  get on(): boolean {
    return this.#on;
  }

  /** Begins anew. `on`: whether NATS puts questions and subscriptions of all nodes in one order. */
  begin(on: boolean): void {
    this.#on = on;
    for (const topic of this.#topics.keys()) this.#forget(topic);
  }

  stop(): void {
    this.#sweep.stop();
  }

  /** Decides about the next message to a topic. After 'try', `tried` must be called. */
  next(topic: string): Way {
    if (!this.#on) return 'send';
    const quiet = this.#topics.get(topic) ?? this.#remember(topic);
    const now = this.clock.monotonic();
    quiet.used = now;
    if (quiet.alone && now - quiet.learnt < TRUSTED_MS) return 'skip';
    if (quiet.trying) return 'send';
    if (!quiet.alone && --quiet.left > 0) return 'send';
    quiet.trying = true;
    quiet.id ??= this.subscriptions.add(quiet);
    // Before the message that is tried with.
    this.subscriptions.subscribe(quiet.id, this.subjects.of(topic));
    return 'try';
  }

  /** Learns whether nobody got the message. Called before anything that NATS sends later is taken. */
  tried(topic: string, nobody: boolean): void {
    const quiet = this.#topics.get(topic);
    if (quiet === undefined || !quiet.trying) return;
    quiet.trying = false;
    quiet.alone = nobody;
    quiet.learnt = this.clock.monotonic();
    if (!nobody) this.#wait(quiet);
  }

  /** Another node wants the topic from now on. */
  readonly #leave = (question: Msg, quiet: Quiet): void => {
    quiet.alone = false;
    // What is being tried may be from before.
    quiet.trying = false;
    this.#wait(quiet);
    this.answer(question);
  };

  #wait(quiet: Quiet): void {
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
    const { id } = this.#topics.get(topic)!;
    if (id !== undefined) this.subscriptions.remove(id);
    this.#topics.delete(topic);
  }

  #forgetIdle(): false {
    const now = this.clock.monotonic();
    for (const [topic, { used }] of this.#topics) if (now - used > IDLE_MS) this.#forget(topic);
    return false;
  }
}
