/** What a peer may want to do with a topic: over CBOR subscribe and relay, over JSON the others. */
export type TopicAction = 'subscribe' | 'relay' | 'publish' | 'announce' | 'query';

/**
 * Decides who may do what with which topic. A port: an application brings its own (docs/extending.md).
 *
 * The contract:
 * - Asked once for a connection, an action and a topic, before the action; the answer holds for as long as it is remembered, at
 *   least while the connection does it over and over.
 * - `principal` is who the peer proved to be, undefined for an anonymous one. Topics are secrets: they must not be logged.
 * - It may take its time: the connection waits, up to 5 s, and no other does. A rejection, a time-out and anything but `true` refuse.
 */
export abstract class TopicPolicy {
  abstract allows(principal: string | undefined, action: TopicAction, topic: string): boolean | Promise<boolean>;
}

/** Everyone may do everything, as on the reference. */
export class EveryTopic extends TopicPolicy {
  allows(): boolean {
    return true;
  }
}
