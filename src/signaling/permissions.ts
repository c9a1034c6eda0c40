import { Injectable } from '@nestjs/common';
import { isLater, lastValue } from '../auth/last-value.js';
import { Clock } from '../clock/clock.js';
import { isTooLate, within } from '../clock/deadline.js';
import { Settings } from '../config/settings.js';
import { ConnectionRegistry } from '../presence/connection-registry.js';
import { Log, Logs } from '../logging/log.js';
import { makerOf, nameOf } from '../logging/name-of.js';
import { ThrottledLog } from '../logging/throttled-log.js';
import { PolicyCounts } from '../metrics/policy-counts.js';
import type { PolicyFailure } from '../metrics/policy-counts.js';
import type { Connection } from '../connection/connection.js';
import { judgementOf } from './judgement.js';
import type { Judgement } from './judgement.js';
import { EveryTopic, TopicPolicySource } from './topic-policy.js';
import type { TopicAction } from './topic-policy.js';

/** Milliseconds that a policy may take. */
const POLICY_TIMEOUT_MS = 5000;
/** Milliseconds for which a connection is refused without asking, after the policy did not answer in time. */
const STALLED_MS = 1000;
/**
 * Maximum number of answers remembered for one connection: three actions on each topic of 85 pairings. Beyond that, the
 * oldest one is forgotten.
 */
const MAX_REMEMBERED = 256;

/**
 * The answer of a policy that does not know `presence`: a yes, since the peer may subscribe. It has no end of its own,
 * since it ends with the subscription.
 */
const AS_SUBSCRIBED: Judgement = { allowed: true, until: Infinity };

/** What was decided; undefined if the policy failed. */
type Judged = Judgement | undefined;

/**
 * Decides what each connection may do: what its token grants (A6) and the topic policy allows. Owns the policy's
 * answers, which it remembers until they end or are forgotten, or while the connection exists. Knows nothing of
 * messages, or of what a connection does with a yes.
 * Invariant: nothing is allowed that either of them refuses. A policy that fails refuses.
 */
@Injectable()
export class Permissions {
  /** By connection, then by action and topic. */
  readonly #answers = new WeakMap<Connection, Map<string, Judgement>>();
  /**
   * Until when a connection is refused without asking, in milliseconds on the monotonic clock: the policy was too slow
   * for it.
   */
  readonly #stalled = new WeakMap<Connection, number>();
  readonly #log: Log<'policy'>;
  readonly #nonsense: ThrottledLog<'policy'>;
  #open: boolean | undefined;
  #failed = false;
  #onForgotten: (connection: Connection) => void = () => undefined;

  constructor(
    private readonly source: TopicPolicySource,
    private readonly connections: ConnectionRegistry,
    private readonly settings: Settings,
    private readonly clock: Clock,
    private readonly counts: PolicyCounts,
    logs: Logs,
  ) {
    this.#log = logs.for('policy');
    this.#nonsense = new ThrottledLog(this.#log, clock);
  }

