import { Injectable } from '@nestjs/common';

/** Kinds of messages that mean something, in either dialect. */
export type MessageKind = 'relay' | 'subscribe' | 'unsubscribe' | 'publish' | 'announce' | 'query';

/** Why a message was dropped without an answer: binary that does not decode (R6), text of no known type (J7), or a topic policy (P1). */
export type MessageDrop = 'undecodable' | 'unknown_text' | 'forbidden';

/** What was said and passed on since the start. Plain numbers, read when somebody looks; knows neither topics nor peers. */
@Injectable()
export class TrafficCounts {
  readonly received: { [Kind in MessageKind]: number } = {
    relay: 0,
    subscribe: 0,
    unsubscribe: 0,
    publish: 0,
    announce: 0,
    query: 0,
  };
  readonly dropped: { [Drop in MessageDrop]: number } = { undecodable: 0, unknown_text: 0, forbidden: 0 };
  /** Relays written to a subscriber of this node, each subscriber counted. */
  deliveries = 0;
  /** Relays whose topic had no other subscriber on this node. */
  unheard = 0;
  /** Bytes of messages that peers sent, and of frames written to them. */
  bytesIn = 0;
  bytesOut = 0;
}
