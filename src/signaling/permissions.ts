import { Injectable } from '@nestjs/common';
import { Clock } from '../clock/clock.js';
import { TooLate, within } from '../clock/deadline.js';
import { Settings } from '../config/settings.js';
import { ConnectionRegistry } from '../presence/connection-registry.js';
import { Log, Logs } from '../logging/log.js';
import { nameOf } from '../logging/name-of.js';
import type { Connection } from '../connection/connection.js';
import { EveryTopic, TopicPolicy } from './topic-policy.js';
import type { TopicAction } from './topic-policy.js';

/** Milliseconds that a policy may take. */
const POLICY_TIMEOUT_MS = 5000;
/** Milliseconds for which a connection is refused without asking, after the policy did not answer in time. */
const STALLED_MS = 1000;
/**
 * Maximum number of answers remembered for one connection: two actions on each topic of a hundred pairings. Beyond
 * that, the oldest one is forgotten.
 */
const MAX_REMEMBERED = 256;

/**
 * Decides what each connection may do: what its token grants (A6) and the topic policy allows. Owns the policy's
 * answers, which it remembers while the connection exists. Knows nothing of messages.
 * Invariant: nothing is allowed that either of them refuses. A policy that fails refuses.
 */
@Injectable()
export class Permissions {
  /** By connection, then by action and topic. */
  readonly #answers = new WeakMap<Connection, Map<string, boolean>>();
  /**
   * Until when a connection is refused without asking, in milliseconds on the monotonic clock: the policy was too slow
   * for it.
   */
  readonly #stalled = new WeakMap<Connection, number>();
  readonly #log: Log;
  /** Without a custom policy, nothing is asked or remembered. */
  readonly #open: boolean;
  #failed = false;

  constructor(
    private readonly policy: TopicPolicy,
    private readonly connections: ConnectionRegistry,
    private readonly settings: Settings,
    private readonly clock: Clock,
    logs: Logs,
  ) {
    this.#log = logs.for('policy');
    this.#open = policy instanceof EveryTopic;
  }

  /**
   * Returns whether a connection may do something with a topic. Returns a promise, which is never rejected, if the
   * policy takes its time.
   */
  allows(connection: Connection, action: TopicAction, topic: string): boolean | Promise<boolean> {
    const granted = connection.credential?.topics;
    if (granted !== undefined && !granted.has(topic)) return false;
    if (this.#open) return true;
    // Nobody can subscribe to such a topic: the peer is told so when it tries. The answer is not worth remembering
    // either.
    if (Buffer.byteLength(topic) > this.settings.maxTopicBytes) return action === 'subscribe';
    const answers = this.#answersOf(connection);
    const key = `${action} ${topic}`;
    const known = answers.get(key);
    if (known !== undefined) return known;
    // Its next messages would each wait as long, and the end of a waiting connection is not noticed.
    if ((this.#stalled.get(connection) ?? 0) > this.clock.monotonic()) return false;
    const answer = this.#ask(connection, action, topic);
    if (!(answer instanceof Promise)) return remember(answers, key, answer);
    // After a failure, the policy is asked again.
    return answer.then((allowed) => (allowed === undefined ? false : remember(answers, key, allowed)));
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

  /** Returns undefined for a failure. */
  #ask(connection: Connection, action: TopicAction, topic: string): boolean | Promise<boolean | undefined> {
    try {
      const answer: unknown = this.policy.allows(connection.principal, action, topic, connection.credential?.proof);
      return isThenable(answer) ? this.#await(connection, Promise.resolve(answer)) : answer === true;
    } catch (error) {
      this.#fail(error);
      return Promise.resolve(undefined);
    }
  }

  async #await(connection: Connection, answer: Promise<unknown>): Promise<boolean | undefined> {
    try {
      return (await within(this.clock, POLICY_TIMEOUT_MS, answer)) === true;
    } catch (error) {
      if (error instanceof TooLate) this.#stalled.set(connection, this.clock.monotonic() + STALLED_MS);
      this.#fail(error);
      return undefined;
    }
  }

  #answersOf(connection: Connection): Map<string, boolean> {
    const known = this.#answers.get(connection);
    if (known !== undefined) return known;
    const answers = new Map<string, boolean>();
    this.#answers.set(connection, answers);
    return answers;
  }

  /**
   * Logs the first failure as an error: what fails for one peer fails for all, and would fill the log. The text of the
   * error may hold the topic, so only its name is logged.
   */
  #fail(error: unknown): void {
    if (!this.#failed) {
      this.#log.error('the topic policy failed, so the action is refused; further failures are logged at debug', {
        error: nameOf(error),
      });
    }
    this.#failed = true;
    this.#log.debug('the topic policy failed', { error: nameOf(error) });
  }
}

/** Returns whether to wait for an answer. The queries of some libraries are not promises, but have `then`. */
function isThenable(answer: unknown): answer is PromiseLike<unknown> {
  return typeof (answer as { then?: unknown } | null | undefined)?.then === 'function';
}

function remember(answers: Map<string, boolean>, key: string, allowed: boolean): boolean {
  if (answers.size === MAX_REMEMBERED) answers.delete(answers.keys().next().value!);
  answers.set(key, allowed);
  return allowed;
}
