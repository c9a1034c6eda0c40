import type { NowOrLater } from '../auth/last-value.js';
import type { Proof } from '../connection/connection.js';

/**
 * What a peer may do with a topic: subscribe and relay over CBOR, presence over cairn-signal.v2, the others over JSON.
 * `presence` is to be told who is on the topic. It is asked after a yes to `subscribe`, when a peer wants that.
 */
export type TopicAction = 'subscribe' | 'presence' | 'relay' | 'publish' | 'announce' | 'query';

/** An answer, and for how long it holds: from 1 s to a day, and values outside that count as these bounds. */
export interface TimedAnswer {
  readonly allowed: boolean;
  /** Seconds from now; 0 or more. Without it, the answer holds until it is forgotten. */
  readonly seconds?: number | undefined;
}

export type PolicyAnswer = boolean | TimedAnswer;

/**
 * Decides who may do what with which topic. A port: an application provides its own (docs/extending.md).
 *
 * The contract:
 * - It is asked once for a connection, an action and a topic, before the action. The answer is remembered, and holds
 *   while it is remembered: at least while the connection repeats the action, at most for its `seconds`, and not after
 *   Permissions.forget.
 * - When the answer has ended, it is asked again, also for what lasts: a subscription, and a published record. A few
 *   questions are open at a time.
 * - `principal` is who the peer proved to be; undefined for an anonymous peer. `proof` says how: the issuer and the
 *   verified claims of a JWT are there. Topics are secrets, and must not be logged.
 * - To `presence` it may answer undefined, as a policy does that does not know this action: then whoever may subscribe is
 *   told the members.
 * - It may take its time: that connection waits, up to 5 s, and no other connection does. A rejection, a timeout, and
 *   any other answer but a yes refuse. Of an observable, the last value counts.
 */
export abstract class TopicPolicy {
  abstract allows(
    principal: string | undefined,
    action: TopicAction,
    topic: string,
    proof?: Proof,
  ): NowOrLater<PolicyAnswer | undefined>;
}

/** Allows everything to everyone, like the reference. */
export class EveryTopic extends TopicPolicy {
  allows(): boolean {
    return true;
  }
}

/**
 * The topic policy, fetched when it is first needed: what it injects may itself inject Permissions, which asks it.
 */
export class TopicPolicySource {
  #made: TopicPolicy | undefined;

  constructor(private readonly fetch: () => TopicPolicy) {}

  get policy(): TopicPolicy {
    return (this.#made ??= this.fetch());
  }
}
