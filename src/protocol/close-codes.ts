import type { Limit } from './limits.js';

/**
 * Why a connection is closed: the WebSocket close code, and a sentence for people (docs/protocol.md, section 4).
 * 4000-4499 mean "come back with backoff", 4500-4999 "do not come back". The others are from RFC 6455, section 7.4.1.
 * The reason of a limit names its setting, if there is one. A reason has at most 123 bytes.
 */
export interface CloseReason {
  readonly code: number;
  readonly text: string;
  /** The limit that the peer reached, if that is the cause. */
  readonly limit?: Limit;
}

/** Fragments that one message may have: enough for small fragments, too few to keep the reader busy with empty ones. */
export const MAX_PIECES = 4096;

/**
 * Pings and pongs that may come between the fragments of one message: enough for hours at usual intervals, too few to
 * fill memory.
 */
export const MOST_INTERRUPTIONS = 512;

/** Codes that this server sends. */
export const CloseCode = {
  /** The answer to a close from the peer. */
  normal: 1000,
  /** Draining. Not 1012, which client libraries of several languages reject as an invalid code. */
  goingAway: 1001,
  /** Broken WebSocket framing. */
  protocolError: 1002,
  /** A text message, or a close reason, that is not UTF-8. */
  invalidText: 1007,
  /** A limit on what one connection may do. */
  policyViolation: 1008,
  /** A message over the size limit. */
  messageTooBig: 1009,
  /** A bug in the server. */
  internalError: 1011,
  /** The token or the certificate of the peer has expired or was revoked. */
  tokenRevoked: 4001,
  /** An operator, or the application that embeds the server, had it closed. */
  closedOnRequest: 4002,
  /** The peer may not use a topic any more that it subscribed to. */
  permissionEnded: 4003,
  /** More bytes wait for the peer than allowed. */
  slowConsumer: 4008,
  /** No sign of life in time. */
  deadPeer: 4009,
  /** Peers have sent more unhandled data than the server may hold, and this one the most. */
  tooMuchUnfinished: 4010,
} as const;

/**
 * How the reason of a drain begins. Servers and proxies close with 1001 for other reasons too, such as idle
 * connections.
 */
const RESTART = 'restart; retry in ';

/** Draining: come back after `seconds`. */
export function restart(seconds: number): CloseReason {
  return { code: CloseCode.goingAway, text: `${RESTART}${seconds} s` };
}

/** Whether a connection was closed by a drain, of this version or of an earlier one, which closed with 1012. */
export function isRestart({ code, reason }: { readonly code: number; readonly reason: string }): boolean {
  return code === 1012 || (code === CloseCode.goingAway && reason.startsWith(RESTART));
}

/** The peer began a message of more than `limit` bytes. */
export function messageTooBig(limit: number): CloseReason {
  return breach(CloseCode.messageTooBig, 'max-message-bytes', `message over ${limit} bytes`);
}

/** The peer used a topic of more than `limit` bytes. */
export function topicTooLong(limit: number): CloseReason {
  return breach(CloseCode.policyViolation, 'max-topic-bytes', `topic over ${limit} bytes`);
}

/** The peer subscribed to more than `limit` topics. */
export function tooManyTopics(limit: number): CloseReason {
  return breach(CloseCode.policyViolation, 'max-topics-per-connection', `more than ${limit} topics on one connection`);
}

/** All connections of the peer's principal together subscribed to more than `limit` topics. */
export function tooManyTopicsOfPrincipal(limit: number): CloseReason {
  return breach(CloseCode.policyViolation, 'max-topics-per-principal', `more than ${limit} topics of one principal`);
}

/** The peer subscribed to a topic with `limit` subscribers. */
export function tooManySubscribers(limit: number): CloseReason {
  return breach(CloseCode.policyViolation, 'max-subscribers-per-topic', `topic has ${limit} subscribers already`);
}

/** All connections of the node together have `limit` subscriptions. */
export function tooManySubscriptions(limit: number): CloseReason {
  return breach(CloseCode.policyViolation, 'max-subscriptions', `server has ${limit} subscriptions already`);
}

/** More than `limit` bytes wait for the peer. */
export function slowConsumer(limit: number): CloseReason {
  return breach(CloseCode.slowConsumer, 'max-buffered-bytes', `slow consumer: more than ${limit} bytes waiting`);
}

/** More than `limit` bytes wait for all peers of the node, and the most for this one. */
export function nodeOverloaded(limit: number): CloseReason {
  return breach(
    CloseCode.slowConsumer,
    'max-buffered-total-bytes',
    `slow consumer: more than ${limit} bytes wait for all peers`,
  );
}

/** Peers have sent more than `limit` bytes that are unfinished or unhandled, and this one the most. */
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

/** The token of the connection no longer opens the server. */
export const tokenRevoked: CloseReason = {
  code: CloseCode.tokenRevoked,
  text: 'token revoked; come back with a new one',
};

/** The token of the connection has expired. */
export const tokenExpired: CloseReason = {
  code: CloseCode.tokenRevoked,
  text: 'token expired; come back with a new one',
};

/** The application closed the connection. `text` is for people, and has at most 123 bytes. */
export function closedOnRequest(text: string): CloseReason {
  return { code: CloseCode.closedOnRequest, text };
}

/** The topic policy allows a subscription of the connection no more. */
export const permissionEnded: CloseReason = {
  code: CloseCode.permissionEnded,
  text: 'you may not use one of your topics any more; come back for the others',
};

/** The client certificate of the connection has expired. */
export const certificateExpired: CloseReason = {
  code: CloseCode.tokenRevoked,
  text: 'certificate expired; come back with a new one',
};

/** The client certificate of the connection was revoked, or its authority is not trusted any more. */
export const certificateRevoked: CloseReason = {
  code: CloseCode.tokenRevoked,
  text: 'certificate revoked; come back with a new one',
};

/** An operator had the connections of a principal closed. */
export const closedByOperator = closedOnRequest('closed by the operator; come back with backoff');

/** Too many pings and pongs came inside one message. */
export const tooManyInterruptions: CloseReason = {
  code: CloseCode.policyViolation,
  text: `message interrupted by more than ${MOST_INTERRUPTIONS} pings and pongs`,
};

/** Code threw that must not throw. The log has the error. */
export const internalError: CloseReason = { code: CloseCode.internalError, text: 'internal error; retry with backoff' };

/** Frames that no peer may send. */
export const brokenFraming: CloseReason = { code: CloseCode.protocolError, text: 'broken WebSocket framing' };

/** A text message that is not UTF-8. */
export const textNotUtf8: CloseReason = { code: CloseCode.invalidText, text: 'text that is not UTF-8' };

/** A message in too many fragments. */
export const tooManyPieces: CloseReason = {
  code: CloseCode.policyViolation,
  text: `message in more than ${MAX_PIECES} pieces`,
};

/** The reason in the answer to a close from the peer: to one without a reason, or to a broken one. */
export function reasonFor(code: number): string {
  return [brokenFraming, textNotUtf8].find((reason) => reason.code === code)?.text ?? "closed at the peer's request";
}

function breach(code: number, limit: Limit, what: string): CloseReason {
  return { code, text: `${what}; the setting is ${limit}`, limit };
}
