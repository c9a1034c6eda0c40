import { Injectable } from '@nestjs/common';

/** Kinds of valid messages, in any dialect. */
export type MessageKind =
  | 'relay'
  | 'subscribe'
  | 'unsubscribe'
  | 'publish'
  | 'announce'
  | 'query'
  | 'ice_servers'
  | 'ping'
  | 'pong';

/** Kinds of the messages of cairn-signal.v2. */
export type RequestKind = 'relay' | 'subscribe' | 'unsubscribe' | 'ice_servers' | 'ping' | 'pong';

/**
 * Why a message was dropped without an answer: binary that does not decode (R6), text of unknown type (J7), or the
 * topic policy (P1).
 */
export type MessageDrop = 'undecodable' | 'unknown_text' | 'forbidden';

/**
 * Counts of messages received and delivered since the start. Plain numbers, read on demand. Knows no topics and no
 * peers.
 */
@Injectable()
export class TrafficCounts {
  readonly received: { [Kind in MessageKind]: number } = {
    relay: 0,
    subscribe: 0,
    unsubscribe: 0,
    publish: 0,
    announce: 0,
    query: 0,
    ice_servers: 0,
    ping: 0,
    pong: 0,
  };
  /** Those that came over cairn-signal.v2. */
  readonly requests: { [Kind in RequestKind]: number } = {
    relay: 0,
    subscribe: 0,
    unsubscribe: 0,
    ice_servers: 0,
    ping: 0,
    pong: 0,
  };
  readonly dropped: { [Drop in MessageDrop]: number } = { undecodable: 0, unknown_text: 0, forbidden: 0 };
  /** Relays written to subscribers of this node; each subscriber counts. */
  deliveries = 0;
  /** Relays whose topic had no other subscriber on this node. */
  unheard = 0;
  /** Relays of the application in this process: what it relayed, and what its subscriptions were sent. */
  readonly application = { out: 0, in: 0 };
  /** Bytes of messages that peers sent, without framing. */
  bytesIn = 0;
  /** Bytes of frames written to peers. */
  bytesOut = 0;
}
