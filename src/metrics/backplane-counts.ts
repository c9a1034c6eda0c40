import { Injectable } from '@nestjs/common';

/** Why a message did not reach the other nodes, or a message of theirs did not reach our peers. */
export type BackplaneDrop =
  /** There is no connection to the bus. */
  | 'down'
  /** Too much is waiting on the connection to the bus. */
  | 'slow'
  /** The message was sent over a connection to the bus that its node has given up since, or is this node's own. */
  | 'late'
  /** The message is larger than the bus carries. */
  | 'too_large'
  /**
   * The input is not a canonical Relay to its topic, describes records that no peer could have left, is no call of a
   * node, or is larger or more than any node of this service would send.
   */
  | 'malformed';

/**
 * Counts of the traffic over the bus since the start. Plain numbers, read on demand. Knows neither topics nor nodes.
 */
@Injectable()
export class BackplaneCounts {
  messagesOut = 0;
  bytesOut = 0;
  messagesIn = 0;
  bytesIn = 0;
  /** What nodes said to each other about members of topics (N15), and its bytes. */
  wordsOut = 0;
  wordBytesOut = 0;
  wordsIn = 0;
  wordBytesIn = 0;
  /** Questions that this node asked the others. */
  questions = 0;
  /**
   * Questions that this node did not ask, did not answer, or stopped reading the answers to, because there were too
   * many.
   */
  questionsDropped = 0;
  /** Errors that NATS reported, such as refusals, plus messages of other nodes that could not be handled. */
  failed = 0;
  /** Topics that this node is subscribed to on the bus now. */
  subscriptions = 0;
  /** Last round trip to the bus, in milliseconds; undefined before the first. */
  roundTripMs: number | undefined;
  readonly dropped: { [Drop in BackplaneDrop]: number } = { down: 0, slow: 0, late: 0, too_large: 0, malformed: 0 };
}