  /** Whether there is no custom policy. Then nothing is asked or remembered. */
  get open(): boolean {
    return (this.#open ??= this.source.policy instanceof EveryTopic);
  }

  /**
   * P5: forgets the answers for the connections of a principal, or for all connections. The policy is asked again
   * before the next action of each; for what lasts, within seconds. An answer that is on its way is not remembered.
   */
  forget(principal?: string): void {
    // There may be no policy yet: whoever makes one may call this.
    if (this.connections.size === 0 || this.open) return;
    for (const connection of this.connections) {
      // From JavaScript, null may come for an anonymous peer. Forgetting too much does no harm.
      if ((principal ?? connection.principal) !== connection.principal) continue;
      this.#answers.delete(connection);
      this.#onForgotten(connection);
    }
  }

  /** Sets what hears of every connection whose answers are forgotten. */
  onForgotten(listener: (connection: Connection) => void): void {
    this.#onForgotten = listener;
  }

  /**
   * Returns whether a connection may do something with a topic. Returns a promise, which is never rejected, if the
   * policy takes its time.
   */
  allows(connection: Connection, action: TopicAction, topic: string): boolean | Promise<boolean> {
    const granted = connection.credential?.topics;
    if (granted !== undefined && !granted.has(topic)) return false;
    if (this.open) return true;
    // Nobody can subscribe to such a topic: the peer is told so when it tries. The answer is not worth remembering
    // either.
    if (Buffer.byteLength(topic) > this.settings.maxTopicBytes) return action === 'subscribe' || action === 'presence';
    const answers = this.#answersOf(connection);
    const key = keyOf(action, topic);
    const known = answers.get(key);
    if (known !== undefined && this.#holds(known)) return known.allowed;
    // Its next messages would each wait as long, and the end of a waiting connection is not noticed.
    if ((this.#stalled.get(connection) ?? 0) > this.clock.monotonic()) return false;
    // `answers` is of no use any more if they are forgotten meanwhile.
    const judged = this.#ask(connection, action, topic);
    return judged instanceof Promise
      ? judged.then((late) => remember(answers, key, late))
      : remember(answers, key, judged);
  }

  /**
   * P1: calls `act` if the answer is true, otherwise `refuse`. While the policy takes its time, the connection's next
   * message waits. Calls `act` for no connection that was dismissed meanwhile.
   */
  whenAllowed(connection: Connection, allowed: boolean | Promise<boolean>, act: () => void, refuse: () => void): void {
    if (allowed === true) act();
    else if (allowed === false) refuse();
    else {
      connection.hold(
        allowed.then((yes) => {
          if (!yes) refuse();
          else if (this.connections.isLive(connection)) act();
        }),
      );
    }
  }

  /**
   * Returns when the answer to what a connection was just allowed ends, in milliseconds on the monotonic clock. That is
   * now if the answer was forgotten meanwhile.
   */
  endOf(connection: Connection, action: TopicAction, topic: string): number {
    return this.#answers.get(connection)?.get(keyOf(action, topic))?.until ?? this.clock.monotonic();
  }

  /**
   * Asks the policy anew. Returns undefined if it fails. Returns a promise, which is never rejected, if it takes its
   * time. The answer takes the place of one that is remembered, and pushes none out.
   */
  askAgain(connection: Connection, action: TopicAction, topic: string): Judged | Promise<Judged> {
    const answers = this.#answers.get(connection);
    const key = keyOf(action, topic);
    const note = (judged: Judged): Judged => {
      if (answers?.has(key) === true) remember(answers, key, judged);
      return judged;
    };
    const judged = this.#ask(connection, action, topic);
    return judged instanceof Promise ? judged.then(note) : note(judged);
  }

  #holds({ until }: Judgement): boolean {
    return until === Infinity || until > this.clock.monotonic();
  }

  #ask(connection: Connection, action: TopicAction, topic: string): Judged | Promise<Judged> {
    try {
      const { policy } = this.source;
      const answer: unknown = policy.allows(connection.principal, action, topic, connection.credential?.proof);
      return isLater(answer) ? this.#await(connection, action, answer) : this.#read(action, answer);
    } catch (error) {
      return this.#fail(error);
    }
  }

  async #await(connection: Connection, action: TopicAction, answer: unknown): Promise<Judged> {
    try {
      return this.#read(action, await within(this.clock, POLICY_TIMEOUT_MS, lastValue(answer)));
    } catch (error) {
      if (!isTooLate(error)) return this.#fail(error);
      this.#stalled.set(connection, this.clock.monotonic() + STALLED_MS);
      return this.#fail(error, 'timeout');
    }
  }

  /** Reads an answer. Logs one that is none: the log names the policy, since that has to change. */
  #read(action: TopicAction, answer: unknown): Judged {
    if (answer === undefined && action === 'presence') return AS_SUBSCRIBED;
    const judgement = judgementOf(answer, this.clock.monotonic());
    if (typeof judgement !== 'string') return judgement;
    this.counts.failures.nonsense += 1;
    this.#nonsense.write('policy_nonsense', { policy: makerOf(this.source.policy) }, { what: judgement });
    return undefined;
  }

  #answersOf(connection: Connection): Map<string, Judgement> {
    const known = this.#answers.get(connection);
    if (known !== undefined) return known;
    const answers = new Map<string, Judgement>();
    this.#answers.set(connection, answers);
    return answers;
  }

  /**
   * Logs the first failure as an error: what fails for one peer fails for all, and would fill the log. The text of the
   * error may hold the topic, so only its name is logged.
   */
  #fail(error: unknown, failure: PolicyFailure = 'failed'): undefined {
    this.counts.failures[failure] += 1;
    const fields = { policy: makerOf(this.source.policy), error: nameOf(error) };
    if (!this.#failed) this.#log.write('policy_failed', fields);
    this.#failed = true;
    this.#log.write('policy_error', fields);
  }
}

function keyOf(action: TopicAction, topic: string): string {
  return `${action} ${topic}`;
}

/** Remembers an answer, but no failure: after that, the policy is asked again. Returns whether it is a yes. */
function remember(answers: Map<string, Judgement>, key: string, judged: Judged): boolean {
  if (judged === undefined) return false;
  if (answers.size === MAX_REMEMBERED && !answers.has(key)) answers.delete(answers.keys().next().value!);
  answers.set(key, judged);
  return judged.allowed;
}
