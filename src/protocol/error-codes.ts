import type { CloseReason } from './close-codes.js';
import type { Limit } from './limits.js';

/** Why a request of a peer of cairn-signal.v2 was not done (docs/protocol.md, section 12). */
export const ERROR_CODES = [
  'malformed',
  'unsupported',
  'forbidden',
  'topic_too_long',
  'too_many_topics',
  'topic_full',
  'server_full',
  'data_too_large',
  'unavailable',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** Why a request is not done: for programs, and for people. */
export interface RequestFault {
  readonly code: ErrorCode;
  readonly text: string;
  /** The limit that the peer reached, if that is the cause. */
  readonly limit?: Limit | undefined;
  /** Milliseconds after which it may be tried again, if that is known. */
  readonly retry?: number | undefined;
}

const CODE_OF_LIMIT: { readonly [L in Limit]?: ErrorCode } = {
  'max-topic-bytes': 'topic_too_long',
  'max-topics-per-connection': 'too_many_topics',
  'max-topics-per-principal': 'too_many_topics',
  'max-subscribers-per-topic': 'topic_full',
  'max-subscriptions': 'server_full',
};

/** The fault that a connection of v1 is closed for, to those who need not be closed for it (V2). */
export function faultOf({ text, limit }: CloseReason): RequestFault {
  const code = limit && CODE_OF_LIMIT[limit];
  if (code === undefined) throw new Error('this close reason is not the fault of a request');
  return { code, text, limit };
}

/** P1, A6: the peer may not do that with the topic. */
export const FORBIDDEN: RequestFault = { code: 'forbidden', text: 'you may not do that with this topic' };

/** P6: the peer may not be a subscriber of the topic any more. */
export const PERMISSION_ENDED: RequestFault = { code: 'forbidden', text: 'you may not use this topic any more' };

/** P6: the peer may not be told any more who is on the topic. It is still subscribed. */
export const LOOKING_ENDED: RequestFault = {
  code: 'forbidden',
  text: 'you may not be told any more who is on this topic',
};

/** R6, J7: the message is not one of the protocol. */
export const UNREADABLE: Readonly<Record<'malformed' | 'unsupported', RequestFault>> = {
  malformed: { code: 'malformed', text: 'this is no message of cairn-signal.v2' },
  unsupported: { code: 'unsupported', text: 'this server does not know this kind of message' },
};

/** V11: there are no ICE servers. */
export const NO_ICE_SERVERS: RequestFault = { code: 'unavailable', text: 'this server has no ICE servers' };

/** V11: anyone may use the server, and would use its TURN servers. */
export const ICE_CLOSED: RequestFault = {
  code: 'unavailable',
  text: 'anyone may use this server, so it hands out no TURN credentials; the setting is turn-open',
};

/** V11: the ICE provider has none for this peer. */
export const ICE_DENIED: RequestFault = { code: 'unavailable', text: 'this server has no ICE servers for you' };

/** V11: the ICE provider failed, or too many ask it. */
export const ICE_FAILED: RequestFault = {
  code: 'unavailable',
  text: 'this server could not get any ICE servers just now',
  retry: 1000,
};

/** V5: the data of a member is longer than `limit` bytes. */
export function dataTooLarge(limit: number): RequestFault {
  return {
    code: 'data_too_large',
    text: `data over ${limit} bytes; the setting is presence-data-bytes`,
    limit: 'presence-data-bytes',
  };
}

/** The node holds as much for members as it may. */
export function noRoomForMembers(limit: number): RequestFault {
  return {
    code: 'server_full',
    text: `server holds ${limit} bytes for members already; the setting is presence-total-bytes`,
    limit: 'presence-total-bytes',
  };
}
