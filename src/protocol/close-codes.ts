import type { Limit } from './limits.js';

/**
 * Why a connection is closed: the WebSocket close code and a sentence that a person can read (docs/protocol.md, section 4).
 * 4000-4499 say "come back with backoff", 4500-4999 "do not"; the rest are RFC 6455, section 7.4.1.
 * The reason of a limit names the setting that moves it, if there is one. A reason is at most 123 bytes.
 */
export interface CloseReason {
  readonly code: number;
  readonly text: string;
  /** The limit that the peer ran into, if that is why. */
  readonly limit?: Limit;
}

/** Fragments that one message may come in: enough for a byte each, too few to keep the reader busy with nothing. */
export const MAX_PIECES = 4096;

/** Pings and pongs between the fragments of one message: enough for hours at the usual intervals, too few to keep much in memory. */
export const MOST_INTERRUPTIONS = 512;

/** Codes that this server sends. */
export const CloseCode = {
  /** The answer to the peer's own close. */
  normal: 1000,
  /** Broken WebSocket framing. */
  protocolError: 1002,
  /** A text message, or a close reason, that is not UTF-8. */
  invalidText: 1007,
  /** A limit on what one connection may ask for. */
  policyViolation: 1008,
  /** A message over the size limit. */
  messageTooBig: 1009,
  /** Our fault. */
  internalError: 1011,
  /** Draining for a restart. */
  serviceRestart: 1012,
  /** Its token has expired or was revoked. */
  tokenRevoked: 4001,
  /** More bytes wait for the peer than allowed. */
  slowConsumer: 4008,
  /** No sign of life in time. */
  deadPeer: 4009,
  /** Peers have sent more than the server may hold unhandled, and this one the most. */
  tooMuchUnfinished: 4010,
} as const;

/** Draining: come back after `seconds`. */
export function restart(seconds: number): CloseReason {
  return { code: CloseCode.serviceRestart, text: `restart; retry in ${seconds} s` };
}

/** A message of more than `limit` bytes was begun. */
export function messageTooBig(limit: number): CloseReason {
  return breach(CloseCode.messageTooBig, 'max-message-bytes', `message over ${limit} bytes`);
}

/** A topic of more than `limit` bytes was asked for. */
export function topicTooLong(limit: number): CloseReason {
  return breach(CloseCode.policyViolation, 'max-topic-bytes', `topic over ${limit} bytes`);
}

/** One topic more than `limit` was subscribed to. */
export function tooManyTopics(limit: number): CloseReason {
  return breach(CloseCode.policyViolation, 'max-topics-per-connection', `more than ${limit} topics on one connection`);
}

/** One subscriber more than `limit` came to a topic. */
export function tooManySubscribers(limit: number): CloseReason {
  return breach(CloseCode.policyViolation, 'max-subscribers-per-topic', `topic has ${limit} subscribers already`);
}

/** The node has `limit` subscriptions of all connections together. */
export function tooManySubscriptions(limit: number): CloseReason {
  return breach(CloseCode.policyViolation, 'max-subscriptions', `server has ${limit} subscriptions already`);
}

/** More than `limit` bytes wait for the peer. */
export function slowConsumer(limit: number): CloseReason {
  return breach(CloseCode.slowConsumer, 'max-buffered-bytes', `slow consumer: more than ${limit} bytes waiting`);
}

/** More than `limit` bytes wait for all peers of the node, and for this one more than for others. */
export function nodeOverloaded(limit: number): CloseReason {
  return breach(
    CloseCode.slowConsumer,
    'max-buffered-total-bytes',
    `slow consumer: more than ${limit} bytes wait for all peers`,
  );
}

/** More than `limit` bytes of what peers have sent wait to be finished or handled, and of this one more than of others. */
export function tooMuchUnfinished(limit: number): CloseReason {
  return breach(
    CloseCode.tooMuchUnfinished,
    'max-unfinished-total-bytes',
    `more than ${limit} bytes of all peers unhandled`,
  );
}

/** No sign of life for `seconds` after a ping. */
export function deadPeer(seconds: number): CloseReason {
  return breach(CloseCode.deadPeer, 'pong-timeout', `no pong within ${seconds} s`);
}

/** The token that it came with opens the server no longer. */
export const tokenRevoked: CloseReason = {
  code: CloseCode.tokenRevoked,
  text: 'token revoked; come back with a new one',
};

/** The token that it came with has ended by itself. */
export const tokenExpired: CloseReason = {
  code: CloseCode.tokenRevoked,
  text: 'token expired; come back with a new one',
};

/** A message was begun and interrupted too often. */
export const tooManyInterruptions: CloseReason = {
  code: CloseCode.policyViolation,
  text: `message interrupted by more than ${MOST_INTERRUPTIONS} pings and pongs`,
};

/** Something threw that must not; the log has it. */
export const internalError: CloseReason = { code: CloseCode.internalError, text: 'internal error; retry with backoff' };

/** Frames that no peer may send. */
export const brokenFraming: CloseReason = { code: CloseCode.protocolError, text: 'broken WebSocket framing' };

/** A text message that is not text. */
export const textNotUtf8: CloseReason = { code: CloseCode.invalidText, text: 'text that is not UTF-8' };

/** A message in too many fragments. */
export const tooManyPieces: CloseReason = {
  code: CloseCode.policyViolation,
  text: `message in more than ${MAX_PIECES} pieces`,
};

/** The sentence for the answer to the peer's own close, and for a close frame in which `ws` finds a fault: with `code` alone. */
export function reasonFor(code: number): string {
  return [brokenFraming, textNotUtf8].find((reason) => reason.code === code)?.text ?? "closed at the peer's request";
}

function breach(code: number, limit: Limit, what: string): CloseReason {
  return { code, text: `${what}; the setting is ${limit}`, limit };
}
