import type { MemberId } from '../protocol/member.js';
import type {
  IceServersRequest,
  PingRequest,
  SubscribeRequest,
  Unreadable,
  UnsubscribeRequest,
} from '../protocol/request.js';
import type { Announce, Malformed, Publish, Query } from '../protocol/rendezvous-message.js';
import type { Connection } from './connection.js';

/** A Relay in its canonical encoding (R4), which is passed on unchanged. */
export interface CanonicalRelay {
  readonly topic: string;
  /** Only lent: it is valid until the handler returns. Copy what you keep. */
  readonly bytes: Buffer;
  /** What a peer of cairn-signal.v2 wants to be answered with (V2). */
  readonly id?: number | undefined;
  /** The only member that shall get it (V8). */
  readonly to?: MemberId | undefined;
}

/**
 * Takes what peers send, with one method for each message of the wire. Gets complete messages, in the order they
 * arrived, and none after the disconnect. An error that a method throws is our own fault, and closes the connection
 * (1011).
 */
export interface MessageHandler {
  subscribe(connection: Connection, message: SubscribeRequest): void;
  unsubscribe(connection: Connection, message: UnsubscribeRequest): void;
  relay(connection: Connection, message: CanonicalRelay): void;
  iceServers(connection: Connection, message: IceServersRequest): void;
  ping(connection: Connection, message: PingRequest): void;
  /** What a peer of cairn-signal.v2 sent is no message. */
  unreadable(connection: Connection, message: Unreadable): void;
  publish(connection: Connection, message: Publish): void;
  announce(connection: Connection, message: Announce): void;
  query(connection: Connection, message: Query): void;
  malformed(connection: Connection, message: Malformed): void;
}

/**
 * What the gateway calls itself in its options, so that the adapter can tell it from others. No URL has such a path.
 */
export const GATEWAY = 'cairn-signal, on its own path';

/** The source of connections, which Nest gives to the gateway as its server. */
export interface ConnectionSource {
  /** Delivers every message of every connection to `handler`. The guards of `handler` also decide who may connect. */
  deliverTo(handler: MessageHandler): void;
}
