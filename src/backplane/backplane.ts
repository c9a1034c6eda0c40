/** Called with what another node relayed to a topic: the canonical encoding (R4) of a Relay. It is there until this returns. */
export type Deliver = (topic: string, message: Uint8Array) => void;

/** What this node has to say about a topic, in at most so many bytes; undefined for nothing. */
export type Respond = (topic: string, most: number) => Uint8Array | undefined;

/** off: there are no other nodes; up: they are reached; down: they are not, and this node serves its own peers. */
export type BackplaneState = 'off' | 'up' | 'down';

/**
 * What carries messages between the nodes of one service. Knows topics and messages, not who subscribes.
 *
 * The contract, which every implementation keeps (test/contract/backplane.contract.ts):
 * - A message arrives at most once at each other node that subscribes to its topic, never at the node it came from, and
 *   those of one node to one topic arrive in the order they were published in.
 * - Those nodes answer a question that offered its topic a moment ago or earlier, and none else.
 * - Once what `subscribe` returned is fulfilled, what other nodes publish from then on arrives.
 * - Nothing throws, nothing blocks, and what waits to be sent is bounded: what cannot be sent is dropped, and counted.
 */
export abstract class Backplane {
  abstract readonly state: BackplaneState;
  /** Has messages of other nodes delivered; called once, before the first subscription. */
  abstract listen(deliver: Deliver): void;
  /** Has questions of other nodes answered; called once, before the first offer. */
  abstract respond(respond: Respond): void;
  /** Wants a topic's messages; any number of times. What to wait for before they are sure to come; undefined for nothing. */
  abstract subscribe(topic: string): Promise<void> | undefined;
  /** Wants them no more, though some may still come. */
  abstract unsubscribe(topic: string): void;
  /** Sends a message to all other nodes that want it. */
  abstract publish(topic: string, message: Uint8Array): void;

  /** This node has something to say about a topic: lets others ask it, until `withdraw`. */
  abstract offer(topic: string): void;
  abstract withdraw(topic: string): void;
  /** What the other nodes have to say about a topic, within 150 ms or so; at once when none has. Undefined when there is nobody to ask. */
  abstract ask(topic: string): Promise<readonly Uint8Array[]> | undefined;
}
