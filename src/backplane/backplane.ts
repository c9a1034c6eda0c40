import type { MemberId } from '../protocol/member.js';
import { Roster } from './roster.js';

/**
 * Takes what another node relayed to a topic: a Relay in its canonical encoding (R4), and the member that it comes from
 * (V7), if the other node named one. The bytes are valid until it returns.
 */
export type Deliver = (topic: string, message: Uint8Array, from?: MemberId) => void;

/**
 * Hears a word of another node about a topic (protocol/member-words.ts), which is valid until it returns. Returns
 * whether a node may have said it; what is false is counted as malformed.
 */
export type Hear = (topic: string, word: Uint8Array) => boolean;

/** Returns what this node has to say about a topic, in at most `most` bytes; undefined for nothing. */
export type Respond = (topic: string, most: number) => Uint8Array | undefined;

/** Does what another node's operator orders. Returns the answer; undefined for an order that is not obeyed. */
export type Obey = (order: Uint8Array) => Uint8Array | undefined;

/**
 * off: there are no other nodes. up: they can be reached. degraded: some of what this node wants of the bus is refused,
 * or the bus does not answer; `trouble` says what. down: other nodes cannot be reached, and this node serves its own
 * peers only.
 */
export type BackplaneState = 'off' | 'up' | 'degraded' | 'down';

/**
 * The bus that carries messages between the nodes of one service. Knows topics and messages, not who subscribes.
 *
 * The contract, which every implementation keeps (test/contract/backplane.contract.ts):
 * - A message arrives at most once at each other node that subscribes to its topic, and never at the node it came from.
 *   The messages of one node to one topic arrive in the order they were published in.
 * - The same holds for words, which `tell` says, and for words among messages.
 * - A question is answered by the nodes that offered its topic a moment ago or earlier, and by no others.
 * - When the promise of `subscribe` is fulfilled, everything that other nodes publish from then on arrives.
 * - When the promise of `offer` is fulfilled, every question that other nodes ask from then on is answered.
 * - An order reaches each other node at most once.
 * - Each node that joins is in the `nodes` of all others a moment later, until it has stopped or died (N14).
 * - Nothing throws and nothing blocks. What waits to be sent is bounded: the rest is dropped and counted.
 */
export abstract class Backplane {
  abstract readonly state: BackplaneState;

  /** Which other nodes there are, and who is told of changes. */
  readonly nodes = new Roster();

  /** What is wrong while the state is degraded, in a sentence without topics; otherwise undefined. */
  get trouble(): string | undefined {
    return undefined;
  }

  /** Whether anything can be sent to other nodes. */
  get connected(): boolean {
    return this.state === 'up' || this.state === 'degraded';
  }

  /** Whether other nodes can be asked, and subscriptions are confirmed: the bus is reached, and it answers. */
  get answers(): boolean {
    return this.connected;
  }

  /** Maximum number of bytes in a message or a word; 0 while there is no bus. */
  get most(): number {
    return 0;
  }

  /** Whether another node takes newcomers, as far as this one has heard. */
  get othersWelcome(): boolean {
    return this.answers && this.nodes.welcoming;
  }

  /** Tells the other nodes whether this one has peers that want to know members of topics (N15). */
  wantMembers(_wants: boolean): void {
    // Where there are no other nodes, nobody needs to know.
  }

  /** Tells the other nodes that this one is about to stop: newcomers should go elsewhere. */
  leave(): void {
    // Where there are no other nodes, nobody needs to know.
  }

  /** Sets who takes the messages of other nodes. Called once, before the first subscription. */
  abstract listen(deliver: Deliver): void;
  /**
   * Sets who is told when the bus answers after it did not, or is reached after it was not. What was not asked in the
   * meantime can be asked now.
   */
  abstract onRecovery(recovered: () => void): void;
  /** Sets who answers the questions of other nodes. Called once, before the first offer. */
  abstract respond(respond: Respond): void;
  /**
   * Subscribes to the messages of a topic; may be called again for the same topic. Returns a promise to wait for until
   * all messages are sure to arrive; undefined if there is nothing to wait for.
   */
  abstract subscribe(topic: string): Promise<void> | undefined;
  /** Ends the subscription to a topic. Some messages may still arrive. */
  abstract unsubscribe(topic: string): void;
  /** Sends a message, and the member that it comes from, to all other nodes that subscribe to its topic. */
  abstract publish(topic: string, message: Uint8Array, from?: MemberId): void;

  /** Sets who hears what other nodes say about topics that this one subscribes to. Called once. */
  abstract hear(hear: Hear): void;
  /**
   * Says a word to all other nodes that subscribe to the topic. `heard` is told whether there are none, before anything
   * is heard that came later: immediately, or within about 150 ms if there may be some. Returns false, and does not call
   * it, if the word was not sent: there is no bus, or so much is on its way that it must wait.
   */
  abstract tell(topic: string, word: Uint8Array, heard?: (nobody: boolean) => void): boolean;

  /**
   * Lets other nodes ask this one about a topic, until `withdraw`; may be called again for the same topic. Returns a
   * promise to wait for until all questions are sure to reach this node; undefined if there is nothing to wait for.
   */
  abstract offer(topic: string): Promise<void> | undefined;
  abstract withdraw(topic: string): void;
  /**
   * Asks the other nodes about a topic. The promise is fulfilled within about 150 ms, or immediately when no node
   * offers the topic. Returns undefined when there is nobody to ask.
   */
  abstract ask(topic: string): Promise<readonly Uint8Array[]> | undefined;

  /** Sets who obeys the orders of other nodes. Called once. */
  abstract obey(obey: Obey): void;
  /** Gives an order to all other nodes. The promise is fulfilled within about two seconds, with what they answered. */
  abstract order(order: Uint8Array): Promise<readonly Uint8Array[]>;
}
