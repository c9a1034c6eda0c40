import type { Subscribe, Unsubscribe } from '../protocol/message.js';
import type { Announce, Malformed, Publish, Query } from '../protocol/rendezvous-message.js';
import type { Connection } from './connection.js';

/** A Relay in its canonical encoding (R4), which travels on as it is. */
export interface CanonicalRelay {
  readonly topic: string;
  /** Only lent: valid until the handler returns. Copy what must stay. */
  readonly bytes: Buffer;
}

/**
 * Takes what peers say, one method for each message of the wire: whole messages, in the order they arrived, never after the
 * disconnect. What a method throws is a fault of ours, and closes the connection (1011).
 */
export interface MessageHandler {
  subscribe(connection: Connection, message: Subscribe): void;
  unsubscribe(connection: Connection, message: Unsubscribe): void;
  relay(connection: Connection, message: CanonicalRelay): void;
  publish(connection: Connection, message: Publish): void;
  announce(connection: Connection, message: Announce): void;
  query(connection: Connection, message: Query): void;
  malformed(connection: Connection, message: Malformed): void;
}

/** Where connections come from: what the gateway gets from Nest as its server. */
export interface ConnectionSource {
  /** Delivers every message of every connection to `handler`, whose guards also decide who may connect. */
  deliverTo(handler: MessageHandler): void;
}
