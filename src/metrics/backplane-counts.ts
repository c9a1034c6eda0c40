import { Injectable } from '@nestjs/common';

/** Why a message did not go to the other nodes, or one of theirs not to our peers. */
export type BackplaneDrop =
  /** There is no connection to the bus. */
  | 'down'
  /** Too much waits on that connection. */
  | 'slow'
  /** More than the bus carries in one message. */
  | 'too_large'
  /** What came is no canonical Relay to its topic, tells of records that no peer could have left, or is larger or more than any node of this service says. */
  | 'malformed';

/** What went over the bus since the start. Plain numbers, read when somebody looks; knows neither topics nor nodes. */
@Injectable()
export class BackplaneCounts {
  messagesOut = 0;
  bytesOut = 0;
  messagesIn = 0;
  bytesIn = 0;
  /** Questions that this node asked the others, and those that it did not ask, answer or hear out since there were too many. */
  questions = 0;
  questionsDropped = 0;
  /** Subscriptions that NATS refused, and messages of other nodes that could not be handled. */
  failed = 0;
  /** Topics that this node has on the bus now. */
  subscriptions = 0;
  /** How long the bus took to answer last, in milliseconds; undefined before it did. */
  roundTripMs: number | undefined;
  readonly dropped: { [Drop in BackplaneDrop]: number } = { down: 0, slow: 0, too_large: 0, malformed: 0 };
}
