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

/** How long a policy may take, in milliseconds. */
const MOST_ASKING_MS = 5000;
/** How long, in milliseconds, a connection is refused without asking, after a policy that did not answer it in time. */
const STALLED_MS = 1000;
/** Answers remembered for one connection: two actions on each topic of a hundred pairings. Of more, the oldest is forgotten. */
const MOST_REMEMBERED = 256;

/**
 * What each connection may do: what its token grants (A6) and the topic policy allows, whose answers are remembered. Owns the answers,
 * for as long as a connection exists. Knows nothing of messages.
 * Invariant: nothing is allowed that either refuses; a policy that fails refuses.
 */
@Injectable()
export class Permissions {
  /** By connection, then by action and topic. */
  readonly #answers = new WeakMap<Connection, Map<string, boolean>>();
  /** Until when a connection is refused without asking, in milliseconds on the monotonic clock: the policy did not answer in time. */
  readonly #stalled = new WeakMap<Connection, number>();
  readonly #log: Log;
  /** Without a policy of one's own nothing is asked or remembered. */
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

  /** Whether a connection may do that with a topic; a promise, which is never rejected, when the policy takes its time. */
  allows(connection: Connection, action: TopicAction, topic: string): boolean | Promise<boolean> {
    const granted = connection.credential?.topics;
    if (granted !== undefined && !granted.has(topic)) return false;
    if (this.#open) return true;
    // Nobody can subscribe to such a topic, and whoever tries is told why; nor is it worth remembering.
    if (Buffer.byteLength(topic) > this.settings.maxTopicBytes) return action === 'subscribe';
    const answers = this.#answersOf(connection);
    const key = `${action} ${topic}`;
    const known = answers.get(key);
    if (known !== undefined) return known;
    // What it sent behind that would wait as long, each by itself; and a connection that waits is not seen to end.
    if ((this.#stalled.get(connection) ?? 0) > this.clock.monotonic()) return false;
    const answer = this.#ask(connection, action, topic);
    if (!(answer instanceof Promise)) return remember(answers, key, answer);
    // One that failed is asked again.
    return answer.then((allowed) => (allowed === undefined ? false : remember(answers, key, allowed)));
  }

  /**
   * P1: calls `act` where the answer is true, else `refuse`. While the policy takes its time, what the connection says next waits;
   * and a connection that was dismissed meanwhile gets neither done.
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

  /** Undefined for a failure. */
  #ask(connection: Connection, action: TopicAction, topic: string): boolean | Promise<boolean | undefined> {
    try {
      const answer: unknown = this.policy.allows(connection.principal, action, topic);
      return isThenable(answer) ? this.#await(connection, Promise.resolve(answer)) : answer === true;
    } catch (error) {
      this.#fail(error);
      return Promise.resolve(undefined);
    }
  }

  async #await(connection: Connection, answer: Promise<unknown>): Promise<boolean | undefined> {
    try {
      return (await within(this.clock, MOST_ASKING_MS, answer)) === true;
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

  /** Said once: what fails for one peer fails for all, and they would fill the log. An error's text may hold the topic. */
  #fail(error: unknown): void {
    if (!this.#failed) {
      this.#log.error('the topic policy failed, which refuses; further failures are logged at debug', {
        error: nameOf(error),
      });
    }
    this.#failed = true;
    this.#log.debug('the topic policy failed', { error: nameOf(error) });
  }
}

/** Queries of some libraries are none of our promises, and still to be waited for. */
function isThenable(answer: unknown): answer is PromiseLike<unknown> {
  return typeof (answer as { then?: unknown } | null | undefined)?.then === 'function';
}

function remember(answers: Map<string, boolean>, key: string, allowed: boolean): boolean {
  if (answers.size === MOST_REMEMBERED) answers.delete(answers.keys().next().value!);
  answers.set(key, allowed);
  return allowed;
}
