/** Who ended a connection. `network`: it was cut on the way, or the peer vanished without a close frame. */
export type EndedBy = 'peer' | 'server' | 'network';

/** How a connection ended. */
export interface End {
  /** The close code: this server's where it closed first, otherwise the peer's; 1006 where there was none. */
  readonly code: number;
  readonly by: EndedBy;
  /** What this server gave as its reason. The peer's reason is a stranger's text, and is not kept. */
  readonly reason?: string | undefined;
}

/**
 * What the audit wants to know of one connection. Whoever carries the connection counts; nobody reads it before the
 * end. Plain numbers: counting costs an addition. There is none without an audit.
 */
export class Tally {
  /** Messages that the peer sent, and their bytes without framing. Pings and pongs do not count. */
  messagesIn = 0;
  bytesIn = 0;
  /** Messages that the peer was sent, and the bytes of their frames. Pings and pongs do not count. */
  messagesOut = 0;
  bytesOut = 0;
  /** Why this server closes the connection, if it does. */
  reason: string | undefined;
  /** Whether this server cut the connection without a close frame. */
  cut = false;
  /** Undefined while the connection lasts. */
  end: End | undefined;

  /** `began` is in milliseconds on the monotonic clock. */
  constructor(readonly began: number) {}
}
