import type { Proof } from '../connection/connection.js';

/** What a peer may do with a topic: subscribe and relay over CBOR, the others over JSON. */
export type TopicAction = 'subscribe' | 'relay' | 'publish' | 'announce' | 'query';

/**
 * Decides who may do what with which topic. A port: an application provides its own (docs/extending.md).
 *
 * The contract:
 * - It is asked once for a connection, an action and a topic, before the action. The answer is remembered, and holds
 *   while it is remembered: at least while the connection repeats the action.
 * - `principal` is who the peer proved to be; undefined for an anonymous peer. `proof` says how: the issuer and the
 *   verified claims of a JWT are there. Topics are secrets, and must not be logged.
 * - It may take its time: that connection waits, up to 5 s, and no other connection does. A rejection, a timeout, and
 *   any answer but `true` refuse.
 */
export abstract class TopicPolicy {
  abstract allows(
    principal: string | undefined,
    action: TopicAction,
    topic: string,
    proof?: Proof,
  ): boolean | Promise<boolean>;
}

/** Allows everything to everyone, like the reference. */
export class EveryTopic extends TopicPolicy {
  allows(): boolean {
    return true;
  }
}
