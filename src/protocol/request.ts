import type { MemberId } from './member.js';
import type { Relay, Subscribe, Unsubscribe } from './message.js';

/** What asks for an answer, an Ack or an Error with the same id (V2): an integer from 0 to 2^53-1. */
export interface Answerable {
  readonly id?: number | undefined;
}

/** Makes the sender a member of `topic`, or updates its data. */
export interface SubscribeRequest extends Subscribe, Answerable {
  /** Whether the sender wants to be told the members; undefined for as before. */
  readonly presence?: boolean | undefined;
  /** The member's own data (V5), only lent; undefined for as before. */
  readonly data?: Uint8Array | undefined;
}

export interface UnsubscribeRequest extends Unsubscribe, Answerable {}

export interface RelayRequest extends Relay, Answerable {
  /** The only member that shall get it (V8). */
  readonly to?: MemberId | undefined;
}

/** Asks for STUN and TURN servers (V11). */
export interface IceServersRequest {
  readonly kind: 'IceServers';
  readonly id: number;
}

/** Asks for a Pong with the same id (V9). */
export interface PingRequest extends Answerable {
  readonly kind: 'Ping';
}

/** Answers the server's Ping (V9). */
export interface PongRequest extends Answerable {
  readonly kind: 'Pong';
}

/** A frame that is no request: the peer is told why (V2), with the id if the frame has a good one. */
export interface Unreadable extends Answerable {
  readonly kind: 'Unreadable';
  readonly code: 'malformed' | 'unsupported';
}

/** What a peer of cairn-signal.v2 sends (docs/protocol.md, section 12). */
export type Request =
  | SubscribeRequest
  | UnsubscribeRequest
  | RelayRequest
  | IceServersRequest
  | PingRequest
  | PongRequest;
